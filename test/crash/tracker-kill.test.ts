import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { killWithTracker } from './tracker-kill.ts';
import { grower } from './watch-kill.ts';

const seed = Number(process.env['MIRRORBOARD_TEST_SEED'] ?? Date.now() % 2 ** 31);

let folder: string;
let stub: MlflowStub;
beforeEach(async () => {
  folder = freshDirectory();
  stub = await MlflowStub.start();
});
afterEach(async () => {
  await endAll();
  await stub.close();
  remove(folder);
});

describe('a tracker behind a watch that is killed', () => {
  it.each([
    ['has every point once in the end, however often it fails meanwhile', false],
    ['has every point under its name in the end, where runs are folded and routes change with each life', true],
  ])(
    '%s',
    async (_, isRouted) => {
      const said: string[] = [];
      const writer = grower({ seed, steps: 1500, rate: 300, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
      try {
        await killWithTracker({ folder, kills: 3, seed, lifeMs: 2000, writer, stub, isRouted, say: (line) => void said.push(line) });
      } catch (cause) {
        throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${said.join('\n')}\n${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    },
    120_000,
  );
});
