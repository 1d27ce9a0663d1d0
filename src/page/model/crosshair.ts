/** The values of all curves at the crosshair of a chart. Pure. */

import { exactText } from './exact-number.ts';
import type { Plot } from './plot.ts';

/** A row of the table next to a chart. */
export interface CrosshairRow {
  readonly id: string;
  /** The item of the plot. */
  readonly index: number;
  readonly x: number;
  /** What the line shows there: the smoothed value or the mean, if there is such. */
  readonly shown: number;
  /** The text of the step and of the value, exactly as they are in the store; of a group, of its mean. */
  readonly step: string;
  readonly value: string;
  /** Seconds since 1970; NaN for a group. */
  readonly wallTime: number;
  /** The number of points of the item: more than one means that the value is the last of them. */
  readonly points: number;
  readonly min: number;
  readonly max: number;
}

/** The first row is the nearest in the picture, or the one with the largest value. */
export type RowOrder = 'nearest' | 'value';

/** Returns a row for each plot, at its item nearest to a place on the x axis. `y` orders by distance from there. */
export function crosshairRows(plots: readonly Plot[], x: number, y: number, order: RowOrder, distance: Distance): CrosshairRow[] {
  const rows = plots.flatMap((plot) => {
    const index = nearestIndex(plot.x, x);
    return index === undefined ? [] : [rowOf(plot, index)];
  });
  // What is no number comes last: it has no distance.
  const key = (row: CrosshairRow): number => {
    const by = order === 'value' ? -row.shown : distance(row.shown, y);
    return Number.isNaN(by) ? Number.POSITIVE_INFINITY : by;
  };
  return rows.sort((a, b) => Math.sign(key(a) - key(b)) || (a.id < b.id ? -1 : 1));
}

/** How far two values are from each other in the picture. */
export type Distance = (a: number, b: number) => number;

function rowOf({ id, curve, x, y, low, high }: Plot, index: number): CrosshairRow {
  const [at, shown] = [x[index] as number, y[index] as number];
  if (curve === undefined) {
    const [min, max] = [low[index] as number, high[index] as number];
    return { id, index, x: at, shown, step: exactText(at), value: exactText(shown), wallTime: Number.NaN, points: 1, min, max };
  }
  return {
    id,
    index,
    x: at,
    shown,
    step: curve.wideSteps.get(index) ?? exactText(curve.step[index] as number),
    value: curve.wideValues.get(index) ?? exactText(curve.value[index] as number),
    wallTime: curve.wallTime[index] as number,
    points: curve.points[index] as number,
    min: curve.min[index] as number,
    max: curve.max[index] as number,
  };
}

/** Returns the index of the number nearest to a place. Looks at all if they do not rise, as after a restart. */
export function nearestIndex(x: Float64Array, place: number): number | undefined {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < x.length; i++) {
    const away = Math.abs((x[i] as number) - place);
    // The later of two points at one place: it is the one drawn on top.
    if (away <= least) [best, least] = [i, away];
  }
  return best;
}

/** The curves and items near a click, nearest first in pixels. */
export function hitPlot(
  plots: readonly Plot[],
  toPixels: (x: number, y: number) => readonly [number, number],
  at: readonly [number, number],
  reach: number,
): { readonly plot: Plot; readonly index: number } | undefined {
  let best: { readonly plot: Plot; readonly index: number } | undefined;
  let least = reach * reach;
  for (const plot of plots) {
    for (let i = 0; i < plot.x.length; i++) {
      const [px, py] = toPixels(plot.x[i] as number, (plot.raw ?? plot.y)[i] as number);
      const away = (px - at[0]) ** 2 + (py - at[1]) ** 2;
      if (away < least) [best, least] = [{ plot, index: i }, away];
    }
  }
  return best;
}
