/** Numbers, times and sizes as short texts for tables. */

/** A number of the API: what JSON has no number for is a text. */
export type ExactNumber = number | string;

/** Returns the nearest double. */
export function asNumber(value: ExactNumber): number {
  return Number(value);
}

/** Returns a number with at most 5 digits: `0.00012346`, `12,346`, `1.2346e+21`, `NaN`. */
export function shortNumber(value: ExactNumber | null | undefined): string {
  if (value === null || value === undefined) return '';
  const number = asNumber(value);
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? '+∞' : '−∞';
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e15 || size < 1e-4)) return signed(number.toExponential(4).replace(/\.?0+e/, 'e'));
  if (Number.isInteger(number)) return signed(number.toLocaleString('en'));
  return signed(number.toLocaleString('en', { maximumSignificantDigits: 5 }));
}

function signed(text: string): string {
  return text.replace(/^-/, '−');
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** Returns a length of time in at most two units: `3 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return '0 s';
  const first = UNITS.findIndex(([size]) => seconds >= size);
  const [size, name] = UNITS[first] ?? [1, 's'];
  const whole = Math.floor(seconds / size);
  const next = UNITS[first + 1];
  const rest = next === undefined || whole >= 10 ? 0 : Math.floor((seconds - whole * size) / next[0]);
  return rest === 0 || next === undefined ? `${whole} ${name}` : `${whole} ${name} ${rest} ${next[1]}`;
}

/** Returns how long ago something was: `3 s ago`. */
export function ago(thenMs: number, nowMs: number): string {
  const seconds = (nowMs - thenMs) / 1000;
  if (seconds < -1) return `in ${duration(-seconds)}`;
  return seconds < 1 ? 'now' : `${duration(seconds)} ago`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Returns a number of bytes: `12.3 MiB`. */
export function byteSize(bytes: number): string {
  let unit = 0;
  let size = bytes;
  for (; Math.abs(size) >= 1024 && unit < SIZES.length - 1; unit++) size /= 1024;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${SIZES[unit]}`;
}

/** Returns a time of the wall clock in seconds, in the zone of the reader: `2026-11-30 08:23:18`. */
export function clockTime(seconds: ExactNumber | null): string {
  const ms = seconds === null ? Number.NaN : asNumber(seconds) * 1000;
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return seconds === null ? '' : shortNumber(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}
