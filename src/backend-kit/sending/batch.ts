import type { MirrorError } from '../../errors.ts';
import type { NotAccepted } from '../failures/index.ts';

/** Something that goes into a request with others, of a parcel. */
export interface BatchEntry {
  readonly job: { failed: NotAccepted | undefined };
}

/** Requests that one search for entries to blame may take. */
const SEARCH_REQUESTS = 64;

/** A search for the entries to blame, bounded: what is still unclear at its end is `rejected` as a whole. */
export class Search {
  #left = SEARCH_REQUESTS;

  /** Whether a request of it was refused before. */
  get isBegun(): boolean {
    return this.#left < SEARCH_REQUESTS;
  }

  /** Notes a request that was refused. Whether another one may follow. */
  next(): boolean {
    return --this.#left > 0;
  }
}

/** How a batch is written. */
export interface BatchSteps<Entry extends BatchEntry, Failure extends { readonly error: MirrorError }> {
  /** Sends entries in one request, and notes what is stored. Undefined: nothing is left to do with them. */
  readonly send: (entries: readonly Entry[]) => Promise<Failure | undefined>;
  /** Throws a `Stop` if the failure is no matter of these entries. */
  readonly suspect: (failure: Failure, entries: readonly Entry[]) => Promise<void>;
  /** The entry that the server blames, if it names one. */
  readonly named?: (failure: Failure) => Entry | undefined;
  /** An entry that is to blame: refuses it. */
  readonly refuse: (entry: Entry, failure: Failure) => Promise<void> | void;
}

/**
 * Writes entries of several parcels in one request. If it is refused, the entries to blame are searched for: the
 * server may not say which they are. Most often that is one of them; everything else is stored.
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

/** Between two parcels is the best place to part them: then each gets an outcome of its own. */
function middleOf(group: readonly BatchEntry[]): number {
  const border = group.findIndex(({ job }) => job !== group[0]?.job);
  return border > 0 ? border : group.length >> 1;
}

function waiting<Entry extends BatchEntry>(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ job }) => job.failed === undefined);
}
