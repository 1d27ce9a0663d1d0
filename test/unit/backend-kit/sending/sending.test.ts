import { afterEach, describe, expect, it } from '@jest/globals';
import { outcomeOfThrown, Stop } from '../../../../src/backend-kit/failures/index.ts';
import { piecesOf } from '../../../../src/backend-kit/index.ts';
import { inParts, Job, Search, sendByRun, sendParcels, writeBatch } from '../../../../src/backend-kit/sending/index.ts';
import type { Handle, Outcome, TrackerParcel } from '../../../../src/contract/index.ts';
import { MirrorError } from '../../../../src/errors.ts';
import { event, simpleValue } from '../../../../src/testing/events/index.ts';
import { addressed, GrowingRun } from '../../../../src/testing/parcels.ts';

const runs: GrowingRun[] = [];
afterEach(() => {
  for (const run of runs.splice(0)) run.remove();
});

/** Parcels of three points each. */
function parcels(count: number, handle = 'run'): readonly TrackerParcel[] {
  const run = new GrowingRun();
  runs.push(run);
  const drafts = Array.from({ length: count }, (_, i) =>
    run.append([0, 1, 2].map((step) => event({ step: 3 * i + step, summary: [simpleValue('loss', step)] }))),
  );
  return addressed(drafts.flat(), handle as Handle);
}

const refusal = new MirrorError('MB4005', 'not this one');
const busy = new MirrorError('MB4001', 'busy', { retry: 'later' });
const outcomeOf = (thrown: unknown) => outcomeOfThrown(thrown, new AbortController().signal, 'Notes');
const kinds = (outcomes: readonly Outcome[]): readonly string[] => outcomes.map(({ kind }) => kind);

describe('parcels of a run', () => {
  it('are written even if a later one fails', async () => {
    const all = parcels(3);
    const written: TrackerParcel[] = [];
    const outcomes = await sendParcels(all, {
      begin: async (parcel) => {
        if (parcel === all[1]) throw new Stop({ kind: 'retry', error: busy });
        return new Job(parcel, undefined);
      },
      write: async (jobs) => void written.push(...jobs.map(({ parcel }) => parcel)),
      outcomeOf,
    });
    expect(written).toEqual([all[0]]);
    expect(kinds(outcomes)).toEqual(['accepted', 'retry', 'retry']);
  });

  it('are accepted up to the point where the write failed', async () => {
    const outcomes = await sendParcels(parcels(2), {
      begin: async (parcel) => new Job(parcel, { isWritten: false }),
      write: async ([first]) => {
        if (first !== undefined) first.prepared.isWritten = true;
        throw new MirrorError('MB4002', 'no');
      },
      isDone: ({ prepared }) => prepared.isWritten,
      outcomeOf,
    });
    expect(kinds(outcomes)).toEqual(['accepted', 'fatal']);
  });

  it('get no outcome after a rejected one', async () => {
    const begin = async (): Promise<Job> => {
      throw new Stop({ kind: 'rejected', error: refusal });
    };
    expect(kinds(await sendParcels(parcels(2), { begin, outcomeOf }))).toEqual(['rejected', 'retry']);
  });

  it('count a point once, no matter how often it is refused', async () => {
    const [parcel] = parcels(1);
    const job = new Job(parcel!, undefined);
    const spot = { offset: parcel!.batch.scalars.offset[1]!, index: 0 };
    job.refuse(spot, 'no');
    job.refuse(spot, 'no');
    expect(job.isRefused(spot)).toBe(true);
    expect(job.outcome).toMatchObject({ kind: 'accepted', points: 2, refusals: [{ ...spot, kind: 'refused', reason: 'no' }] });
  });

  it('are grouped by run, and a failed run affects no other run', async () => {
    const [a, b] = [parcels(2, 'a'), parcels(2, 'b')];
    const mixed = [a[0]!, b[0]!, a[1]!, b[1]!];
    const send = async (handle: Handle, own: readonly TrackerParcel[]): Promise<readonly Outcome[]> => {
      if (handle === ('a' as Handle)) throw busy;
      return own.map((parcel) => new Job(parcel, undefined).outcome);
    };
    expect(kinds(await sendByRun(mixed, send, outcomeOf))).toEqual(['retry', 'accepted', 'retry', 'accepted']);
  });
});

describe('the search for refused entries', () => {
  interface Entry {
    readonly job: Job;
    readonly name: string;
  }

  /** A tracker that refuses whole requests with one of some names in them. */
  async function search(entries: readonly Entry[], bad: readonly string[], isNaming = false) {
    const requests: string[] = [];
    const refused: string[] = [];
    let sent: readonly Entry[] = [];
    await writeBatch(entries, new Search(), {
      send: async (some) => {
        sent = some;
        requests.push(some.map(({ name }) => name).join(''));
        return some.some(({ name }) => bad.includes(name)) ? { error: refusal } : undefined;
      },
      suspect: async () => {},
      ...(isNaming ? { named: () => sent.find(({ name }) => bad.includes(name)) } : {}),
      refuse: ({ name }) => void refused.push(name),
    });
    return { requests, refused };
  }

  function entries(...names: readonly string[]): readonly Entry[] {
    return parcels(names.length).flatMap((parcel, i) => {
      const job = new Job(parcel, undefined);
      return [...(names[i] ?? '')].map((name) => ({ job, name }));
    });
  }

  it('splits a request between parcels first, then in halves', async () => {
    const { requests, refused } = await search(entries('abcd', 'ef'), ['c']);
    expect(requests).toEqual(['abcdef', 'abcd', 'ab', 'cd', 'c', 'd', 'ef']);
    expect(refused).toEqual(['c']);
  });

  it('leaves out the entry that the server names', async () => {
    expect(await search(entries('abcd'), ['b', 'd'], true)).toEqual({ requests: ['abcd', 'acd', 'ac'], refused: ['b', 'd'] });
  });

  it('ends after a limited number of requests, and rejects the unresolved parcels', async () => {
    const all = entries('x'.repeat(100), 'y');
    const { requests } = await search(all, ['x']);
    expect(requests.length).toBeLessThanOrEqual(70);
    expect(all[0]!.job.outcome).toMatchObject({ kind: 'rejected', error: refusal });
    expect(all.at(-1)!.job.outcome.kind).toBe('accepted');
  });

  it('throws errors that are not about the entries', async () => {
    const steps = {
      send: async () => ({ error: busy }),
      suspect: async () => {
        throw new Stop({ kind: 'retry', error: busy });
      },
      refuse: () => {},
    };
    await expect(writeBatch(entries('ab'), new Search(), steps)).rejects.toBeInstanceOf(Stop);
  });
});

describe('items in parts', () => {
  it('sends a refused part in halves, so that one refused item costs only itself', async () => {
    const stored: number[] = [];
    const alone: number[] = [];
    await inParts<number, string>([1, 2, 3, 4, 5], {
      send: async (items) => {
        if (items.includes(4)) return 'no';
        stored.push(...items);
        return undefined;
      },
      alone: (item) => void alone.push(item),
    });
    expect([stored, alone]).toEqual([[1, 2, 3, 5], [4]]);
  });

  it('splits by number and length, and keeps an item that is too long whole', () => {
    const bytesOf = (text: string): number => text.length;
    expect(piecesOf(['aa', 'b', 'c', 'dddddd', 'e'], bytesOf, { bytes: 4 })).toEqual([['aa', 'b', 'c'], ['dddddd'], ['e']]);
    expect(piecesOf(['a', 'b', 'c'], bytesOf, { bytes: 9, count: 2 })).toEqual([['a', 'b'], ['c']]);
    expect(piecesOf([], bytesOf, { bytes: 9 })).toEqual([]);
  });
});
