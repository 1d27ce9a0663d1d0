import { parseDuration } from '../duration.ts';
import { MirrorError } from '../errors.ts';

/** Parses `--max-lag`: `5m`, `90s`, `1h30m`; a number alone is seconds. */
export function lagLimitOf(text: string | undefined): number | undefined {
  const limit = text === undefined ? undefined : parseDuration(text);
  if (text === undefined || limit !== undefined) return limit;
  throw new MirrorError('MB1001', `--max-lag: found ${JSON.stringify(text)}, expected a time`, {
    hint: 'For example 90s, 5m, 1h30m or 2d; a number alone is seconds.',
    command: 'mirrorboard status --max-lag 5m',
  });
}
