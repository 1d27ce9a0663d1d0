/** Turns the curves of a group of runs, such as seeds, into their mean and a band around it. Pure. */
import type { Plot } from './plot.ts';

/** A group by its label, with the plots of its runs. */
export interface PlotGroup {
  readonly label: string;
  readonly plots: readonly Plot[];
}

/**
 * Returns the mean of the plots of a group, at common places on the x axis: the places of all points if they are at
 * most `most`, else `most` places at equal distances. Between two points of a run, its value is on the line between
 * them. Before its first point and after its last one, a run has no part in the mean. The band goes from the smallest
 * value to the largest.
 */
export function meanPlot({ label, plots }: PlotGroup, most: number): Plot {
  const x = commonPlaces(plots, most);
  const size = x.length;
  const [sum, rawSum] = [new Float64Array(size), new Float64Array(size)];
  const [runs, rawRuns] = [new Float64Array(size), new Float64Array(size)];
  const [low, high] = [new Float64Array(size).fill(Number.NaN), new Float64Array(size).fill(Number.NaN)];
  for (const plot of plots) {
    // Plots of a run with restarts go back: there is no one value at a place. Sorted, it has a value for each.
    const order = orderOf(plot.x);
    const [y, bottom, top] = [plot.y, plot.low, plot.high].map((values) => valuesAt(plot.x, values, order, x)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    add(sum, runs, y);
    if (plot.raw !== undefined) add(rawSum, rawRuns, valuesAt(plot.x, plot.raw, order, x));
    // With smoothing, the band is that of the smoothed lines: raw extremes would hide the mean.
    const isSmooth = plot.raw !== undefined;
    for (let i = 0; i < size; i++) {
      low[i] = smaller(low[i] as number, (isSmooth ? y : bottom)[i] as number);
      high[i] = larger(high[i] as number, (isSmooth ? y : top)[i] as number);
    }
  }
  return {
    id: label,
    x,
    from: x[0] ?? Number.NaN,
    y: quotient(sum, runs),
    low,
    high,
    raw: plots.some(({ raw }) => raw !== undefined) ? quotient(rawSum, rawRuns) : undefined,
    marks: plots.flatMap(({ marks }) => marks),
    curve: undefined,
    isPreview: plots.some(({ isPreview }) => isPreview),
  };
}

function commonPlaces(plots: readonly Plot[], most: number): Float64Array {
  const distinct = new Set<number>();
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { x } of plots) {
    for (const at of x) {
      if (!Number.isFinite(at)) continue;
      if (distinct.size <= most) distinct.add(at);
      if (at < low) low = at;
      if (at > high) high = at;
    }
  }
  if (distinct.size <= most) return Float64Array.from(distinct).sort();
  return Float64Array.from({ length: most }, (_, i) => low + ((high - low) * i) / (most - 1));
}

/** Returns the indexes of numbers in rising order; undefined if they rise already. */
function orderOf(x: Float64Array): Uint32Array | undefined {
  if (x.every((at, i) => i === 0 || at >= (x[i - 1] as number))) return undefined;
  return Uint32Array.from(x, (_, i) => i).sort((a, b) => (x[a] as number) - (x[b] as number));
}

/** Returns the values at places on the x axis. A place between two points is on the line between them; a gap is NaN. */
function valuesAt(x: Float64Array, values: Float64Array, order: Uint32Array | undefined, places: Float64Array): Float64Array {
  const out = new Float64Array(places.length).fill(Number.NaN);
  const index = (i: number): number => (order === undefined ? i : (order[i] as number));
  let next = 0;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number;
    while (next < x.length && (x[index(next)] as number) < place) next++;
    if (next >= x.length) break;
    const [after, at] = [values[index(next)] as number, x[index(next)] as number];
    if (at === place) out[i] = after;
    else if (next > 0) {
      const [before, from] = [values[index(next - 1)] as number, x[index(next - 1)] as number];
      out[i] = before + ((after - before) * (place - from)) / (at - from);
    }
  }
  return out;
}

function add(sum: Float64Array, runs: Float64Array, values: Float64Array): void {
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sum[i] = (sum[i] as number) + value;
    runs[i] = (runs[i] as number) + 1;
  });
}

function quotient(sum: Float64Array, runs: Float64Array): Float64Array {
  return sum.map((value, i) => (runs[i] === 0 ? Number.NaN : value / (runs[i] as number)));
}

function smaller(a: number, b: number): number {
  return Number.isNaN(a) || b < a ? b : a;
}

function larger(a: number, b: number): number {
  return Number.isNaN(a) || b > a ? b : a;
}
