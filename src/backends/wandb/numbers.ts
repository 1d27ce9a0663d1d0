import { membersOf } from './row-reader.ts';

/**
 * Returns a number as history rows hold it: the shortest digits that read back as the same double, NaN and infinities
 * as bare words, with the sign of zero. Integers that no double holds are bigints and are written in full; a double
 * of that size is written with an exponent, so that it does not look like one.
 */
export function numberText(x: number | bigint): string {
  if (typeof x === 'bigint') return String(x);
  if (Number.isInteger(x)) {
    if (x === 0) return Object.is(x, -0) ? '-0.0' : '0';
    return Number.isSafeInteger(x) ? String(x) : x.toExponential();
  }
  return String(x);
}

/**
 * Reads a number of a row. Services without bare words for NaN and infinities return texts. Undefined if it is no
 * number.
 */
export function readNumber(text: string): number | bigint | undefined {
  const plain = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  if (plain === 'NaN') return Number.NaN;
  if (plain === 'Infinity') return Infinity;
  if (plain === '-Infinity') return -Infinity;
  if (plain !== text || !/^-?\d/.test(plain)) return undefined;
  const x = Number(plain);
  // Our integers are shorter; parsing a text of megabytes would take minutes.
  return Number.isSafeInteger(x) || !/^-?\d{1,40}$/.test(plain) ? x : BigInt(plain);
}

/** Returns a row or a summary with NaN and infinities as texts, the older form. */
export function withoutWords(row: string): string {
  if (!/:\s*(?:NaN|-?Infinity)\s*[,}]/.test(row)) return row;
  const members = membersOf(row);
  if (members === undefined) return row;
  const quoted = members.map(([key, value]) => `${JSON.stringify(key)}:${/^(?:NaN|-?Infinity)$/.test(value) ? `"${value}"` : value}`);
  return `{${quoted.join(',')}}`;
}
