import { memoryOf } from './limit.ts';
import { recordsAtOnce, type Shares, sharesOf } from './shares.ts';

/** How much memory there is, in bytes, and what shares it. */
export interface Memory {
  readonly limit: number;
  /** Lanes that lead to trackers. */
  readonly trackers: number;
  /** Roots that are read at the same time. */
  readonly roots: number;
}

/** Memory is the process's, so there is one budget of it; a thread is given its own copy when it begins. */
let memory: Memory | undefined;
let shares: Shares | undefined;

/** Sets what this thread and those it starts get along with. Omitted values stay unchanged. */
export function useMemory(wanted: { readonly [Key in keyof Memory]?: Memory[Key] | undefined }): void {
  const before = memoryInUse();
  memory = {
    limit: wanted.limit ?? before.limit,
    trackers: wanted.trackers ?? before.trackers,
    roots: wanted.roots ?? before.roots,
  };
  shares = undefined;
}

/** What `useMemory` was told, to be handed on to another thread. */
export function memoryInUse(): Memory {
  memory ??= { limit: memoryOf(undefined), trackers: 0, roots: 1 };
  return memory;
}

/** The shares of the memory in use, in bytes. */
export function memoryShares(): Shares {
  const inUse = memoryInUse();
  shares ??= sharesOf(inUse.limit, recordsAtOnce(inUse), inUse.trackers);
  return shares;
}
