import { totalmem } from 'node:os';

/** What the system says of memory. */
interface MemorySurroundings {
  /**
   * The limit of our cgroup (version 1 or 2, the strictest above it included); 0, undefined or beyond all reason
   * if there is none.
   */
  readonly constrained: number | undefined;
  /** Of the machine. */
  readonly total: number;
}

/** Without a limit, this may be a shared machine: use at most these bytes, however much memory there is. */
const MOST_UNASKED = 4 * 2 ** 30;

/**
 * The memory to use: what was configured, up to the limit of the cgroup. Without a setting, it is that limit, otherwise
 * half of the machine's memory, at most 4 GiB.
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
