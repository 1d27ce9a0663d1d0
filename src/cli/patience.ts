import { MirrorError } from '../errors.ts';

/**
 * Returns how long a tracker may make no progress before this pass gives it up, in milliseconds. Default: 10 minutes.
 */
export function patienceMsOf(text = '600'): number {
  const seconds = Number(text);
  if (seconds > 0) return seconds * 1000;
  throw new MirrorError('MB1001', `--patience: found ${JSON.stringify(text)}, expected a number of seconds above 0`);
}
