/**
 * How a server's store treats the data that it gets: learned by a trial, see `store-trial.ts`, and remembered in a
 * tag of the experiment.
 */
import { cut, storable } from './cut-text.ts';
import { PARAM_LENGTH, TAG_LENGTH } from './limits.ts';

/** What the store behind a server keeps, tells apart and can hold. */
export interface StoreFacts {
  /**
   * It keeps points in files: every copy of them, because it appends (`_log_run_metric` in
   * `mlflow/store/tracking/file_store.py`), and not both a metric `a` and `a/b`.
   */
  readonly isFileStore: boolean;
  /**
   * Names that differ by case, accents or trailing blanks only are one name to it: the collations of MySQL and SQL
   * Server.
   */
  readonly foldsNames: boolean;
  /** It also takes letters for others in ways that we do not know all of: `ø` for `o`, `æ` for `ae`, `ァ` for `あ`. */
  readonly foldsLetters: boolean;
  /** It holds no text beyond ASCII for certain: a database in latin1. */
  readonly isAscii: boolean;
  /** It holds no characters beyond the first 65,536, emoji for example: a database in MySQL's utf8mb3. */
  readonly isNarrow: boolean;
  /** Most characters of a tag's value. */
  readonly tagLength: number;
  /** Most characters of a param's value. */
  readonly paramLength: number;
}

/** The assumptions about a server before its trial: what every version accepts, with any database. */
export const UNTRIED: StoreFacts = {
  isFileStore: false,
  foldsNames: false,
  foldsLetters: false,
  isAscii: false,
  isNarrow: false,
  tagLength: 5000,
  paramLength: PARAM_LENGTH,
};

/** Of an experiment: what a trial has found, so that the next process need not try again. */
export const FACTS_TAG = 'mirrorboard.server';
const FORM = 1;
/** No server has a shorter limit: a smaller number is not from us. */
const LEAST_LENGTH = 100;

/** The value of the tag. `version` is the server's: another one may do otherwise. */
export function factsText(facts: StoreFacts, version: string): string {
  const { isFileStore, foldsNames, foldsLetters, isAscii, isNarrow, tagLength, paramLength } = facts;
  return JSON.stringify({
    form: FORM,
    version,
    files: isFileStore,
    folds: foldsNames,
    letters: foldsLetters,
    ascii: isAscii,
    narrow: isNarrow,
    tag: tagLength,
    param: paramLength,
  });
}

/**
 * What the tag says; undefined if there is none, it was written of another version, or says less than a trial
 * finds now.
 */
export function readFacts(text: string | undefined, version: string): StoreFacts | undefined {
  if (text === undefined) return undefined;
  let parsed: Readonly<Record<string, unknown>>;
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || parsed['form'] !== FORM || parsed['version'] !== version) return undefined;
  const { files, folds, letters, ascii, narrow, tag, param } = parsed;
  if (typeof letters !== 'boolean' || typeof narrow !== 'boolean') return undefined;
  if (!isLength(tag, TAG_LENGTH) || !isLength(param, PARAM_LENGTH)) return undefined;
  return {
    isFileStore: files === true,
    foldsNames: folds === true,
    foldsLetters: letters,
    isAscii: ascii === true,
    isNarrow: narrow,
    tagLength: tag,
    paramLength: param,
  };
}

function isLength(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= LEAST_LENGTH && value <= most;
}

/** What decides which characters a store has a place for. */
export type Characters = Pick<StoreFacts, 'isAscii' | 'isNarrow'>;

/** The first `most` characters of a text, as the store takes it. */
export function fitText(text: string, most: number, characters: Characters): string {
  return cut(heldText(text, characters), most);
}

/**
 * A text with every character that the store has no place for as JSON writes it, so that a JSON text stays what it
 * is.
 */
export function heldText(text: string, { isAscii, isNarrow }: Characters): string {
  if (isAscii) return escapeUnits(text, /[^\x20-\x7e\n\t\r]/g);
  return isNarrow ? escapeUnits(text, /[\ud800-\udfff]/g) : text;
}

/** A text as any store may hold it: as it is, or with some characters written as JSON writes them. */
export function heldTexts(text: string): readonly string[] {
  const all = { isAscii: false, isNarrow: false };
  return [storable(text), heldText(text, { ...all, isNarrow: true }), heldText(text, { ...all, isAscii: true })];
}

function escapeUnits(text: string, units: RegExp): string {
  return storable(text).replace(units, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
