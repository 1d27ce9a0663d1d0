import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { testSeed } from '../support/test-seed.ts';
import { actBesideWatch } from './actor.ts';

const seed = testSeed();
const actions = Number(process.env['MIRRORBOARD_TEST_ACTIONS'] ?? 150);

let folder: string;
beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  remove(folder);
});

describe('a watch next to an actor that writes, cuts, copies, syncs, renames, links, empties, deletes and unmounts, on a server that fails', () => {
  it(`holds the points of the tree once in the end (MIRRORBOARD_TEST_SEED=${seed})`, async () => {
    const said: string[] = [];
    try {
      await actBesideWatch({ folder, seed, actions, say: (line) => void said.push(line) });
    } catch (cause) {
      const last = said.slice(-60).join('\n');
      throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${last}`, { cause });
    }
  });
});
