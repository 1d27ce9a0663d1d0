import type { Json } from './value.ts';

/**
 * Returns JSON text from which every number reads back exactly: NaN and infinities as the strings "NaN", "Infinity",
 * "-Infinity", integers beyond 2^53 as strings of digits, negative zero as -0.0 (the truth format's rules).
 */
export function jsonText(value: Json): string {
  switch (typeof value) {
    case 'number':
      return jsonNumber(value);
    case 'bigint':
      return `"${value}"`;
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    default:
      break;
  }
  if (value === null) return 'null';
  if (isList(value)) return isPlain(value) ? JSON.stringify(value) : `[${value.map(jsonText).join(',')}]`;
  const fields: string[] = [];
  for (const key of Object.keys(value)) fields.push(`${JSON.stringify(key)}:${jsonText(value[key] as Json)}`);
  return `{${fields.join(',')}}`;
}

/** True for a list of numbers that JSON writes as we do: it is several times faster, and lists may have a million. */
function isPlain(list: readonly Json[]): boolean {
  return list.every(
    (x) => typeof x === 'number' && Number.isFinite(x) && (!Number.isInteger(x) || (Number.isSafeInteger(x) && !Object.is(x, -0))),
  );
}

/** Returns a number as JSON that every reader reads as the same double. NaN and infinities are strings. */
export function jsonNumber(x: number): string {
  // Many readers take digits alone for an integer, and beyond 2^53 that is another number.
  if (Number.isInteger(x) && !Number.isSafeInteger(x)) return x.toExponential();
  if (Number.isFinite(x)) return Object.is(x, -0) ? '-0.0' : String(x);
  return Number.isNaN(x) ? '"NaN"' : x > 0 ? '"Infinity"' : '"-Infinity"';
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
