import { MirrorError } from '../errors.ts';

/** How long a tracker may get nowhere before it is given up for this pass. Default: 10 minutes. */
export function patienceMsOf(text = '600'): number {
  const seconds = Number(text);
  if (seconds > 0) return seconds * 1000;
  throw new MirrorError('MB1001', `--patience: found ${JSON.stringify(text)}, expected a number of seconds above 0`);
}
