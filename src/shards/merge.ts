import { existsSync } from 'node:fs';
import { type CopiedRows, copyRuns, openStore } from '../backends/local/index.ts';
import type { UnitRule } from '../config/index.ts';
import { unitNames } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { keyOfRun, type Shard, shardText } from '../model/index.ts';
import { type Extent, extentOfFiles, extentOfUnit, furthest } from './furthest.ts';
import { inNewFolder, makeState, readSettledState, type ShardFiles, shardFilesIn, whileNobodyWrites } from './shard-files.ts';

/** The shards that are merged, and the target. */
export interface MergeOptions {
  /** Folders of shards, each with a state, a store, or both, under the file names of `names`. */
  readonly folders: readonly string[];
  /** The file names of state and store in the folders. */
  readonly names: ShardFiles;
  /** The folder that gets the merged state and store. It must not exist, or be empty. */
  readonly to: string;
  readonly rule: UnitRule;
}

/** The result of a merge. */
export interface MergeResult {
  readonly runs: number;
  readonly points: number;
}

/**
 * Merges the states and stores of some shards into a new folder; the sources stay unchanged. If several know a run,
 * the one with the furthest positions counts. A pause of one shard applies to all. Throws MB3108 if none is furthest,
 * MB3105 for a folder with neither state nor store, and otherwise as `splitIntoShards`.
 */
export function mergeShards({ folders, names, to, rule }: MergeOptions): MergeResult {
  const sources = folders.map((folder) => shardFilesIn(folder, names));
  for (const [i, { statePath, store }] of sources.entries()) {
    if (existsSync(statePath) || existsSync(store.path)) continue;
    throw new MirrorError('MB3105', `${folders[i]}: no state and no store in this folder`, {
      hint: `Name the folders that hold ${names.statePath} or ${names.store.path}.`,
      context: { path: folders[i] ?? '' },
    });
  }
  return whileNobodyWrites(sources, () =>
    inNewFolder(to, (made) => {
      const target = shardFilesIn(made, names);
      const states = sources.map(({ statePath }) => statePath).filter((path) => existsSync(path));
      const stores = sources.map(({ store }) => store).filter(({ path }) => existsSync(path));
      const runs = states.length === 0 ? 0 : mergeStates(states, target.statePath, rule);
      const copied = mergeStores(stores, target.store);
      return { runs: Math.max(runs, copied.runs), points: copied.points };
    }),
  );
}

function mergeStates(paths: readonly string[], to: string, rule: UnitRule): number {
  const unitOf = unitNames(rule);
  const extents = new Map<string, { readonly path: string; readonly extent: Extent }[]>();
  let instance: string | undefined;
  const shards: (Shard | undefined)[] = [];
  for (const path of paths) {
    const reader = readSettledState(path);
    try {
      instance ??= reader.instanceId;
      shards.push(reader.shard);
      for (const unit of reader.units(unitOf)) {
        const key = keyOfRun({ root: unit.root.name, path: unit.unit });
        extents.set(key, [...(extents.get(key) ?? []), { path, extent: extentOfUnit(unit) }]);
      }
    } finally {
      reader.close();
    }
  }
  checkAllThere(shards);
  const chosen = new Map([...extents].map(([key, all]) => [key, furthest(key, all)]));
  return makeState(to, (state) => {
    let runs = 0;
    if (instance !== undefined) state.continueAs(instance);
    for (const path of paths) {
      const reader = readSettledState(path);
      try {
        const isChosen = (root: string, unit: string): boolean => chosen.get(keyOfRun({ root, path: unit })) === path;
        state.importPauses(reader.pauses());
        for (const unit of reader.units(unitOf, isChosen)) {
          state.importUnit(unit);
          runs += unit.runs.filter(({ files }) => files.length > 0).length;
        }
      } finally {
        reader.close();
      }
    }
    return runs;
  });
}

function mergeStores(stores: readonly ShardFiles['store'][], to: ShardFiles['store']): CopiedRows {
  const extents = new Map<string, { readonly path: string; readonly extent: Extent }[]>();
  for (const { path } of stores) {
    const reader = openStore(path);
    try {
      for (const { name } of reader.roots()) {
        for (const run of reader.expectedRuns(name)) {
          const key = keyOfRun(run);
          extents.set(key, [...(extents.get(key) ?? []), { path, extent: extentOfFiles('', run.path, reader.positions(run).files) }]);
        }
      }
    } finally {
      reader.close();
    }
  }
  const chosen = new Map([...extents].map(([key, all]) => [key, furthest(key, all)]));
  const taken = new Set<string>();
  let [runs, points] = [0, 0];
  for (const store of stores) {
    const copied = copyRuns(store, to, (run) => {
      const key = keyOfRun(run);
      // Stored data of runs whose files are gone, and no longer expected, comes from the first store that has it.
      if ((chosen.get(key) ?? store.path) !== store.path || taken.has(key)) return false;
      taken.add(key);
      return true;
    });
    [runs, points] = [runs + copied.runs, points + copied.points];
  }
  return { runs, points };
}

/** Checks that no shard is missing: a missing one would begin without data. Throws MB3108 with the missing ones. */
function checkAllThere(shards: readonly (Shard | undefined)[]): void {
  const marked = shards.filter((shard) => shard !== undefined);
  const count = marked.reduce((most, shard) => Math.max(most, shard.count), 0);
  const missing = Array.from({ length: count }, (_, index) => ({ index, count })).filter(
    ({ index }) => !marked.some((shard) => shard.index === index && shard.count === count),
  );
  if (missing.length === 0) return;
  throw new MirrorError('MB3108', `shards are missing: ${missing.slice(0, 20).map(shardText).join(', ')}`, {
    hint: 'Give the folders of all shards: a run without its state is mirrored from the start.',
  });
}
