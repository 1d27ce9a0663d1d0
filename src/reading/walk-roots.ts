import { each } from '../concurrency/index.ts';
import type { FoundRun, PassedOver, WalkObstacle } from '../discover/index.ts';
import { MOST_READERS } from '../memory/index.ts';
import { compareNames } from '../model/index.ts';
import type { PatientReader } from './patient-reader.ts';
import { ReaderPool } from './reader-pool.ts';
import type { WalkPiece } from './reader-protocol.ts';
import type { Walk } from './reader-thread.ts';

/** A walk of a root, or of `below` in it; by default of the whole root. */
export type AskedWalk = Partial<Walk> & Pick<Walk, 'root' | 'links'>;

/** The result of a walk: the runs in the order of their paths, and what hung. */
export type Walked = Required<WalkPiece> & { readonly silent: ReadonlyMap<string, number> };

/**
 * Walks roots in separate threads, several at the same time, because there may be thousands of roots. Returns the
 * results in the order of the roots.
 */
export async function walkRoots(asked: readonly AskedWalk[]): Promise<readonly Walked[]> {
  const pool = new ReaderPool();
  const walked: Walked[] = [];
  try {
    await each([...asked.entries()], MOST_READERS, async ([i, one]) => {
      const reader = pool.take();
      walked[i] = await walk(reader, one);
      pool.giveBack(reader);
    });
    return walked;
  } finally {
    await pool.close();
  }
}

/** Walks one root in the same way. */
export async function walkPatiently(root: string, asked: Omit<AskedWalk, 'root'>): Promise<Walked> {
  const [walked] = await walkRoots([{ root, ...asked }]);
  return walked as Walked;
}

async function walk(
  reader: PatientReader,
  { root, below = '', include = [], exclude = [], ignore = [], shard, links, isNaming = false }: AskedWalk,
): Promise<Walked> {
  const runs: FoundRun[] = [];
  const obstacles: WalkObstacle[] = [];
  let passedOver: readonly PassedOver[] = [];
  let directories = 0;
  for await (const piece of reader.walk({ root, below, include, exclude, ignore, shard, links, isNaming })) {
    passedOver = piece.passedOver ?? passedOver;
    ({ directories } = piece);
    for (const run of piece.runs) runs.push(run);
    for (const obstacle of piece.obstacles) obstacles.push(obstacle);
  }
  runs.sort((a, b) => compareNames(a.path, b.path));
  return { runs, obstacles, passedOver, directories, silent: new Map(reader.silent) };
}
