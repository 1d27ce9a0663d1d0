// Numbers of a benchmark: medians, how they are written, how they stand to a target.

/** The median of repeated figures, with the lowest and the highest. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The spread of at least one figure. */
export function spread(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const [low, high] = [sorted[0], sorted.at(-1)];
  const [left, right] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined || left === undefined || right === undefined)
    throw new RangeError('no figures to take a median of');
  return { median: (left + right) / 2, low, high };
}

/**
 * The nearest figure below which, or at which, so large a part of the sorted figures lies: 0.5 the median, 1 the
 * highest.
 */
export function percentile(sorted: readonly number[], part: number): number {
  const figure = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (figure === undefined) throw new RangeError('no figures to take a percentile of');
  return figure;
}

/** What a figure should come to: `reach` is what is promised, `moonshot` what would be remarkable. */
export interface Target {
  /** `most`: the figure should be at most this; `least`: at least. */
  readonly bound: 'most' | 'least';
  readonly reach: number;
  readonly moonshot?: number;
}

/** How a figure stands to its target. */
export type Verdict = 'moonshot' | 'reached' | 'short';

/** Compares one figure with its target. A bound itself counts as met. */
export function judge(figure: number, { bound, reach, moonshot }: Target): Verdict {
  const meets = (limit: number) => (bound === 'most' ? figure <= limit : figure >= limit);
  if (moonshot !== undefined && meets(moonshot)) return 'moonshot';
  return meets(reach) ? 'reached' : 'short';
}

/** A way to write a figure. */
export type Format = (x: number) => string;

/** `1.62 s`, `45 ms`, `-3 ms`. */
export const seconds: Format = (x) => (Math.abs(x) < 0.9995 ? `${Math.round(x * 1000)} ms` : `${x.toFixed(2)} s`);

/** `142 MB`, in millions of bytes. */
export const megabytes: Format = (x) => `${Math.round(x / 1e6)} MB`;

/** `5.27 M/s`, from a number a second. */
export const millionsPerSecond: Format = (x) => `${(x / 1e6).toFixed(2)} M/s`;

/** `1.53×`, with as many digits as tell something. */
export const times: Format = (x) => `${x.toFixed(Math.abs(x) < 10 ? 2 : Math.abs(x) < 100 ? 1 : 0)}×`;

/** `1.24 %`. */
export const percent: Format = (x) => `${x.toFixed(Math.abs(x) < 10 ? 2 : 1)} %`;

/** `2,000,000`. */
export const count: Format = (x) => x.toLocaleString('en-US');

/** The median of points a second. */
export function perSecond(figures: readonly number[]): string {
  return `${count(Math.round(spread(figures).median))}/s`;
}
