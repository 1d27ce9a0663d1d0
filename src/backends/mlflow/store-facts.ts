/**
 * How a server's store treats the data that it gets. mirrorboard learns it by a trial, see `store-trial.ts`, and
 * remembers it in a tag of the experiment.
 */
import { cut, storable } from './cut-text.ts';
import { PARAM_LENGTH, TAG_LENGTH } from './limits.ts';

/** The facts about the store behind a server: what it keeps, tells apart and can hold. */
export interface StoreFacts {
  /**
   * True if the store keeps points in files. It keeps every copy of them, because it appends (`_log_run_metric` in
   * `mlflow/store/tracking/file_store.py`), and cannot keep both a metric `a` and `a/b`.
   */
  readonly isFileStore: boolean;
  /**
   * True if names that differ only by case, accents or trailing blanks are one name to the store: the collations of
   * MySQL and SQL Server.
   */
  readonly foldsNames: boolean;
  /**
   * True if the store also treats letters as equal, in ways that we do not know completely: `ø` and `o`, `æ` and
   * `ae`, `ァ` and `あ`.
   */
  readonly foldsLetters: boolean;
  /** True if the store is not certain to hold text beyond ASCII: a database in latin1. */
  readonly isAscii: boolean;
  /** True if the store holds no characters beyond the first 65,536, such as emoji: a database in MySQL's utf8mb3. */
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

/** The tag of an experiment with the results of a trial, so that the next process need not try again. */
export const FACTS_TAG = 'mirrorboard.server';
const FORM = 1;
/** No server has a shorter limit: a smaller number is not from us. */
const LEAST_LENGTH = 100;

/** Returns the value of the tag. `version` is the server's: another one may behave differently. */
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
 * Reads the value of the tag. Returns undefined if there is none, if it is for another version, or if it has fewer
 * facts than a trial finds now.
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

/** The facts that decide which characters a store can hold. */
export type Characters = Pick<StoreFacts, 'isAscii' | 'isNarrow'>;

/** Returns the first `most` characters of a text, as the store accepts it. */
export function fitText(text: string, most: number, characters: Characters): string {
  return cut(heldText(text, characters), most);
}

/** Writes every character that the store cannot hold as JSON writes it, so that a JSON text keeps its meaning. */
export function heldText(text: string, { isAscii, isNarrow }: Characters): string {
  if (isAscii) return escapeUnits(text, /[^\x20-\x7e\n\t\r]/g);
  return isNarrow ? escapeUnits(text, /[\ud800-\udfff]/g) : text;
}

/**
 * Returns the forms in which a store may hold a text: as it is, or with some characters written as JSON writes them.
 */
export function heldTexts(text: string): readonly string[] {
  const all = { isAscii: false, isNarrow: false };
  return [storable(text), heldText(text, { ...all, isNarrow: true }), heldText(text, { ...all, isAscii: true })];
}

function escapeUnits(text: string, units: RegExp): string {
  return storable(text).replace(units, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
