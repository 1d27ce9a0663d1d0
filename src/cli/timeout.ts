import { MirrorError } from '../errors.ts';

const DEFAULT_SECONDS = 20;

/** `--timeout`: how long each lane is given to answer, in milliseconds. */
export function timeoutOf(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_SECONDS : Number(text);
  // Longer than a day is a slip, and more than a timer can hold is none at all.
  if (text !== '' && seconds > 0 && seconds <= 86_400) return seconds * 1000;
  throw new MirrorError('MB1001', `--timeout: found ${JSON.stringify(text)}, expected a number of seconds above 0`);
}
