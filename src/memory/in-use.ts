import { memoryOf } from './limit.ts';
import { recordsAtOnce, type Shares, sharesOf } from './shares.ts';

/** The available memory, in bytes, and the numbers of its users. */
export interface Memory {
  readonly limit: number;
  /** Lanes that lead to trackers. */
  readonly trackers: number;
  /** Roots that are read at the same time. */
  readonly roots: number;
}

/** The budget of the process, which has only one; a thread receives its own copy when it begins. */
let memory: Memory | undefined;
let shares: Shares | undefined;

/** Sets the memory for this thread and those it starts. Omitted values stay unchanged. */
export function useMemory(wanted: { readonly [Key in keyof Memory]?: Memory[Key] | undefined }): void {
  const before = memoryInUse();
  memory = {
    limit: wanted.limit ?? before.limit,
    trackers: wanted.trackers ?? before.trackers,
    roots: wanted.roots ?? before.roots,
  };
  shares = undefined;
}

/** Returns the settings of `useMemory`, to pass them to another thread. */
export function memoryInUse(): Memory {
  memory ??= { limit: memoryOf(undefined), trackers: 0, roots: 1 };
  return memory;
}

/** Returns the shares of the memory in use, in bytes. */
export function memoryShares(): Shares {
  const inUse = memoryInUse();
  shares ??= sharesOf(inUse.limit, recordsAtOnce(inUse), inUse.trackers);
  return shares;
}
