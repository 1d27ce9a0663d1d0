import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { type AimServer, startAim } from '../support/aim-server.ts';
import { AimStub } from '../support/aim-stub/index.ts';
import { testSeed } from '../support/test-seed.ts';
import { type AimTarget, killWithAim, realTarget, stubTarget } from './aim-kill.ts';
import { grower } from './watch-kill.ts';

const seed = testSeed();

let server: AimServer | undefined;
let reason = '';
try {
  server = await startAim();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

let folder: string;
beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  remove(folder);
});

async function kill(target: AimTarget, lifeMs: number): Promise<void> {
  const said: string[] = [];
  const writer = grower({ seed, steps: 1200, rate: 200, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
  try {
    await killWithAim({ folder, kills: 3, seed, lifeMs, writer, target, say: (line) => void said.push(line) });
  } catch (cause) {
    throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
  }
}

describe('Aim after a watch was killed', () => {
  it('has every point once in the end, no matter how often the server fails meanwhile', async () => {
    const stub = await AimStub.start();
    try {
      await kill(stubTarget(stub), 2000);
      if (stub.complaints().length > 0) throw new Error(stub.complaints().join('\n'));
    } finally {
      await stub.close();
    }
  });

  const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
  if (server === undefined && !isRequired) process.stderr.write(`… skipped, no Aim server: ${reason}\n`);
  (server === undefined && !isRequired ? it.skip : it)('has every point once in the end if a real server is killed too', async () => {
    if (server === undefined) throw new Error(reason);
    try {
      await kill(realTarget(server), 5000);
    } finally {
      await server.stop();
    }
  });
});
