import { describe, expect, test } from '@jest/globals';
import { agreeOnOne, type Contenders } from '../../../../src/backend-kit/identity/index.ts';
import { seededRandom } from '../../../crash/backfill-kill.ts';

interface Run {
  readonly id: string;
  place: string | undefined;
  isRemoved: boolean;
}

const signal = new AbortController().signal;

/** A tracker whose calls take a while, each another one. */
function tracker(random: () => number): {
  readonly runs: Run[];
  readonly contenders: Contenders<Run>;
  readonly open: (id: string) => Promise<Run>;
} {
  const runs: Run[] = [];
  const moment = async (): Promise<void> => {
    for (let turns = Math.floor(random() * 8); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  };
  const contenders: Contenders<Run> = {
    async list() {
      await moment();
      return runs.map((run) => ({ ...run })).sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    idOf: ({ id }) => id,
    ticketOf: ({ place }) => place,
    isOwn: ({ isRemoved }) => !isRemoved,
    async giveTicket({ id }, place) {
      await moment();
      const run = runs.find((each) => each.id === id)!;
      if (run.isRemoved) throw new Error('it was removed');
      run.place = place;
      await moment();
    },
    async remove({ id }) {
      await moment();
      runs.find((run) => run.id === id)!.isRemoved = true;
    },
  };
  const open = async (id: string): Promise<Run> => {
    await moment();
    const made: Run = { id, place: undefined, isRemoved: false };
    runs.push(made);
    await moment();
    return agreeOnOne(made, contenders, signal);
  };
  return { runs, contenders, open };
}

describe('processes that create a tracker run at the same moment', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))('agree on one of them (seed %d)', async (seed) => {
    const random = seededRandom(seed);
    const { runs, open } = tracker(random);
    const ids = ['d', 'a', 'c', 'b'].sort(() => random() - 0.5);
    const found = await Promise.all(ids.map(open));
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
    expect(runs.filter(({ isRemoved }) => !isRemoved).map(({ id }) => id)).toEqual([found[0]!.id]);
  });

  test('remove a run that a dead process left without a place', async () => {
    const { runs, open } = tracker(() => 0);
    runs.push({ id: 'a', place: undefined, isRemoved: false });
    expect(await open('b')).toMatchObject({ id: 'b' });
    expect(runs).toMatchObject([
      { id: 'a', isRemoved: true },
      { id: 'b', place: '1', isRemoved: false },
    ]);
  }, 60_000);

  test('continue with the run of another process if theirs counted as abandoned', async () => {
    const { runs, contenders } = tracker(() => 0);
    const slow: Run = { id: 'a', place: undefined, isRemoved: true };
    runs.push(slow, { id: 'b', place: '1', isRemoved: false });
    const list = async (): Promise<readonly Run[]> => (await contenders.list()).filter(({ isRemoved }) => !isRemoved);
    expect(await agreeOnOne(slow, { ...contenders, list }, signal)).toMatchObject({ id: 'b' });
  });
});
