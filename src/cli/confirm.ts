import { createInterface } from 'node:readline/promises';
import { MirrorError } from '../errors.ts';
import type { CommandContext } from './context.ts';

/** Asks a person at a terminal; a script answers with `--yes`. Throws MB3023 if there is neither. */
export async function confirm(question: string, isYes: boolean, { stderr }: CommandContext, signal: AbortSignal): Promise<boolean> {
  if (isYes) return true;
  if (process.stdin.isTTY !== true || stderr.isTTY !== true) {
    throw new MirrorError('MB3023', 'this cannot be undone, and there is no terminal to ask for confirmation', {
      hint: 'Use --dry-run to see what it would do, or --yes to confirm.',
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
