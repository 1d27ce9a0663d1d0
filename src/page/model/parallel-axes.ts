/** Parallel coordinates: an axis for each hyperparameter and metric, and the place of each run on it. Pure. */
import { exactText, shortText } from './exact-number.ts';
import { ticks } from './scales.ts';

/** A value of a run on an axis: undefined if it has none. */
export type AxisValue = number | string | boolean | null | undefined;

/** An axis. */
export interface ParallelAxis {
  readonly name: string;
  readonly kind: 'number' | 'log' | 'words';
  /** The place of a value: 0 is the lower end, 1 the upper one; undefined if it has none. */
  readonly place: (value: AxisValue) => number | undefined;
  readonly ticks: readonly { readonly place: number; readonly text: string }[];
}

/** Numbers over this many powers of ten are shown by their logarithm. */
const LOG_RATIO = 100;
const MOST_TICKS = 6;
/** More different words than this are not written at their axis. */
const MOST_WORDS = 30;

/** Returns the axis of a column of values. */
export function parallelAxis(name: string, values: readonly AxisValue[]): ParallelAxis {
  const given = values.filter((value) => value !== undefined && value !== null);
  const numbers = given.filter((value) => typeof value === 'number' && Number.isFinite(value)) as number[];
  return given.length > 0 && given.every((value) => typeof value === 'number') && numbers.length > 0
    ? numberAxis(name, numbers)
    : wordAxis(name, given);
}

function numberAxis(name: string, numbers: readonly number[]): ParallelAxis {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of numbers) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const isLog = low > 0 && high / low >= LOG_RATIO;
  const scale = isLog ? Math.log10 : (value: number): number => value;
  const [from, to] = [scale(low), scale(high)];
  const place = (value: AxisValue): number | undefined => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
    return to === from ? 0.5 : (scale(value) - from) / (to - from);
  };
  const shown = to === from ? [low] : ticks(isLog ? 'log' : 'linear', [low, high], MOST_TICKS);
  return { name, kind: isLog ? 'log' : 'number', place, ticks: shown.map((tick) => ({ place: place(tick) ?? 0, text: shortText(tick) })) };
}

function wordAxis(name: string, values: readonly AxisValue[]): ParallelAxis {
  const words = [...new Set(values.map(wordOf))].sort(new Intl.Collator('en', { numeric: true }).compare);
  const at = new Map(words.map((word, i) => [word, words.length === 1 ? 0.5 : i / (words.length - 1)]));
  const shown = words.length > MOST_WORDS ? [] : words;
  return {
    name,
    kind: 'words',
    place: (value) => (value === undefined || value === null ? undefined : at.get(wordOf(value))),
    ticks: shown.map((word) => ({ place: at.get(word) ?? 0, text: word })),
  };
}

function wordOf(value: AxisValue): string {
  return typeof value === 'number' ? exactText(value) : String(value);
}
