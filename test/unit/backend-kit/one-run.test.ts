import { describe, expect, test } from '@jest/globals';
import { agreeOnOne, type Contenders } from '../../../src/backend-kit/index.ts';
import { seededRandom } from '../../crash/backfill-kill.ts';

interface Run {
  readonly id: string;
  place: string | undefined;
  isRemoved: boolean;
}

const signal = new AbortController().signal;

/** A tracker whose calls take a while, each another one. */
function tracker(random: () => number): { readonly runs: Run[]; readonly open: (id: string) => Promise<Run> } {
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
    placeOf: ({ place }) => place,
    isOwn: ({ isRemoved }) => !isRemoved,
    async givePlace({ id }, place) {
      await moment();
      runs.find((run) => run.id === id)!.place = place;
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
  return { runs, open };
}

describe('processes that make a tracker run at the same moment', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))('end with one of them (seed %d)', async (seed) => {
    const random = seededRandom(seed);
    const { runs, open } = tracker(random);
    const ids = ['d', 'a', 'c', 'b'].sort(() => random() - 0.5);
    const found = await Promise.all(ids.map(open));
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
    expect(runs.filter(({ isRemoved }) => !isRemoved).map(({ id }) => id)).toEqual([found[0]!.id]);
  });
});
