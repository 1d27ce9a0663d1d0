/**
 * The place of a page in a sorted list of runs: the key and the name of the last run before it. So runs that come or go
 * meanwhile neither repeat nor hide others. Pure.
 */
import { MirrorError } from '../errors.ts';
import { compareNames, type RunRef } from '../model/index.ts';

/** The value by which a run is sorted; undefined for a run without one. */
export type SortKey = number | bigint | string | undefined;

/** A run in a sorted list. */
export interface SortedRun {
  readonly run: RunRef;
  readonly key: SortKey;
}

/** How a list is sorted. */
export interface SortOrder {
  readonly descending: boolean;
  /** True if the names are the order; otherwise they only decide between equal keys. */
  readonly isByName: boolean;
}

/** Texts are sorted by their beginnings: a text from a file may be long, and a cursor must not be. */
const KEY_CHARACTERS = 256;

/** Returns the key of a text. */
export function textKey(text: string): string {
  return text.slice(0, KEY_CHARACTERS);
}

/** Compares two runs. Runs without a key come last in both directions. */
export function compareRuns(a: SortedRun, b: SortedRun, { descending, isByName }: SortOrder): number {
  const byKey = compareKeys(a.key, b.key, descending);
  if (byKey !== 0) return byKey;
  const byName = compareNames(a.run.root, b.run.root) || compareNames(a.run.path, b.run.path);
  return isByName && descending ? -byName : byName;
}

/** Numbers come before texts. */
function compareKeys(a: SortKey, b: SortKey, descending: boolean): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const [isTextA, isTextB] = [typeof a === 'string', typeof b === 'string'];
  if (isTextA !== isTextB) return Number(isTextA) - Number(isTextB);
  const order = isTextA ? compareNames(a as string, b as string) : a < b ? -1 : a > b ? 1 : 0;
  return descending ? -order : order;
}

/** Returns the cursor of the page after a run. */
export function cursorAfter({ run, key }: SortedRun): string {
  const kept =
    typeof key === 'bigint' ? { integer: String(key) } : typeof key === 'number' && !Number.isFinite(key) ? { number: String(key) } : key;
  return JSON.stringify([run.root, run.path, ...(kept === undefined ? [] : [kept])]);
}

/** Returns the run before the page of a cursor. Throws MB3024 for a text that is no cursor. */
export function runBefore(cursor: string): SortedRun {
  const fault = new MirrorError('MB3024', `${JSON.stringify(cursor.slice(0, 100))} is no page of a list of runs`);
  let parts: unknown;
  try {
    parts = JSON.parse(cursor);
  } catch {
    throw fault;
  }
  if (!Array.isArray(parts) || parts.length < 2 || parts.length > 3) throw fault;
  const [root, path, kept] = parts as readonly unknown[];
  if (typeof root !== 'string' || typeof path !== 'string') throw fault;
  return { run: { root, path }, key: keyIn(kept, fault) };
}

function keyIn(kept: unknown, fault: MirrorError): SortKey {
  if (kept === undefined || typeof kept === 'string' || typeof kept === 'number') return kept;
  const { integer, number } = (kept ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof integer === 'string' && /^-?\d{1,20}$/.test(integer)) return BigInt(integer);
  if (number === 'Infinity' || number === '-Infinity') return Number(number);
  throw fault;
}
