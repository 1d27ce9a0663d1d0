/** Reads rows of a history back into the points that they were made from. */
import { isFields, parseJson } from '../../http/index.ts';
import { OWN_PREFIX, STEP_KEY, tagOf } from './keys.ts';
import { readNumber } from './numbers.ts';
import { membersOf, unquoted } from './row-reader.ts';
import { EXACT_KEY, type ExactEntry } from './rows.ts';

/** A row that was read back. */
export interface StoredRow {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly scalars: readonly (readonly [tag: string, value: number | bigint])[];
  readonly exact: readonly ExactEntry[];
}

/** Reads one of our rows. Undefined for any other line. */
export function readRow(line: string): StoredRow | undefined {
  const members = membersOf(line);
  if (members === undefined) return undefined;
  let step: number | bigint | undefined;
  let wallTime: number | undefined;
  let exact: readonly ExactEntry[] = [];
  for (const [key, text] of members) {
    if (key === STEP_KEY) step = readNumber(text);
    else if (key === '_timestamp') wallTime = Number(readNumber(text));
    else if (key === EXACT_KEY) exact = exactOf(text);
  }
  if (step === undefined || wallTime === undefined) return undefined;
  const shown = new Set(exact.map(([key]) => key));
  const scalars: [string, number | bigint][] = [];
  const others: ExactEntry[] = [];
  for (const entry of exact) {
    const [, tag, plugin, , , , value] = entry;
    const number = plugin === 'scalars' && typeof value === 'string' ? readNumber(value) : undefined;
    if (number === undefined) others.push(entry);
    else scalars.push([tag, number]);
  }
  for (const [key, text] of members) {
    if (key.startsWith('_') || key === STEP_KEY || key.startsWith(OWN_PREFIX) || shown.has(key)) continue;
    const value = readNumber(text);
    if (value !== undefined) scalars.push([tagOf(key), value]);
  }
  return { step, wallTime, scalars, exact: others };
}

function exactOf(text: string): readonly ExactEntry[] {
  const parsed = parseJson(Buffer.from(unquoted(text) ?? ''));
  const entries = parsed.kind === 'ok' && Array.isArray(parsed.value) ? (parsed.value as readonly unknown[]) : [];
  return entries.filter(isEntry);
}

/** True if the entry has the form that mirrorboard writes: the service returns what any program wrote. */
function isEntry(entry: unknown): entry is ExactEntry {
  if (!Array.isArray(entry)) return false;
  const [key, tag, plugin, file, offset, index, value, needed] = entry as readonly unknown[];
  if (![key, tag, plugin, file].every((text) => typeof text === 'string')) return false;
  if (typeof offset !== 'number' || typeof index !== 'number' || !Array.isArray(needed)) return false;
  const isValue = typeof value === 'string' || (isFields(value) && typeof value['file'] === 'string');
  return isValue && needed.every((one) => Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'number');
}

/** Returns a text that is equal for two rows made from the same record, no matter which writer wrote them. */
export function signatureOf({ step, wallTime, scalars, exact }: StoredRow): string {
  const number = (x: number | bigint): string => (Object.is(x, -0) ? '-0' : String(x));
  const parts = scalars.map(([tag, value]) => `${JSON.stringify(tag)}:${number(value)}`);
  for (const [, tag, plugin, file, offset, index, value] of exact) parts.push(JSON.stringify([tag, plugin, file, offset, index, value]));
  return `${number(step)} ${number(wallTime)} ${parts.sort().join(' ')}`;
}
