import { createInterface } from 'node:readline/promises';
import { MirrorError } from '../errors.ts';
import type { CommandContext } from './context.ts';

/** Asks a person at a terminal; `--yes` is the answer of a script. Throws MB3023 where there is neither. */
export async function confirm(question: string, isYes: boolean, { stderr }: CommandContext, signal: AbortSignal): Promise<boolean> {
  if (isYes) return true;
  if (process.stdin.isTTY !== true || stderr.isTTY !== true) {
    throw new MirrorError('MB3023', 'this can not be taken back, and there is no terminal to ask at', {
      hint: '--dry-run says what it would do; --yes does it without asking.',
    });
  }
  const asking = createInterface({ input: process.stdin, output: stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}
