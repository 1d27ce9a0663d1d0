// The crash test of Aim behind a watch, many times over: against a real server where there is one, else against the
// stub.
import { killWithAim, realTarget, stubTarget } from '../crash/aim-kill.ts';
import { grower } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { type AimServer, startAim } from '../support/aim-server.ts';
import { AimStub } from '../support/aim-stub/index.ts';
import type { SoakOptions } from './backfill-kill.ts';

export async function soakAimKill({ kills, seed }: SoakOptions): Promise<void> {
  const folder = freshDirectory();
  const server: AimServer | undefined = await startAim().catch((error: unknown) => {
    console.log(`aim: no real server: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  const stub = await AimStub.start();
  const writer = grower({ seed, steps: kills * 400, rate: 200, runs: 3, live: 2, rotateEvery: 300, crashEvery: 150 });
  try {
    const say = (line: string): void => console.log(`aim: ${line}`);
    const target = server === undefined ? stubTarget(stub) : realTarget(server);
    const points = await killWithAim({ folder, kills, seed, lifeMs: 4000, writer, target, say });
    console.log(`aim: ${kills} kills; all ${points} points are there once`);
  } finally {
    await stub.close();
    await server?.stop();
    remove(folder);
  }
}
