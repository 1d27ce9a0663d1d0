import { memoryOf } from './limit.ts';
import { type Shares, sharesOf } from './shares.ts';

/** Memory is the process's, so there is one budget of it; a thread is given its own copy when it begins. */
let memory: { readonly limit: number; readonly trackers: number } | undefined;
let shares: Shares | undefined;

/** Sets what this thread and those it starts get along with. What is left out stays as it is. */
export function useMemory({ limit, trackers }: { readonly limit?: number | undefined; readonly trackers?: number | undefined }): void {
  const before = memoryInUse();
  memory = { limit: limit ?? before.limit, trackers: trackers ?? before.trackers };
  shares = undefined;
}

/** What `useMemory` was told, to be handed on to another thread. */
export function memoryInUse(): { readonly limit: number; readonly trackers: number } {
  memory ??= { limit: memoryOf(undefined), trackers: 0 };
  return memory;
}

export function memoryShares(): Shares {
  const { limit, trackers } = memoryInUse();
  shares ??= sharesOf(limit, trackers);
  return shares;
}
