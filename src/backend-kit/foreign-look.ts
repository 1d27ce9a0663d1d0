import type { Foreign, ForeignLook } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';

/** The error codes that concern the whole tracker, not a single run. */
const OF_TRACKER = new Set(['MB4001', 'MB4002']);

/**
 * Yields what was found in one of our tracker runs. An error about the run affects only that run, whose content then
 * counts as unknown.
 */
export async function* lookedThrough(run: string, found: AsyncIterable<Foreign>): AsyncGenerator<ForeignLook, void, void> {
  try {
    yield* found;
    yield { kind: 'looked' };
  } catch (error) {
    if (!(error instanceof MirrorError) || !error.code.startsWith('MB4') || OF_TRACKER.has(error.code)) throw error;
    yield { kind: 'unseen', in: run, reason: error.message };
  }
}

const MOST_WORDS = 60;

/** Returns the first words of a text, for a list. */
export function firstWords(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MOST_WORDS ? `${line.slice(0, MOST_WORDS)}…` : line;
}
