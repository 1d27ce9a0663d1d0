// Draws histories of a log tree and of the process that watches it, and runs them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { freshDirectory } from '../e2e/command.ts';
import { WatchedMirror } from './watched-mirror.ts';
import { type Action, WatchedTree } from './watched-tree.ts';

type Happening =
  | Action
  | { readonly kind: 'pass'; readonly heal: boolean; readonly settled: boolean; readonly fair: boolean }
  | { readonly kind: 'killedPass'; readonly after: number; readonly heal: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'compact' };

const change = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('append' as const) },
    { weight: 3, arbitrary: fc.constantFrom('tear' as const, 'finish' as const) },
    { weight: 4, arbitrary: fc.constantFrom('corrupt' as const, 'heal' as const) },
    { weight: 2, arbitrary: fc.constantFrom('truncate' as const, 'replace' as const, 'overwrite' as const) },
    { weight: 2, arbitrary: fc.constantFrom('copy' as const, 'restore' as const) },
    { weight: 3, arbitrary: fc.constantFrom('newFile' as const, 'lateFile' as const, 'newRun' as const, 'remove' as const) },
  ),
  which: fc.integer({ min: 0, max: 999 }).map((n) => n / 1000),
  how: fc.integer({ min: 0, max: 9999 }).map((n) => n / 10_000),
});

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: change },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), heal: fc.boolean(), settled: fc.boolean(), fair: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('killedPass' as const), after: fc.integer({ min: 0, max: 4 }), heal: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'compact' as const) }) },
);

/** Runs `runs` histories of about `length` happenings; throws with the smallest one that fails, and its seed. */
export async function checkWatchHistories({ runs, length, seed }: { runs: number; length: number; seed: number }): Promise<void> {
  const property = fc.asyncProperty(fc.array(happening, { minLength: length / 2, maxLength: (length * 3) / 2, size: 'max' }), runHistory);
  await fc.assert(property, { seed, numRuns: runs, includeErrorInReport: true });
}

export async function runHistory(history: readonly Happening[]): Promise<void> {
  const folder = freshDirectory();
  const tree = new WatchedTree(join(folder, 'logs'));
  const mirror = new WatchedMirror(tree, folder);
  try {
    for (const step of history) {
      switch (step.kind) {
        case 'pass':
          if (await mirror.pass(step)) await mirror.check();
          break;
        case 'killedPass':
          if (await mirror.pass({ heal: step.heal, killAfter: step.after })) await mirror.check();
          break;
        case 'restart':
          await mirror.restart();
          break;
        case 'compact':
          mirror.compact();
          break;
        default:
          tree.do(step);
      }
    }
    tree.healAll();
    await mirror.pass();
    await mirror.pass({ heal: true, settled: true });
    await mirror.checkExactly();
    mirror.compact();
    await mirror.restart();
    await mirror.pass({ heal: true, settled: true });
    await mirror.checkExactly();
  } finally {
    await mirror.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
