import type { MirrorError } from '../../errors.ts';
import type { NotAccepted } from '../failures/index.ts';

/** An item of a parcel that shares a request with others. */
export interface BatchEntry {
  readonly job: { failed: NotAccepted | undefined };
}

/** The most requests for one search for the entries to blame. */
const SEARCH_REQUESTS = 64;

/** A bounded search for the entries to blame. Entries that are still unclear at its end are `rejected` as a whole. */
export class Search {
  #left = SEARCH_REQUESTS;

  /** True if the server already refused a request of this search. */
  get isStarted(): boolean {
    return this.#left < SEARCH_REQUESTS;
  }

  /** Notes a request that the server refused. True if another one may follow. */
  next(): boolean {
    return --this.#left > 0;
  }
}

/** The steps of writing a batch. */
export interface BatchSteps<Entry extends BatchEntry, Failure extends { readonly error: MirrorError }> {
  /** Sends entries in one request, and notes what is stored. Returns undefined if nothing is left to do with them. */
  readonly send: (entries: readonly Entry[]) => Promise<Failure | undefined>;
  /** Throws a `Stop` if these entries did not cause the failure. */
  readonly suspect: (failure: Failure, entries: readonly Entry[]) => Promise<void>;
  /** Returns the entry that the server blames, if it names one. */
  readonly named?: (failure: Failure) => Entry | undefined;
  /** Refuses an entry that is to blame. */
  readonly refuse: (entry: Entry, failure: Failure) => Promise<void> | void;
}

/**
 * Writes entries of several parcels in one request. If the server refuses it, this searches for the entries to blame,
 * because the server may not name them. Most often there is only one, and everything else is stored.
 */
export async function writeBatch<Entry extends BatchEntry, Failure extends { readonly error: MirrorError }>(
  entries: readonly Entry[],
  search: Search,
  steps: BatchSteps<Entry, Failure>,
): Promise<void> {
  let group = waiting(entries);
  while (group.length > 0) {
    const failure = await steps.send(group);
    if (failure === undefined) return;
    await steps.suspect(failure, group);
    const culprit = group.length === 1 ? group[0] : steps.named?.(failure);
    if (culprit !== undefined) {
      await steps.refuse(culprit, failure);
      group = group.filter((entry) => entry !== culprit);
    }
    if (!search.next()) for (const { job } of group) job.failed ??= { kind: 'rejected', error: failure.error };
    if (culprit === undefined) {
      const at = middleOf(group);
      await writeBatch(group.slice(0, at), search, steps);
      group = group.slice(at);
    }
    group = waiting(group);
  }
}

/**
 * Returns the index at which to split a group. A border between two parcels is best: then each gets its own outcome.
 */
function middleOf(group: readonly BatchEntry[]): number {
  const border = group.findIndex(({ job }) => job !== group[0]?.job);
  return border > 0 ? border : group.length >> 1;
}

function waiting<Entry extends BatchEntry>(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ job }) => job.failed === undefined);
}
