import { memoryShares } from '../memory/index.ts';

/** The memory that a thread with a reader may take. */
const THREAD_BYTES = 128 * 2 ** 20;
/** Less work takes longer with threads: starting them, and handing over each task, costs more than they save. */
const LEAST_BYTES = 32 * 2 ** 20;

/** The work to divide: its tasks, and its bytes of event files. */
export interface WorkSize {
  readonly tasks: number;
  readonly bytes: number;
}

/**
 * Returns how many of the wanted threads help: no more than there are tasks, or memory for. `leastBytes`: one is
 * enough for less. Default: 32 MiB.
 */
export function jobsWorthwhile(wanted: number, { tasks, bytes }: WorkSize, leastBytes = LEAST_BYTES): number {
  if (bytes < leastBytes) return 1;
  return Math.max(1, Math.min(wanted, tasks, Math.floor(memoryShares().limit / THREAD_BYTES)));
}
