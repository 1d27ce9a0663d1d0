/** How charts draw. */
export interface ChartSettings {
  /** 0 (none) to 0.999, the weight of what came before. */
  readonly smoothing: number;
  readonly x: 'step' | 'wall' | 'relative';
  readonly xScale: AxisScale;
  readonly yScale: AxisScale;
  /** True if the most extreme values do not widen an axis. */
  readonly ignoreOutliers: boolean;
  /** The points of a restarted run that are shown. */
  readonly shown: 'tensorboard' | 'python' | 'all';
  /** The part of the x axis in view, in the unit of `x`; null for all. */
  readonly xRange: readonly [from: number, to: number] | null;
  /** A regular expression that the shown tags match. */
  readonly tagFilter: string;
  /** The tags on top. */
  readonly pins: readonly string[];
  /** What puts runs together: a regular expression whose groups name them, `param:NAME`, or nothing. */
  readonly groupBy: string;
  /** The part of the Curves view: `scalars`, or a kind of media. */
  readonly tab: string;
}

/** How numbers become places on an axis. `arcsinh` is like `log`, and shows zero and negative numbers too. */
export type AxisScale = 'linear' | 'log' | 'arcsinh';

/** The settings of a new view. */
export const DEFAULT_CHART_SETTINGS: ChartSettings = {
  smoothing: 0,
  x: 'step',
  xScale: 'linear',
  yScale: 'linear',
  ignoreOutliers: false,
  shown: 'tensorboard',
  xRange: null,
  tagFilter: '',
  pins: [],
  groupBy: '',
  tab: 'scalars',
};

/** The most that smoothing may weigh. */
export const MOST_SMOOTHING = 0.999;
