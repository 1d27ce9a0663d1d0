/** The scales of an axis and their ticks: linear, log, and arcsinh, which also shows 0 and negative numbers. Pure. */

/** A scale. `arcsinh` is linear around 0 and logarithmic far from it. */
export type ScaleKind = 'linear' | 'log' | 'arcsinh';

/** A range of an axis, from its smaller to its larger end. */
export type Range = readonly [number, number];

/** Returns the position of a value on a scale, NaN if there is none. `linear`: the width of arcsinh's middle. */
export function forward(kind: ScaleKind, value: number, linear = 1): number {
  if (kind === 'log') return value > 0 ? Math.log10(value) : Number.NaN;
  return kind === 'arcsinh' ? Math.asinh(value / linear) : value;
}

/** Returns the value at a position on a scale. */
export function inverse(kind: ScaleKind, position: number, linear = 1): number {
  if (kind === 'log') return 10 ** position;
  return kind === 'arcsinh' ? Math.sinh(position) * linear : position;
}

/** Tells if a scale can show a value. */
export function canShow(kind: ScaleKind, value: number): boolean {
  return Number.isFinite(value) && (kind !== 'log' || value > 0);
}

/** The decades below the largest value that the middle of an arcsinh axis starts at. */
const ARCSINH_DECADES = 3;

/** Returns the width of the linear middle of an arcsinh axis for a range. */
export function linearWidth([low, high]: Range): number {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  return largest > 0 ? 10 ** (Math.floor(Math.log10(largest)) - ARCSINH_DECADES) : 1;
}

/** Returns a range with room around it, on its scale. A range of one value gets room on both sides. */
export function padded(kind: ScaleKind, [low, high]: Range, share = 0.05): Range {
  const linear = linearWidth([low, high]);
  const [from, to] = [forward(kind, low, linear), forward(kind, high, linear)];
  if (from === to) {
    if (kind === 'log') return [low / 2, high * 2];
    const room = Math.abs(low) * 0.1 || 1;
    return [low - room, high + room];
  }
  const room = (to - from) * share;
  return [inverse(kind, from - room, linear), inverse(kind, to + room, linear)];
}

/** Returns about `most` ticks at round values inside a range. */
export function ticks(kind: ScaleKind, range: Range, most: number): readonly number[] {
  const [low, high] = range;
  if (!(high > low) || !Number.isFinite(high - low)) return Number.isFinite(low) ? [low] : [];
  if (kind === 'log') return logTicks([Math.max(low, Number.MIN_VALUE), high], most);
  return kind === 'arcsinh' ? arcsinhTicks(range, most) : linearTicks(range, most);
}

const FACTORS = [0.2, 0.5, 1, 2, 5, 10];

function linearTicks(range: Range, most: number): readonly number[] {
  const raw = (range[1] - range[0]) / Math.max(1, most);
  const decade = 10 ** Math.floor(Math.log10(raw));
  const wanted = FACTORS.findIndex((factor) => factor >= 1 && factor * decade >= raw * 0.999);
  // Few ticks in a range that lies between two multiples of their step would be none: then a smaller step.
  for (let i = wanted < 0 ? FACTORS.length - 1 : wanted; i >= 0; i--) {
    const step = (FACTORS[i] ?? 1) * decade;
    if (!(step > 0) || !Number.isFinite(step)) break;
    const found = multiplesIn(range, step);
    if (found.length > 0) return found;
  }
  return [range[0]];
}

function multiplesIn([low, high]: Range, step: number): readonly number[] {
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  // Products of a rounded step have noise in the last digits: 3 * 0.1 is not 0.3.
  const digits = Math.min(100, Math.max(0, -Math.floor(Math.log10(step))));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => rounded((first + i) * step, digits));
}

function logTicks([low, high]: Range, most: number): readonly number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = last - first;
  const inside = (value: number): boolean => value >= low * 0.999_999 && value <= high * 1.000_001;
  for (const factors of [
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 5],
    [1, 3],
  ]) {
    const all: number[] = [];
    // A long range would make many ticks only to drop them again.
    if (decades * factors.length > most * 4) continue;
    for (let power = first; power <= last; power++) for (const factor of factors) all.push(exactPower(power) * factor);
    const shown = all.filter(inside);
    if (shown.length <= most) return shown.length >= 2 ? shown : linearTicks([low, high], Math.min(most, 4));
  }
  const every = Math.max(1, Math.ceil(decades / most));
  const powers: number[] = [];
  for (let power = Math.ceil(first / every) * every; power <= last; power += every) powers.push(exactPower(power));
  return powers.filter(inside);
}

function arcsinhTicks(range: Range, most: number): readonly number[] {
  const [low, high] = range;
  const smallest = linearWidth(range);
  const half = Math.max(1, Math.floor(most / (low < 0 && high > 0 ? 2 : 1)));
  const side = (end: number): readonly number[] => (end > smallest ? logTicks([smallest, end], half).filter((tick) => tick > 0) : []);
  const all = [
    ...side(-low)
      .map((tick) => -tick)
      .reverse(),
    0,
    ...side(high),
  ];
  const shown = all.filter((tick) => tick >= low && tick <= high);
  // Far from zero the scale is logarithmic, so a narrow range there has few round powers.
  return shown.length >= 2 ? shown : linearTicks(range, Math.min(most, 5));
}

/** Multiplication makes 10 ** -5 into 0.000009999...; a parsed text is the nearest double. */
function exactPower(power: number): number {
  return Number(`1e${power}`);
}

function rounded(value: number, digits: number): number {
  const near = Number(value.toFixed(digits));
  return near === 0 ? 0 : near;
}

/** Returns a range whose ends have no more digits than a picture shows: it stands in links. */
export function roundRange([from, to]: Range): Range {
  const digits = Math.min(100, Math.max(0, 3 - Math.floor(Math.log10(to - from))));
  const round = (end: number): number => (Number.isFinite(digits) ? Number(end.toFixed(digits)) : end);
  const rounded: Range = [round(from), round(to)];
  return rounded[0] < rounded[1] ? rounded : [from, to];
}
