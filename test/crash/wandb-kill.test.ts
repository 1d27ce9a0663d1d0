import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { testSeed } from '../support/test-seed.ts';
import { WandbStub } from '../support/wandb-stub/index.ts';
import { killWithWandb } from './wandb-kill.ts';
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

describe('W&B after a watch was killed', () => {
  it.each([
    ['online', 1, { lateCountMs: 300 }],
    ['offline', 1, {}],
    ['turns', 1, {}],
  ] as const)('has every row once, in its own line: %s', async (mode, kills, options) => {
    const stub = await WandbStub.start(options);
    const said: string[] = [];
    const writer = grower({ seed, steps: 900, rate: 300, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
    try {
      await killWithWandb({ folder, kills, seed, lifeMs: 2000, mode, writer, stub, say: (line) => void said.push(line) });
    } catch (cause) {
      throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
    } finally {
      await stub.close();
    }
  });
});
