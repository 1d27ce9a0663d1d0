/** Histograms over steps: as ridges, or as a heat map. */
import { signal, useSignal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { exactText, shortText, tickTexts } from '../../model/exact-number.ts';
import { type BinnedHistograms, binned, histogramOf, thinned } from '../../model/histogram.ts';
import type { ValueJson } from '../../model/media-values.ts';
import { ticks } from '../../model/scales.ts';
import { paintNever, paintSoon } from '../charts/frame-queue.ts';
import { theme } from '../state/view.ts';

/** How histograms are drawn. */
export const histogramForm = signal<'ridges' | 'heat'>('ridges');

const BINS = 60;
/** More ridges than this cover each other. */
const MOST_RIDGES = 40;
const [LEFT, RIGHT, TOP, BOTTOM] = [8, 52, 24, 20];
/** The height of a ridge, as a share of the picture. */
const RIDGE = 0.3;

interface Props {
  readonly values: readonly ValueJson[];
  readonly colour: string;
  readonly name: string;
}

/** The histograms of a series. */
export function HistogramCanvas({ values, colour, name }: Props): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal({ width: 0, height: 0 });
  const said = useSignal('');
  const given = useSignal(values);
  given.value = values;
  const ink = useSignal(colour);
  ink.value = colour;
  const shown = useRef<BinnedHistograms | undefined>(undefined);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => (size.value = { width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      paintNever(size);
    };
  }, []);
  useSignalEffect(() => {
    const [{ width, height }, form, histograms] = [size.value, histogramForm.value, given.value];
    const line = ink.value;
    theme.value;
    if (width === 0) return;
    paintSoon(size, () => {
      const element = canvas.current;
      const context = element?.getContext('2d');
      if (element === null || context === null || context === undefined) return;
      const all = histograms.flatMap((value) => histogramOf(value) ?? []);
      shown.current = binned(form === 'ridges' ? thinned(all, MOST_RIDGES) : all, BINS);
      const scale = devicePixelRatio;
      [element.width, element.height] = [Math.round(width * scale), Math.round(height * scale)];
      context.scale(scale, scale);
      const style = getComputedStyle(element);
      const colours = { line, paper: style.getPropertyValue('--paper'), text: style.getPropertyValue('--ink-2') };
      if (shown.current === undefined) {
        context.fillStyle = colours.text;
        context.fillText('These histograms are empty.', LEFT, TOP);
      } else paint(context, shown.current, form, { width, height }, colours);
    });
  });
  return (
    <>
      <canvas
        ref={canvas}
        class="histogram"
        role="img"
        aria-label={`Histograms of ${name}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          said.value =
            shown.current === undefined ? '' : textAt(shown.current, event.clientX - box.left, event.clientY - box.top, size.peek());
        }}
        onPointerLeave={() => (said.value = '')}
      />
      <p class="histogram-said muted cut">{said.value}</p>
    </>
  );
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Colours {
  readonly line: string;
  readonly paper: string;
  readonly text: string;
}

/** The place of a row: the upper end of the picture has the first step, the lower end the last one. */
function rowPlace(rows: number, form: 'ridges' | 'heat', height: number): (row: number) => number {
  const inside = height - TOP - BOTTOM;
  if (form === 'heat') return (row) => TOP + (row / rows) * inside;
  const ridge = rows > 1 ? inside * RIDGE : inside;
  return (row) => TOP + ridge + (rows > 1 ? (row / (rows - 1)) * (inside - ridge) : 0);
}

function paint(
  canvas: CanvasRenderingContext2D,
  data: BinnedHistograms,
  form: 'ridges' | 'heat',
  { width, height }: Size,
  colours: Colours,
): void {
  const { rows, bins, largest, range, steps } = data;
  const across = width - LEFT - RIGHT;
  const place = rowPlace(rows.length, form, height);
  const inside = height - TOP - BOTTOM;
  canvas.clearRect(0, 0, width, height);
  rows.forEach((row, i) => {
    const bottom = place(i);
    if (form === 'heat') {
      const down = Math.max(1, inside / rows.length);
      row.forEach((count, bin) => {
        if (count <= 0) return;
        canvas.globalAlpha = 0.08 + (0.92 * Math.log1p(count)) / Math.log1p(largest);
        canvas.fillStyle = colours.line;
        canvas.fillRect(LEFT + (bin / bins) * across, bottom, Math.ceil(across / bins), Math.ceil(down));
      });
      canvas.globalAlpha = 1;
      return;
    }
    const ridge = rows.length > 1 ? inside * RIDGE : inside;
    canvas.beginPath();
    canvas.moveTo(LEFT, bottom);
    row.forEach((count, bin) => {
      canvas.lineTo(LEFT + ((bin + 0.5) / bins) * across, bottom - (largest > 0 ? count / largest : 0) * ridge);
    });
    canvas.lineTo(LEFT + across, bottom);
    canvas.closePath();
    canvas.fillStyle = colours.paper;
    canvas.fill();
    // Older ones are paler.
    canvas.globalAlpha = 0.1 + (0.35 * (i + 1)) / rows.length;
    canvas.fillStyle = colours.line;
    canvas.fill();
    canvas.globalAlpha = 0.5 + (0.5 * (i + 1)) / rows.length;
    canvas.strokeStyle = colours.line;
    canvas.stroke();
    canvas.globalAlpha = 1;
  });
  canvas.fillStyle = colours.text;
  canvas.font = '11px system-ui, sans-serif';
  canvas.textAlign = 'center';
  const marks = ticks('linear', range, Math.max(2, Math.floor(across / 70)));
  tickTexts(marks).forEach((text, i) => {
    canvas.fillText(text, LEFT + (((marks[i] as number) - range[0]) / (range[1] - range[0])) * across, height - 6);
  });
  canvas.textAlign = 'left';
  for (const row of thinned(
    steps.map((_, i) => i),
    Math.max(2, Math.floor(inside / 24)),
  )) {
    const half = form === 'heat' ? inside / rows.length / 2 + 4 : 0;
    canvas.fillText(shortText(steps[row] as number), LEFT + across + 6, place(row) + half);
  }
}

/** Returns what is at a place of the picture, as a text. */
function textAt({ rows, bins, range, steps }: BinnedHistograms, x: number, y: number, { width, height }: Size): string {
  const form = histogramForm.peek();
  const place = rowPlace(rows.length, form, height);
  const bin = Math.floor(((x - LEFT) / (width - LEFT - RIGHT)) * bins);
  let row = 0;
  rows.forEach((_, i) => {
    const isNearer = form === 'heat' ? place(i) <= y : Math.abs(place(i) - y) < Math.abs(place(row) - y);
    if (isNearer) row = i;
  });
  const count = rows[row]?.[bin];
  if (count === undefined) return '';
  const bound = (at: number): string => shortText(range[0] + ((range[1] - range[0]) * at) / bins);
  return `step ${exactText(steps[row] as number)}: ${shortText(count)} from ${bound(bin)} to ${bound(bin + 1)}`;
}
