import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { testSeed } from '../support/test-seed.ts';
import { killWithParquet } from './parquet-kill.ts';
import { grower } from './watch-kill.ts';

const seed = testSeed();

let folder: string;
beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  remove(folder);
});

describe('Parquet files after a watch was killed', () => {
  it('have every point once, for a program that reads all of them', async () => {
    const said: string[] = [];
    const writer = grower({ seed, steps: 2500, rate: 200, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
    try {
      await killWithParquet({ folder, kills: 3, seed, lifeMs: 4000, writer, say: (line) => void said.push(line) });
      if (process.env['MIRRORBOARD_TEST_SEED'] !== undefined) process.stderr.write(`${said.join('\n')}\n`);
    } catch (cause) {
      throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
    }
  });
});
