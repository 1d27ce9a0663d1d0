/** The keys of a chart that has the focus. */
import { type ChartScene, shareOn } from '../../model/chart-scene.ts';
import { forward, inverse, linearWidth, type Range } from '../../model/scales.ts';
import type { ChartFrame, Pointed } from '../charts/chart-frame.ts';

/** How far a key moves the crosshair, and a held shift the range, as a share of the axis. */
const STEP = 0.02;
const PAN = 0.25;

/** Does what a key means for a chart. */
export function chartKeys(
  event: KeyboardEvent,
  scene: ChartScene,
  frame: ChartFrame,
  at: Pointed | null,
  zoom: (range: Range | null) => void,
  pick: (x: number) => void,
): void {
  const part = (from: number, to: number): Range => partOf(scene, from, to);
  const place = at === null ? 0.5 : shareOn(scene.x)(at.x);
  const move = (by: number): void => {
    const [x] = part(Math.max(0, Math.min(1, place + by)), 1);
    frame.pointAt(x, at?.y ?? Number.NaN);
  };
  const actions: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => (event.shiftKey ? zoom(part(-PAN, 1 - PAN)) : move(-STEP)),
    ArrowRight: () => (event.shiftKey ? zoom(part(PAN, 1 + PAN)) : move(STEP)),
    '+': () => zoom(part(place / 2, (place + 1) / 2)),
    '=': () => zoom(part(place / 2, (place + 1) / 2)),
    '-': () => zoom(part(-0.5, 1.5)),
    '0': () => zoom(null),
    Enter: () => at !== null && pick(at.x),
  };
  const action = actions[event.key];
  if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

/** Returns a part of the visible x axis, by shares: 0 is its left end and 1 its right one. */
function partOf({ x: { kind, range } }: ChartScene, from: number, to: number): Range {
  const linear = linearWidth(range);
  const [low, high] = [forward(kind, range[0], linear), forward(kind, range[1], linear)];
  const at = (share: number): number => inverse(kind, low + (high - low) * share, linear);
  return [at(from), at(to)];
}
