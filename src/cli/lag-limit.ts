import { MirrorError } from '../errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `5m`, `90s`, `1h30m`; a number alone is seconds. */
export function lagLimitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(min|[smhd])?/g)];
  const isAlone = parts.length === 1;
  const isWhole =
    parts.length > 0 && parts.map(([part]) => part).join('') === text && parts.every(([, , unit]) => unit !== undefined || isAlone);
  if (!isWhole) {
    throw new MirrorError('MB1001', `--max-lag: found ${JSON.stringify(text)}, expected a time`, {
      hint: 'For example 90s, 5m, 1h30m or 2d; a number alone is seconds.',
      command: 'mirrorboard status --max-lag 5m',
    });
  }
  return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0);
}
