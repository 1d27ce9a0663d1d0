/** What a server's store does with what it is sent: learned by a trial, see `store-trial.ts`, and remembered in a tag of the experiment. */
import { cut, storable } from './cut-text.ts';
import { PARAM_LENGTH, TAG_LENGTH } from './limits.ts';

/** What the store behind a server keeps, tells apart and can hold. */
export interface StoreFacts {
  /** It keeps points in files: every copy of them, and no metric `a` beside `a/b`. */
  readonly isFileStore: boolean;
  /** Names that differ by case, accents or trailing blanks only are one name to it: the collations of MySQL and SQL Server. */
  readonly foldsNames: boolean;
  /** It holds no text beyond ASCII for certain: a database in latin1. */
  readonly isAscii: boolean;
  /** Most characters of a tag's value. */
  readonly tagLength: number;
  /** Most characters of a param's value. */
  readonly paramLength: number;
}

/** What is believed of a server that nobody has tried yet: what every version takes, with any database. */
export const UNTRIED: StoreFacts = { isFileStore: false, foldsNames: false, isAscii: false, tagLength: 5000, paramLength: PARAM_LENGTH };

/** Of an experiment: what a trial has found, so that the next process need not try again. */
export const FACTS_TAG = 'mirrorboard.server';
const FORM = 1;
/** Less is no length that a server has: what says so is not ours. */
const LEAST_LENGTH = 100;

/** The value of the tag. `version` is the server's: another one may do otherwise. */
export function factsText(facts: StoreFacts, version: string): string {
  const { isFileStore, foldsNames, isAscii, tagLength, paramLength } = facts;
  return JSON.stringify({
    form: FORM,
    version,
    files: isFileStore,
    folds: foldsNames,
    ascii: isAscii,
    tag: tagLength,
    param: paramLength,
  });
}

/** What the tag says; undefined where there is none, or it was written of another version. */
export function readFacts(text: string | undefined, version: string): StoreFacts | undefined {
  if (text === undefined) return undefined;
  let said: Readonly<Record<string, unknown>>;
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    return undefined;
  }
  if (typeof said !== 'object' || said === null || said['form'] !== FORM || said['version'] !== version) return undefined;
  const { files, folds, ascii, tag, param } = said;
  if (!isLength(tag, TAG_LENGTH) || !isLength(param, PARAM_LENGTH)) return undefined;
  return { isFileStore: files === true, foldsNames: folds === true, isAscii: ascii === true, tagLength: tag, paramLength: param };
}

function isLength(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= LEAST_LENGTH && value <= most;
}

/** The first `most` characters of a text, as the store takes it. */
export function fitText(text: string, most: number, { isAscii }: Pick<StoreFacts, 'isAscii'>): string {
  return cut(isAscii ? plainText(text) : text, most);
}

/** A text in ASCII: every other character as JSON writes it, so that a JSON text stays what it is. */
export function plainText(text: string): string {
  return storable(text).replace(/[^\x20-\x7e\n\t\r]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
