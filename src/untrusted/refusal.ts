import { type ErrorCode, MirrorError } from '../errors.ts';

/** The longest outside text in a message, in characters: a link may have four thousand. */
const MOST_TEXT = 300;

/** Creates the error for something that is not read, with the reason; never includes its content. */
export function refusal(
  code: Extract<ErrorCode, `MB201${number}`>,
  reason: string,
  path: string,
  retry: 'later' | 'never' = 'never',
): MirrorError {
  return new MirrorError(code, reason, { retry, context: { path } });
}

/** Shortens a long path for messages. */
export function shown(path: string): string {
  return path.length <= MOST_TEXT ? path : `${path.slice(0, MOST_TEXT)}…`;
}
