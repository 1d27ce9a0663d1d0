/** The steps to ask for when a range of time is zoomed into: the API selects by step. Pure. */
import type { Curve } from './curve.ts';
import { type XAxis, xOf } from './plot.ts';
import type { Range } from './scales.ts';

/** Runs that are asked for together, and their steps. */
export interface StepRange {
  readonly runs: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** How much wider than a run's own range a request may be: a wider one has few points of that run. */
const WIDEST = 2;

/**
 * Returns the ranges of steps that hold a range of the x axis, for the curves that have points there. Runs with about
 * the same steps share a range. `starts` has the start of each run.
 */
export function stepRanges(curves: readonly Curve[], axis: XAxis, range: Range, starts: ReadonlyMap<string, number>): readonly StepRange[] {
  if (axis === 'step') {
    const runs = curves.map(({ id }) => id);
    const [from, to] = [Math.floor(range[0]), Math.ceil(range[1])];
    return runs.length === 0 ? [] : askable([{ runs, from, to }]);
  }
  const own = curves
    .flatMap((curve) => ownRange(curve, axis, range, starts.get(curve.id)) ?? [])
    .sort((a, b) => a.from - b.from || a.to - b.to);
  const ranges: { runs: string[]; from: number; to: number; narrowest: number }[] = [];
  for (const { id, from, to } of own) {
    const width = to - from + 1;
    const last = ranges.at(-1);
    if (last !== undefined && Math.max(last.to, to) - last.from + 1 <= WIDEST * Math.min(width, last.narrowest)) {
      last.runs.push(id);
      last.to = Math.max(last.to, to);
      last.narrowest = Math.min(last.narrowest, width);
    } else ranges.push({ runs: [id], from, to, narrowest: width });
  }
  return askable(ranges.map(({ runs, from, to }) => ({ runs, from, to })));
}

/** The API takes steps that a double holds. A range beyond them stays as it was drawn before. */
function askable(ranges: readonly StepRange[]): readonly StepRange[] {
  const most = Number.MAX_SAFE_INTEGER;
  return ranges
    .filter(({ from, to }) => from <= most && to >= -most)
    .map(({ runs, from, to }) => ({ runs, from: Math.max(-most, from), to: Math.min(most, to) }));
}

/** Returns the steps of the items of a curve that reach into a range. */
function ownRange(
  curve: Curve,
  axis: XAxis,
  [low, high]: Range,
  start: number | undefined,
): { id: string; from: number; to: number } | undefined {
  const origin = start ?? curve.firstWallTime[0] ?? 0;
  const last = xOf(curve, axis, origin);
  const shift = axis === 'relative' ? origin : 0;
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < last.length; i++) {
    if ((last[i] as number) < low || (curve.firstWallTime[i] as number) - shift > high) continue;
    from = Math.min(from, curve.firstStep[i] as number, curve.step[i] as number);
    to = Math.max(to, curve.step[i] as number, curve.firstStep[i] as number);
  }
  return from <= to ? { id: curve.id, from: Math.floor(from), to: Math.ceil(to) } : undefined;
}
