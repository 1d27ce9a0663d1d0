import { type ErrorCode, MirrorError } from '../errors.ts';

/** Longest text from outside in a message, in characters: a link may have four thousand. */
const MOST_TEXT = 300;

/** Says that something is not read, and why; never what is in it. */
export function refusal(
  code: Extract<ErrorCode, `MB201${number}`>,
  reason: string,
  path: string,
  retry: 'later' | 'never' = 'never',
): MirrorError {
  return new MirrorError(code, reason, { retry, context: { path } });
}

/** A path as messages show it: cut when it is long. */
export function shown(path: string): string {
  return path.length <= MOST_TEXT ? path : `${path.slice(0, MOST_TEXT)}…`;
}
