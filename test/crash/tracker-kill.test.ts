import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { testSeed } from '../support/test-seed.ts';
import { type KilledTracker, killedClearml, killedMlflow, killWithTracker } from './tracker-kill.ts';
import { grower } from './watch-kill.ts';

const seed = testSeed();

let folder: string;
let stub: MlflowStub | ClearmlStub;
beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  await stub.close();
  remove(folder);
});

async function killed(tracker: KilledTracker, isRouted: boolean): Promise<void> {
  const said: string[] = [];
  const writer = grower({ seed, steps: 1500, rate: 300, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
  try {
    await killWithTracker({ folder, kills: 3, seed, lifeMs: 2000, writer, tracker, isRouted, say: (line) => void said.push(line) });
  } catch (cause) {
    throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
  }
}

describe.each([
  ['has every point once in the end, however often it fails meanwhile', false],
  ['has every point under its name in the end, where runs are folded and routes change with each life', true],
])('a tracker behind a watch that is killed %s', (_, isRouted) => {
  it('MLflow', async () => {
    const server = await MlflowStub.start();
    stub = server;
    await killed(killedMlflow(server, seed), isRouted);
  });

  it('ClearML', async () => {
    const keys = { access: 'ACCESSKEY00', secret: 'secret-of-the-killed' };
    const server = await ClearmlStub.start({ accessKey: keys.access, secretKey: keys.secret });
    stub = server;
    await killed(killedClearml(server, seed, keys), isRouted);
  });
});
