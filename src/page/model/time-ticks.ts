/** Ticks of an axis of time, at round times, and their texts. Pure. */

import { shortText } from './exact-number.ts';
import type { XAxis } from './plot.ts';
import { type Range, type ScaleKind, ticks } from './scales.ts';

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
/** The distances between ticks, in seconds. Shorter ones are decimal. */
const STEPS = [1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), ...[1, 2, 3, 6, 12].map((n) => n * HOUR)];
const DAYS = [1, 2, 7, 14, 30, 90, 180, 365].map((n) => n * DAY);

/** Returns the ticks of an x axis. `zone`: seconds that local time is ahead of UTC, so that days begin at midnight. */
export function xTicks(axis: XAxis | 'number', kind: ScaleKind, range: Range, most: number, zone = 0): readonly number[] {
  if (axis === 'number') return ticks(kind, range, most);
  if (axis === 'step' || kind !== 'linear') return ticks(kind, range, most).filter((tick) => axis !== 'step' || Number.isInteger(tick));
  const raw = (range[1] - range[0]) / Math.max(1, most);
  const step = raw < 1 ? undefined : [...STEPS, ...DAYS].find((each) => each >= raw);
  if (step === undefined) return ticks('linear', range, most);
  const shift = axis === 'wall' ? zone : 0;
  const first = Math.ceil((range[0] + shift) / step) * step - shift;
  return Array.from({ length: Math.max(0, Math.floor((range[1] - first) / step) + 1) }, (_, i) => first + i * step);
}

/** Writes a place on an x axis. `step`: the distance between ticks, which decides how precise a time is written. */
export function xText(axis: XAxis | 'number', value: number, step: number, zone = 0): string {
  if (axis === 'number' || !Number.isFinite(value)) return shortText(value);
  if (axis === 'step') return Math.abs(value) < 1e5 ? shortText(value) : stepText(value);
  return axis === 'wall' ? wallText(value, step, zone) : durationText(value, step);
}

const UNITS: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** Writes a large step short: `150k`, `1.25M`. */
function stepText(value: number): string {
  const unit = UNITS.find(([size]) => Math.abs(value) >= size);
  if (unit === undefined || Math.abs(value) >= 1e15) return shortText(value);
  return `${Number((value / unit[0]).toPrecision(6))}${unit[1]}`;
}

function wallText(seconds: number, step: number, zone: number): string {
  const date = new Date((seconds + zone) * 1000);
  if (Number.isNaN(date.getTime())) return shortText(seconds);
  const text = date.toISOString();
  if (step >= DAY) return text.slice(0, 10);
  if (seconds + zone === Math.floor((seconds + zone) / DAY) * DAY) return text.slice(5, 10);
  if (step >= MINUTE) return text.slice(11, 16);
  return step >= 1 ? text.slice(11, 19) : text.slice(11, 23);
}

/** Writes a duration in its two largest units: `1h 30m`, `45s`, `2d`. */
export function durationText(seconds: number, step = 1): string {
  const sign = seconds < 0 ? '-' : '';
  const size = Math.abs(seconds);
  if (size < MINUTE) return `${sign}${step < 1 ? shortText(size, 4) : Math.round(size)}s`;
  const whole = Math.round(size);
  const [large, largeUnit, small, smallUnit] =
    whole >= DAY
      ? [Math.floor(whole / DAY), 'd', Math.floor((whole % DAY) / HOUR), 'h']
      : whole >= HOUR
        ? [Math.floor(whole / HOUR), 'h', Math.floor((whole % HOUR) / MINUTE), 'm']
        : [Math.floor(whole / MINUTE), 'm', whole % MINUTE, 's'];
  return `${sign}${large}${largeUnit}${small > 0 ? ` ${small}${smallUnit}` : ''}`;
}

/** Writes a wall time in full: `2026-11-30 08:15:42.125`. */
export function wallTimeText(seconds: number, zone = 0): string {
  const date = new Date((seconds + zone) * 1000);
  return Number.isNaN(date.getTime()) ? shortText(seconds) : date.toISOString().slice(0, 23).replace('T', ' ');
}
