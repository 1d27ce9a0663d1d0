// The crash test of W&B behind a watch, many times over, in each mode.
import { killWithWandb } from '../crash/wandb-kill.ts';
import { grower } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { WandbStub } from '../support/wandb-stub/index.ts';
import type { SoakOptions } from './backfill-kill.ts';

const CASES = [
  { mode: 'online', offsetSemantics: 'replace' },
  { mode: 'online', offsetSemantics: 'append' },
  { mode: 'offline', offsetSemantics: 'replace' },
  { mode: 'turns', offsetSemantics: 'replace' },
] as const;

/**
 * Kills watches that mirror into a service which fails now and then, and which they leave for a folder and come back
 * to.
 */
export async function soakWandbKill({ kills, seed }: SoakOptions): Promise<void> {
  for (const { mode, offsetSemantics } of CASES) {
    const folder = freshDirectory();
    const stub = await WandbStub.start(offsetSemantics === 'append' ? { appends: true } : { lateCountMs: 500 });
    const each = Math.ceil(kills / CASES.length);
    const writer = grower({ seed, steps: each * 700, rate: 300, runs: 3, live: 2, rotateEvery: 300, crashEvery: 150 });
    const name = `W&B ${mode}, ${offsetSemantics}`;
    try {
      const say = (line: string): void => console.log(`${name}: ${line}`);
      const points = await killWithWandb({ folder, kills: each, seed, lifeMs: 4000, mode, offsetSemantics, writer, stub, say });
      console.log(`${name}: ${each} kills; all ${points} points are there once`);
    } finally {
      await stub.close();
      remove(folder);
    }
  }
}
