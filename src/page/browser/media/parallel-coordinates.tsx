/** Runs as lines through an axis for each hyperparameter and metric. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type ParallelAxis, parallelAxis } from '../../model/parallel-axes.ts';
import { runColour } from '../../model/run-colour.ts';
import { visibleText } from '../../model/visible-text.ts';
import { highlighted } from '../curves/curves-state.ts';
import { theme } from '../state/view.ts';
import { inRanges } from './hparam-table.tsx';
import { type HparamColumn, type HparamRun, ranges } from './hparams.tsx';

interface Props {
  readonly columns: readonly HparamColumn[];
  readonly runs: readonly HparamRun[];
  /** Chooses the runs that are in the ranges. */
  readonly choose: (ids: readonly string[]) => void;
}

const HEIGHT = 260;
const [SIDE, TOP, BOTTOM] = [60, 34, 14];
/** A shorter drag is a click. */
const LEAST_DRAG = 4;
const LEAST_GAP = 110;

/** A picture of all runs. */
export function ParallelCoordinates({ columns, runs, choose }: Props): VNode | null {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(800);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => (width.value = Math.floor(entry?.contentRect.width ?? 800)));
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const full = Math.max(width.value, SIDE * 2 + LEAST_GAP * (columns.length - 1));
  const axes = columns.map(({ key, name }) => ({
    key,
    axis: parallelAxis(
      name,
      runs.map(({ values }) => values[key]),
    ),
  }));
  const x = (i: number): number => (axes.length === 1 ? full / 2 : SIDE + ((full - 2 * SIDE) * i) / (axes.length - 1));
  const kept = new Set(inRanges({ columns, runs }).map(({ id }) => id));
  const lines = runs.map(({ id, values }) => ({ id, isKept: kept.has(id), path: pathOf(axes, values, x) }));
  const order = (line: (typeof lines)[number]): number => (line.id === highlighted.value ? 2 : line.isKept ? 1 : 0);
  return (
    <div ref={box} class="parallel">
      <svg
        width={full}
        height={HEIGHT}
        role="img"
        aria-label={`${runs.length} runs over ${columns.map(({ name }) => visibleText(name)).join(', ')}`}
      >
        {[...lines]
          .sort((a, b) => order(a) - order(b))
          .map(({ id, isKept, path }) => (
            // biome-ignore lint/a11y/noStaticElementInteractions: the table below has the same runs for the keyboard
            <path
              key={id}
              d={path}
              fill="none"
              stroke-linecap="round"
              stroke={isKept ? runColour(id, theme.value) : 'var(--line)'}
              stroke-width={highlighted.value === id ? 3 : 1.2}
              stroke-opacity={highlighted.value === null || highlighted.value === id ? 0.9 : 0.35}
              onMouseEnter={() => (highlighted.value = id)}
            />
          ))}
        {axes.map(({ key, axis }, i) => (
          <Axis key={key} id={key} axis={axis} x={x(i)} />
        ))}
      </svg>
      {ranges.value.size > 0 ? (
        <p>
          {kept.size} of {runs.length} runs{' '}
          <button type="button" disabled={kept.size === 0} onClick={() => choose([...kept])}>
            Choose these
          </button>
        </p>
      ) : null}
    </div>
  );
}

function pathOf(
  axes: readonly { readonly key: string; readonly axis: ParallelAxis }[],
  values: HparamRun['values'],
  x: (i: number) => number,
): string {
  let [path, isDown] = ['', false];
  axes.forEach(({ key, axis }, i) => {
    const place = axis.place(values[key]);
    // A line of no length has round ends: a value without neighbours is a dot.
    if (place !== undefined)
      path += isDown ? `L${x(i).toFixed(1)} ${yOf(place).toFixed(1)}` : `M${x(i).toFixed(1)} ${yOf(place).toFixed(1)}h0`;
    isDown = place !== undefined;
  });
  return path;
}

function yOf(place: number): number {
  return TOP + (1 - place) * (HEIGHT - TOP - BOTTOM);
}

function placeOf(y: number): number {
  return Math.max(0, Math.min(1, 1 - (y - TOP) / (HEIGHT - TOP - BOTTOM)));
}

interface AxisProps {
  readonly id: string;
  readonly axis: ParallelAxis;
  readonly x: number;
}

function Axis({ id, axis, x }: AxisProps): VNode {
  const from = useRef<number | null>(null);
  const range = ranges.value.get(id);
  const set = (next: readonly [number, number] | undefined): void => {
    const all = new Map(ranges.peek());
    if (next === undefined) all.delete(id);
    else all.set(id, next);
    ranges.value = all;
  };
  const yAt = (event: PointerEvent): number =>
    event.clientY - ((event.currentTarget as Element).closest('svg')?.getBoundingClientRect().top ?? 0);
  return (
    <g class="parallel-axis">
      <text x={x} y={16} text-anchor="middle" class="name">
        {short(axis.name)}
        <title>{visibleText(axis.name)}</title>
      </text>
      <path d={`M${x} ${TOP}V${HEIGHT - BOTTOM}`} class="line" />
      {axis.ticks.map(({ place, text }) => (
        <text key={text} x={x + 6} y={yOf(place) + 4}>
          {short(text)}
        </text>
      ))}
      {range === undefined ? null : (
        <rect x={x - 6} y={yOf(range[1])} width={12} height={Math.max(2, yOf(range[0]) - yOf(range[1]))} class="range" />
      )}
      <rect
        x={x - 12}
        y={TOP - 8}
        width={24}
        height={HEIGHT - TOP - BOTTOM + 16}
        class="grip"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          from.current = yAt(event);
        }}
        onPointerMove={(event) => {
          if (from.current === null) return;
          const [a, b] = [placeOf(from.current), placeOf(yAt(event))];
          set([Math.min(a, b), Math.max(a, b)]);
        }}
        onPointerUp={(event) => {
          if (from.current !== null && Math.abs(yAt(event) - from.current) < LEAST_DRAG) set(undefined);
          from.current = null;
        }}
      />
    </g>
  );
}

const LONGEST = 16;

function short(text: string): string {
  return visibleText(text, LONGEST);
}
