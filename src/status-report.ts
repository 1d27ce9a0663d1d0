/** What `status` says: the store's listing, what the files have beyond it, and the last word of a running watch. */
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { openStore } from './backends/local/index.ts';
import type { FoundDamage, LanePosture } from './status/index.ts';
import { planBackfill } from './plan.ts';
import { StateFile } from './state/index.ts';

/** A document of a watch is taken for that of a living one for so long. */
const FRESH_MS = 10_000;

export interface StatusReport {
  readonly lane: LanePosture;
  readonly watch: { readonly isRunning: boolean; readonly writtenAtMs: number; readonly document: Record<string, unknown> } | undefined;
  readonly roots: readonly {
    readonly name: string;
    readonly path: string;
    readonly isMissing: boolean;
    readonly runs: number;
    readonly files: number;
    readonly points: number;
  }[];
  readonly damage: readonly FoundDamage[];
}

export function statusReport(storePath: string, statePath: string, nowMs: number): StatusReport {
  const store = openStore(storePath);
  try {
    const roots: StatusReport['roots'][number][] = [];
    const damage: FoundDamage[] = [];
    for (const { name, path } of store.roots()) {
      const runs = store.runs(name);
      roots.push({
        name,
        path,
        isMissing: !existsSync(path),
        runs: runs.length,
        files: store.fileCount(name, ''),
        points: runs.reduce((sum, run) => sum + run.points, 0),
      });
      for (const { run } of store.damagedRuns(name)) {
        for (const state of store.positions(run).files) for (const item of state.damage) damage.push({ ...item, run, file: state.name });
      }
    }
    const there = roots.filter(({ isMissing }) => !isMissing);
    const plan =
      there.length === 0
        ? undefined
        : planBackfill(
            there.map(({ name, path }) => ({ name, path })),
            storePath,
          );
    const behind = (plan?.runs ?? []).filter((run) => run.bytesBehind > 0);
    const bytes = behind.reduce((sum, run) => sum + run.bytesBehind, 0);
    const mirrored = (plan?.runs ?? []).reduce((sum, run) => sum + run.bytes - run.bytesToRead, 0);
    const points = roots.reduce((sum, root) => sum + root.points, 0);
    const oldestMs = Math.min(...behind.map((run) => run.oldestChangeMs));
    return {
      lane: {
        name: 'local',
        where: storePath,
        points,
        lagBytes: bytes,
        lagPoints: mirrored > 0 ? Math.round((bytes * points) / mirrored) : undefined,
        lagMs: bytes > 0 && Number.isFinite(oldestMs) ? Math.max(0, nowMs - oldestMs) : 0,
        runsBehind: behind.length,
      },
      watch: watchOf(statePath, storePath, nowMs),
      roots,
      damage,
    };
  } finally {
    store.close();
  }
}

/** The last word of the watch that mirrors into this store: a state file may have been used for another one. */
function watchOf(statePath: string, storePath: string, nowMs: number): StatusReport['watch'] {
  if (!existsSync(statePath)) return undefined;
  const state = StateFile.openForReading(statePath);
  try {
    const status = state.readStatus();
    if (status === undefined) return undefined;
    const document = status.document as Record<string, unknown>;
    if (!storesOf(document).includes(realPath(storePath))) return undefined;
    return { isRunning: document['ended'] !== true && nowMs - status.writtenMs < FRESH_MS, writtenAtMs: status.writtenMs, document };
  } finally {
    state.close();
  }
}

/** Where the lanes of a status document lie; paths in it count from the directory the watch was started in. */
function storesOf({ cwd, lanes }: Record<string, unknown>): string[] {
  if (!Array.isArray(lanes)) return [];
  return lanes.map(({ where }) => realPath(resolve(typeof cwd === 'string' ? cwd : '', String(where))));
}

/** Under whatever name: a link to a store is that store. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}
