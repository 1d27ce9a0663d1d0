import { MirrorError } from '../errors.ts';
import { formatMemory, memoryForAnswer, memoryInUse } from '../memory/index.ts';
import type { AnswerSource } from './answer-fields.ts';

/**
 * Returns the error for an answer that exceeds the memory, or is about to. `most`: the limit; the full length is
 * unknown.
 */
export function tooLargeAnswer({ what, address, speaker = address }: AnswerSource, most: number): MirrorError {
  const memory = memoryForAnswer(2 * most, memoryInUse().trackers);
  const hint =
    memory === undefined
      ? 'mirrorboard does not read answers this large. Only the affected run or file stops; everything else continues.'
      : `Give mirrorboard more memory (memory: ${formatMemory(memory)} would accept twice as much). Only the affected ` +
        `run or file stops; everything else continues.`;
  return new MirrorError('MB4030', `${what}: the answer of ${speaker} is too large: the limit is ${formatMemory(most)}`, {
    retry: 'later',
    hint,
    context: { address },
  });
}

/** True if the caller must request less at a time. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof MirrorError && error.code === 'MB4030';
}
