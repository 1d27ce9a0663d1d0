/** Turns fetched curves and the settings into the scene of a chart. */
import type { AxisView, ChartScene } from '../../model/chart-scene.ts';
import type { ChartSettings } from '../../model/chart-settings.ts';
import { meanPlot } from '../../model/group-plots.ts';
import { type Plot, plotOf } from '../../model/plot.ts';
import { runColour, type Theme } from '../../model/run-colour.ts';
import { padded, type Range } from '../../model/scales.ts';
import { tagTitle } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { xRangeOf, yRangeOf } from '../../model/y-range.ts';
import type { ChartData } from './chart-data.ts';
import type { CardSettings } from './curves-state.ts';

/** What a scene is made of. */
export interface SceneParts {
  readonly tag: string;
  readonly data: ChartData;
  readonly runs: readonly string[];
  readonly names: ReadonlyMap<string, string>;
  readonly groups: ReadonlyMap<string, readonly string[]> | undefined;
  readonly settings: ChartSettings;
  readonly card: CardSettings;
  readonly range: Range | null;
  readonly theme: Theme;
  readonly highlighted: string | null;
  /** The width of the chart in pixels. */
  readonly width: number;
}

/** Returns the scene of a chart; undefined while there is nothing to draw. */
export function sceneOf(parts: SceneParts): ChartScene | undefined {
  const { settings, card, theme, range } = parts;
  const plots = plotsOf(parts);
  const whole = xRangeOf(plots, settings.xScale);
  if (whole === null) return undefined;
  const x = usableRange(range, settings.xScale) ?? (whole[0] === whole[1] ? padded(settings.xScale, whole) : whole);
  const y = yAxis(plots, settings, card, x);
  const shown = plots.map((plot) => ({
    plot,
    label: plot.curve === undefined ? visibleText(plot.id) : visibleText(parts.names.get(plot.id) ?? plot.id),
    colour: runColour(plot.id, theme),
    isHighlighted: plot.id === parts.highlighted,
  }));
  return {
    title: tagTitle(parts.tag),
    xAxis: settings.x,
    x: { kind: settings.xScale, range: x },
    y,
    // The highlighted one last, so on top.
    plots: shown.sort((a, b) => Number(a.isHighlighted) - Number(b.isHighlighted)),
    zone: zoneAt(x[0], settings.x),
  };
}

function plotsOf({ data, runs, groups, settings: { x, smoothing }, width }: SceneParts): readonly Plot[] {
  const plots = new Map<string, Plot>();
  for (const run of runs) {
    const shown = data.curveOf(run);
    if (shown === undefined) continue;
    // Averages of another smoothing are no use; the chart has a preview until the right ones come.
    const curve = shown.smoothing === smoothing ? shown.curve : { ...shown.curve, smoothed: undefined };
    plots.set(run, plotOf(curve, { x, smoothing, start: shown.start }));
  }
  if (groups === undefined) return [...plots.values()];
  return [...groups].flatMap(([label, members]) => {
    const own = members.flatMap((run) => plots.get(run) ?? []);
    return own.length === 0 ? [] : [meanPlot({ label, plots: own }, Math.max(100, width))];
  });
}

function yAxis(plots: readonly Plot[], { yScale, ignoreOutliers }: ChartSettings, card: CardSettings, x: Range): AxisView {
  const found = yRangeOf(plots, { scale: yScale, x, ignoreOutliers, includeZero: card.withZero }) ?? (yScale === 'log' ? [1, 10] : [0, 1]);
  const [low, high] = padded(yScale, found);
  const isTyped = (end: number | undefined): end is number => end !== undefined && (yScale !== 'log' || end > 0);
  const range: Range = [isTyped(card.low) ? card.low : low, isTyped(card.high) ? card.high : high];
  // Ends that were typed the wrong way round, or beyond the data.
  return { kind: yScale, range: range[0] < range[1] ? range : padded(yScale, [range[0], range[0]]) };
}

function usableRange(range: Range | null, scale: ChartSettings['xScale']): Range | null {
  if (range === null || (scale === 'log' && range[1] <= 0)) return null;
  return scale === 'log' && range[0] <= 0 ? [range[1] / 1e6, range[1]] : range;
}

/** Returns the seconds that local time is ahead of UTC at a time. */
function zoneAt(seconds: number, axis: ChartSettings['x']): number {
  return axis === 'wall' ? -60 * (new Date(seconds * 1000).getTimezoneOffset() || 0) : 0;
}
