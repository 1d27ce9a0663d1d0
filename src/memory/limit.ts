import { totalmem } from 'node:os';

/** The memory that the system reports. */
interface MemorySurroundings {
  /**
   * The limit of the process's cgroup (version 1 or 2, including the strictest one above it). It is 0, undefined or
   * absurdly large if there is none.
   */
  readonly constrained: number | undefined;
  /** The memory of the machine. */
  readonly total: number;
}

/** The most memory to use without a limit, however much there is: the machine may be shared. */
const MOST_UNASKED = 4 * 2 ** 30;

/**
 * Returns the memory to use: the configured value, up to the limit of the cgroup. Without a setting, it is that
 * limit; without a limit, half of the machine's memory, at most 4 GiB.
 */
export function memoryOf(asked: number | undefined, system: MemorySurroundings = systemMemory()): number {
  const { constrained, total } = system;
  const limit = constrained !== undefined && constrained > 0 && constrained < total ? constrained : undefined;
  if (asked !== undefined) return Math.min(asked, limit ?? Infinity);
  return limit ?? Math.min(Math.floor(total / 2), MOST_UNASKED);
}

function systemMemory(): MemorySurroundings {
  return { constrained: process.constrainedMemory(), total: totalmem() };
}
