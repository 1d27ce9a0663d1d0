import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CopiedRows, copyRuns } from '../backends/local/index.ts';
import type { UnitRule } from '../config/index.ts';
import { unitNames, unitShard } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import type { MarkedShard } from '../state/index.ts';
import {
  inNewFolder,
  makeState,
  readSettledState,
  type ShardFiles,
  type ShardFolder,
  shardFilesIn,
  whileNobodyWrites,
} from './shard-files.ts';

/** The state and store that are divided, and the target. */
export interface SplitOptions {
  readonly from: ShardFiles;
  /** The number of shards. */
  readonly count: number;
  /** The folder that gets a folder for each shard, named by its index. It must not exist, or be empty. */
  readonly to: string;
  readonly rule: UnitRule;
}

/**
 * Divides a state and the store next to it (either may be missing) into `count` shards; the sources stay unchanged. A
 * pause applies to every shard. Throws MB3105 if there is neither, MB3107 for the state of a single shard, MB3106 or
 * MB3004 while another process writes, MB3009 if the folders can't be created.
 */
export function splitIntoShards({ from, count, to, rule }: SplitOptions): ShardFolder[] {
  const [hasState, hasStore] = [existsSync(from.statePath), existsSync(from.store.path)];
  if (!hasState && !hasStore) {
    throw new MirrorError('MB3105', `no state at ${from.statePath}, and no store at ${from.store.path}`, {
      hint: 'Name them with --state and --store.',
      context: { path: from.statePath },
    });
  }
  const unitOf = unitNames(rule);
  return whileNobodyWrites([from], () =>
    inNewFolder(to, (made) =>
      Array.from({ length: count }, (_, index) => {
        const folder = join(made, String(index));
        const places = shardFilesIn(folder, from);
        // A store alone also gets a state, which notes the shard.
        const states = hasState
          ? splitState(from.statePath, places.statePath, index, count, rule)
          : (makeState(places.statePath, (state) => state.useShard(markOf(index, count, rule))) ?? 0);
        const isOurs = (run: { readonly root: string; readonly path: string }): boolean =>
          unitShard(run.root, unitOf(run.root, run.path), count) === index;
        const stored: CopiedRows | undefined = hasStore ? copyRuns(from.store, places.store, isOurs) : undefined;
        return { folder: join(to, String(index)), runs: Math.max(states, stored?.runs ?? 0), points: stored?.points ?? 0 };
      }),
    ),
  );
}

function splitState(from: string, to: string, index: number, count: number, rule: UnitRule): number {
  const reader = readSettledState(from);
  try {
    if (reader.shard !== undefined) {
      throw new MirrorError('MB3107', `${from} belongs to shard ${reader.shard.index}/${reader.shard.count}, and knows only its runs`, {
        hint: 'Merge the states of all shards with mirrorboard state merge first.',
        context: { path: from },
      });
    }
    return makeState(to, (state) => {
      state.continueAs(reader.instanceId);
      state.useShard(markOf(index, count, rule));
      state.importPauses(reader.pauses());
      let runs = 0;
      for (const unit of reader.units(unitNames(rule), (root, unit) => unitShard(root, unit, count) === index)) {
        state.importUnit(unit);
        runs += unit.runs.filter(({ files }) => files.length > 0).length;
      }
      return runs;
    });
  } finally {
    reader.close();
  }
}

/** Returns the mark of a shard. A single shard is that of all runs. */
function markOf(index: number, count: number, rule: UnitRule): MarkedShard | undefined {
  return count === 1 ? undefined : { index, count, ...rule };
}
