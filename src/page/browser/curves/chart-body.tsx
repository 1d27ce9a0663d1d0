/** A chart in view: it fetches its curves, draws them, and shows the values at the crosshair. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ChartScene } from '../../model/chart-scene.ts';
import { crosshairRows, hitPlot, nearestIndex } from '../../model/crosshair.ts';
import { startOf } from '../../model/curve.ts';
import { shortText } from '../../model/exact-number.ts';
import { xText } from '../../model/time-ticks.ts';
import { visibleText } from '../../model/visible-text.ts';
import { onChanges } from '../api/live.ts';
import { ChartFrame, type Pointed } from '../charts/chart-frame.ts';
import { paintNever, paintSoon } from '../charts/frame-queue.ts';
import { chartSettings, theme } from '../state/view.ts';
import { ChartData } from './chart-data.ts';
import { chartKeys } from './chart-keys.ts';
import { sceneOf } from './chart-plots.ts';
import { cardSettings, highlighted, rangeOf, rowOrder, zoom } from './curves-state.ts';
import { showPoint } from './point-dialog.tsx';
import { runGroups, runNames, shownRuns } from './shown-runs.ts';
import { type ShownRow, ValueTable } from './value-table.tsx';

/** What the frame around a chart needs of it. */
export interface ChartHandle {
  readonly scene: () => ChartScene | undefined;
  readonly canvas: () => HTMLCanvasElement | undefined;
}

interface Props {
  readonly tag: string;
  readonly ready: (handle: ChartHandle | null) => void;
  /** Says how many of how many points are drawn, and what went wrong. */
  readonly told: (told: Told) => void;
}

/** What a chart says about itself. */
export interface Told {
  readonly drawn: number;
  readonly points: number;
  readonly isLoading: boolean;
  readonly isPreview: boolean;
  readonly failure: unknown;
}

/** Widths in steps: a few pixels more should not fetch everything again. */
const WIDTH_STEP = 100;
const [LEAST_WIDTH, MOST_WIDTH] = [200, 4000];
/** A click this far from a point is meant for it. */
const REACH = 30;
/** The server smooths when the slider rests. */
const SMOOTHING_MS = 250;

/** The drawing and the table of a chart. */
export function ChartBody({ tag, ready, told }: Props): VNode {
  const host = useRef<HTMLDivElement>(null);
  const frame = useRef<ChartFrame | undefined>(undefined);
  const data = useMemo(() => new ChartData(), []);
  const size = useSignal({ width: 0, height: 0 });
  const scene = useSignal<ChartScene | undefined>(undefined);
  const pointed = useSignal<Pointed | null>(null);
  const smoothing = useSignal(chartSettings.peek().smoothing);
  const isAtCrosshair = useComputed(() => pointed.value !== null);
  const rows = useComputed(() => rowsOf(scene.value, pointed.value));

  useEffect(() => {
    ready({ scene: () => scene.peek(), canvas: () => frame.current?.canvas });
    const ends = onChanges(() => data.look());
    const observer = new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      size.value = { width: Math.floor(width), height: Math.floor(height) };
    });
    if (host.current !== null) observer.observe(host.current);
    return () => {
      ends();
      observer.disconnect();
      paintNever(data);
      data.close();
      frame.current?.close();
      frame.current = undefined;
      ready(null);
    };
  }, []);

  useSignalEffect(() => {
    const wanted = chartSettings.value.smoothing;
    const timer = setTimeout(() => (smoothing.value = wanted), SMOOTHING_MS);
    return () => clearTimeout(timer);
  });

  useSignalEffect(() => {
    const { width } = size.value;
    const runs = shownRuns.value;
    if (width === 0 || runs === undefined) return;
    const { shown, x } = chartSettings.value;
    const pixels = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, Math.ceil(width / WIDTH_STEP) * WIDTH_STEP));
    const smoothX = x === 'step' ? 'step' : 'wall_time';
    data.want({ runs, variant: { tag, width: pixels, shown, smoothing: smoothing.value, smoothX }, axis: x, range: rangeOf(tag) });
  });

  useSignalEffect(() => {
    data.version.value;
    const [{ width, height }, runs] = [size.value, shownRuns.value ?? []];
    if (width === 0) return;
    const parts = {
      tag,
      data,
      runs,
      names: runNames.value,
      groups: runGroups.value,
      settings: chartSettings.value,
      card: cardSettings(tag),
      range: rangeOf(tag),
      theme: theme.value,
      highlighted: highlighted.value,
      width,
    };
    const [isLoading, failure] = [data.isLoading.value, data.failure.value];
    paintSoon(data, () => {
      const next = sceneOf(parts);
      scene.value = next;
      const counts = data.counts(runs);
      told({ ...counts, isLoading, failure, isPreview: next?.plots.some(({ plot }) => plot.isPreview) ?? false });
      if (next === undefined || host.current === null) {
        frame.current?.close();
        frame.current = undefined;
        return;
      }
      const colours = coloursOf(host.current);
      if (frame.current !== undefined) {
        frame.current.resize(width, height);
        frame.current.show(next, colours);
        return;
      }
      frame.current = new ChartFrame(host.current, width, height, next, colours, {
        zoomed: (range) => zoom(tag, range),
        pointed: (at) => (pointed.value = at),
        clicked: (at) => clicked(tag, at, frame.current, scene.peek()),
      });
    });
  });

  return (
    <>
      <div
        ref={host}
        class="chart"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move the crosshair and zoom
        tabIndex={0}
        aria-label={`Chart of ${visibleText(tag)}. Arrow keys move the crosshair, + and - zoom, 0 shows all, Enter tells where a point is.`}
        onKeyDown={(event) => {
          const [now, drawn] = [scene.peek(), frame.current];
          if (now !== undefined && drawn !== undefined)
            chartKeys(
              event,
              now,
              drawn,
              pointed.peek(),
              (range) => zoom(tag, range),
              (at) => pick(tag, now, at),
            );
        }}
        onBlur={() => frame.current?.pointAway()}
      />
      <ValueTable rows={rows} isAtCrosshair={isAtCrosshair} tag={tag} />
    </>
  );
}

function coloursOf(element: Element): { readonly text: string; readonly grid: string } {
  const style = getComputedStyle(element);
  return { text: style.getPropertyValue('--ink-2'), grid: style.getPropertyValue('--line') };
}

function rowsOf(scene: ChartScene | undefined, at: Pointed | null): readonly ShownRow[] {
  if (scene === undefined) return [];
  const looks = new Map(scene.plots.map((plot) => [plot.plot.id, plot]));
  const plots = scene.plots.map(({ plot }) => plot);
  const order = at === null ? 'value' : rowOrder.value;
  const x = at?.x ?? Number.POSITIVE_INFINITY;
  const found =
    at === null
      ? crosshairRows(plots, Number.MAX_VALUE, 0, order, Math.abs)
      : crosshairRows(plots, x, at.y, order, (a, b) => Math.abs(a - b));
  return found.map((row) => {
    const look = looks.get(row.id);
    const { curve, raw } = look?.plot ?? {};
    // A mean has no step and no time of its own, only a place on the axis.
    const ofMean =
      curve === undefined ? { step: scene.xAxis === 'step' ? shortText(row.x) : xText(scene.xAxis, row.x, 1, scene.zone) } : {};
    return {
      ...row,
      ...ofMean,
      name: look?.label ?? '',
      colour: look?.colour ?? '',
      isGroup: curve === undefined,
      start: curve === undefined ? Number.NaN : startOf(curve),
      smooth: raw === undefined ? undefined : row.shown,
    };
  });
}

function clicked(tag: string, { left, top, x }: Pointed, frame: ChartFrame | undefined, scene: ChartScene | undefined): void {
  if (frame === undefined || scene === undefined) return;
  const hit = hitPlot(
    scene.plots.map(({ plot }) => plot),
    (px, py) => frame.toPixels(px, py),
    [left, top],
    REACH,
  );
  if (hit?.plot.curve !== undefined) showPoint(tag, hit.plot.curve, hit.index);
  else if (hit === undefined && scene.plots.length === 1) pick(tag, scene, x);
}

/** Tells where the point of the highlighted or only curve is that is nearest to a place of the x axis. */
function pick(tag: string, { plots }: ChartScene, x: number): void {
  const chosen = plots.find(({ isHighlighted }) => isHighlighted) ?? plots.at(-1);
  if (chosen?.plot.curve === undefined) return;
  const index = nearestIndex(chosen.plot.x, x);
  if (index !== undefined) showPoint(tag, chosen.plot.curve, index);
}
