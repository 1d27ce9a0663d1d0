const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A timer of Node takes no more than 24 days. */
const MOST_MS = 20 * 86_400_000;

/** The times that a setting accepts, for messages. */
export const DURATION_WORDS = 'a time above 0, such as 90s, 5m, 1h30m or 2d (a number alone is seconds)';

/** Parses `5m`, `90s` or `1h30m` to milliseconds; a number alone is seconds. Returns undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(min|[smhd])?/g)];
  const isAlone = parts.length === 1;
  const isWhole =
    parts.length > 0 && parts.map(([part]) => part).join('') === text && parts.every(([, , unit]) => unit !== undefined || isAlone);
  return isWhole ? parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0) : undefined;
}

/** Parses a wait in the same form: above 0, and no longer than a timer can be. */
export function parseWait(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms !== undefined && ms > 0 && ms <= MOST_MS ? ms : undefined;
}

/** Writes a time as people write it: `30m`, `1m30s`, `0.5s`. */
export function writtenDuration(ms: number): string {
  const parts: string[] = [];
  let left = ms;
  for (const unit of ['d', 'h', 'm']) {
    const size = UNIT_MS[unit] as number;
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * size;
  }
  if (left > 0 || parts.length === 0) parts.push(`${left / 1000}s`);
  return parts.join('');
}
