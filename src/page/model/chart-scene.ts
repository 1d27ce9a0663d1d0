/** What a chart shows, ready to be painted: on a canvas, or as SVG. Pure. */
import type { Plot, XAxis } from './plot.ts';
import { forward, linearWidth, type Range, type ScaleKind } from './scales.ts';

/** An axis: its scale and the values at its ends. */
export interface AxisView {
  readonly kind: ScaleKind;
  readonly range: Range;
}

/** A plot and how it looks. */
export interface ScenePlot {
  readonly plot: Plot;
  readonly label: string;
  readonly colour: string;
  /** True to draw it above the others, wider. */
  readonly isHighlighted: boolean;
}

/** A chart with its plots, lowest first. */
export interface ChartScene {
  readonly title: string;
  /** `number`: no step and no time. */
  readonly xAxis: XAxis | 'number';
  readonly x: AxisView;
  readonly y: AxisView;
  readonly plots: readonly ScenePlot[];
  /** Seconds that local time is ahead of UTC. */
  readonly zone: number;
}

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Returns the function from a value to its share of the axis: 0 at the lower end, 1 at the upper one, NaN for none. */
export function shareOn({ kind, range }: AxisView): (value: number) => number {
  const linear = linearWidth(range);
  const [from, to] = [forward(kind, range[0], linear), forward(kind, range[1], linear)];
  const width = to - from || 1;
  return (value) => (forward(kind, value, linear) - from) / width;
}

/** Returns the functions from values to pixels of a box. */
export function pixelsIn({ left, top, width, height }: Box, x: AxisView, y: AxisView): Pixels {
  const [across, up] = [shareOn(x), shareOn(y)];
  return { x: (value) => left + across(value) * width, y: (value) => top + (1 - up(value)) * height };
}

/** Functions from values to pixels. */
export interface Pixels {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** Where a line goes: the same calls for a canvas path and for the text of an SVG path. */
export interface Pen {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
}

/** Pixels outside this are cut: canvas and SVG lose precision far outside, and the log of a small number can be far. */
const FARTHEST = 20_000;

/** Traces a line with gaps where a value is NaN. Several items in one pixel column are traced as they are. */
export function traceLine(pen: Pen, x: Float64Array, y: Float64Array, to: Pixels): void {
  let isDown = false;
  for (let i = 0; i < x.length; i++) {
    const [px, py] = [to.x(x[i] as number), to.y(y[i] as number)];
    if (Number.isNaN(px) || Number.isNaN(py)) isDown = false;
    else {
      if (isDown) pen.lineTo(near(px), near(py));
      else pen.moveTo(near(px), near(py));
      isDown = true;
    }
  }
}

/** Traces the area between two lines, in one piece for each stretch without a gap. */
export function traceBand(pen: Pen, { x, low, high }: Plot, to: Pixels): void {
  const has = (i: number): boolean =>
    !Number.isNaN(to.x(x[i] as number)) && !Number.isNaN(to.y(low[i] as number)) && !Number.isNaN(to.y(high[i] as number));
  for (let start = 0; start < x.length; start++) {
    if (!has(start)) continue;
    let end = start;
    while (end + 1 < x.length && has(end + 1)) end++;
    if (end > start) {
      pen.moveTo(near(to.x(x[start] as number)), near(to.y(high[start] as number)));
      for (let i = start + 1; i <= end; i++) pen.lineTo(near(to.x(x[i] as number)), near(to.y(high[i] as number)));
      for (let i = end; i >= start; i--) pen.lineTo(near(to.x(x[i] as number)), near(to.y(low[i] as number)));
      pen.closePath();
    }
    start = end;
  }
}

function near(pixel: number): number {
  return Math.max(-FARTHEST, Math.min(FARTHEST, pixel));
}

/** Returns the place of a mark in a box: above all, below all, or for NaN just above the axis. */
export function markPlace(kind: 'nan' | 'above' | 'below', { top, height }: Box, scale = 1): number {
  return kind === 'above' ? top + 6 * scale : top + height - 6 * scale;
}
