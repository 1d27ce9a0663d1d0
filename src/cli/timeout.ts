import { MirrorError } from '../errors.ts';

const DEFAULT_SECONDS = 20;

/** Parses `--timeout`: the time in which each lane must answer, in milliseconds. */
export function timeoutOf(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_SECONDS : Number(text);
  // More than a day is a mistake, and a timer cannot wait longer than its limit.
  if (text !== '' && seconds > 0 && seconds <= 86_400) return seconds * 1000;
  throw new MirrorError('MB1001', `--timeout: found ${JSON.stringify(text)}, expected a number of seconds above 0`);
}
