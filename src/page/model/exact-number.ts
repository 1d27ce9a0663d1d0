/** Numbers of the API as doubles, and as texts for people. Pure. */

/** A number in an answer of the API. What JSON cannot hold comes as a text: NaN, the infinities, wide integers. */
export type JsonNumber = number | string;

/** Returns a number as the nearest double. */
export function toDouble(value: JsonNumber): number {
  return typeof value === 'number' ? value : Number(value);
}

/** Writes a number so that it reads back exactly: at most 17 digits for a double, all digits for an integer. */
export function exactText(value: JsonNumber): string {
  return Object.is(value, -0) ? '-0.0' : String(value);
}

/** The magnitudes between which a number is written without an exponent. */
const [SMALLEST_PLAIN, LARGEST_PLAIN] = [1e-4, 1e7];

/** Writes a number short: at most `digits` digits, `1.25e-7`, `NaN`, `∞`. */
export function shortText(value: number, digits = 5): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < SMALLEST_PLAIN || size >= LARGEST_PLAIN) return tidyExponent(value.toExponential(digits - 1));
  // An integer keeps all its digits: a rounded step would be a wrong step.
  if (Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) >= LARGEST_PLAIN ? tidyExponent(value.toExponential(digits - 1)) : String(rounded);
}

function tidyExponent(text: string): string {
  return text.replace(/\.?0*e\+?/, 'e');
}

/** Writes the ticks of an axis, with as many digits as tell them apart. */
export function tickTexts(ticks: readonly number[]): readonly string[] {
  let [largest, least] = [0, Number.POSITIVE_INFINITY];
  ticks.forEach((tick, i) => {
    largest = Math.max(largest, Math.abs(tick));
    if (i > 0) least = Math.min(least, Math.abs(tick - (ticks[i - 1] as number)));
  });
  const digits = largest > 0 && least > 0 && Number.isFinite(least) ? Math.ceil(Math.log10(largest / least)) + 2 : 1;
  return ticks.map((tick) => shortText(tick, Math.max(5, Math.min(17, digits))));
}
