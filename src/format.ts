/** Formats numbers for people: counts, sizes, durations, rates and steps. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const COUNT_UNITS = ['', ' k', ' M', ' G', ' T'] as const;

/** Writes all digits, grouped by thousands: `1,234,567`. */
export function formatCount(count: number | bigint): string {
  // Intl could do it, but adds 15 ms to every start. Adding zero turns -0 into 0.
  const digits = String(typeof count === 'bigint' ? count : Math.round(count) + 0);
  return digits.includes('e') ? digits : digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Writes a count with its noun: `1 file`, `1,234 files`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** Writes a size in units of 1024 with three significant digits: `512 B`, `1.50 KiB`, `123 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Chooses the unit by the rounded value, so that 1024 KiB never appears.
  while (Math.round(value) >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** Writes a duration in its two largest units: `0.8 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function formatDuration(ms: number): string {
  if (!(ms >= 50)) return '< 0.1 s';
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (!Number.isFinite(ms)) return 'forever';
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return twoUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** Writes a rate per second, short: `1.9 M points/s`, `850 points/s`, `0.4 points/s`. */
export function formatRate(perSecond: number, unit: string): string {
  let value = perSecond;
  let scale = 0;
  while (Math.round(value) >= 1000 && scale < COUNT_UNITS.length - 1) {
    value /= 1000;
    scale++;
  }
  const digits = value < 9.95 && (scale > 0 || value > 0) ? 1 : 0;
  return `${value.toFixed(digits)}${COUNT_UNITS[scale]} ${unit}/s`;
}

/** Writes a step with all its digits, or `-` if there is none. */
export function formatStep(step: number | bigint | null): string {
  return step === null ? '-' : formatCount(step);
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
