import { MirrorError } from '../errors.ts';
import { parseShard, type Shard } from '../model/index.ts';
import type { Config, TrackerLaneConfig, UnitRule } from './config.ts';

/** Reads a shard from the command line or the environment. Throws MB1001 or MB1002 for an invalid text. */
export function givenShard(text: string, location: string, source: 'flag' | 'environment'): Shard {
  const shard = parseShard(text);
  if (shard !== undefined) return shard;
  const code = source === 'flag' ? 'MB1001' : 'MB1002';
  throw new MirrorError(code, `${location}: found ${JSON.stringify(text)}, expected I/N, such as 0/3 for the first of three shards`, {
    context: { field: location, found: text },
  });
}

/**
 * Returns the configuration of one shard; a single shard has all runs. Throws MB1002 if the lanes nest runs in
 * different ways.
 */
export function withShard(config: Config, shard: Shard): Config {
  if (shard.count === 1) return config;
  return { ...config, rules: { ...config.rules, shard: { ...shard, ...unitRule(config) } } };
}

/** Returns the rule that groups runs which one process mirrors together. Throws MB1002 as `withShard` does. */
export function unitRule({ fold, lanes, project }: Config): UnitRule {
  const parent = sharedParent(lanes.trackers);
  return { fold, parent, project: parent?.includes('{project}') === true ? project : undefined };
}

/**
 * Returns the template of the parent that all lanes share: the runs of a study share a shard in every lane, so all
 * lanes must nest them the same way.
 */
function sharedParent(trackers: readonly TrackerLaneConfig[]): string | undefined {
  const parents = new Set(trackers.flatMap(({ parent }) => (parent === undefined ? [] : [parent])));
  if (parents.size <= 1) return [...parents][0];
  throw new MirrorError('MB1002', `shards need one parent for all lanes, found ${[...parents].join(' and ')}`, {
    hint: 'Set parent once, for all lanes: runs of a study belong to the same shard.',
  });
}

/**
 * Throws MB1002 if a new configuration gives a running shard other runs: another shard, or other rules for grouping.
 * Two processes must never mirror the same run.
 */
export function checkSameShard(before: Config, after: Config): void {
  if (JSON.stringify(before.rules.shard) === JSON.stringify(after.rules.shard)) return;
  throw new MirrorError('MB1002', 'a running shard keeps its runs: its number, runs.fold, runs.parent and project cannot change', {
    hint: 'Stop all shards, merge and split their states with the new configuration, then start them.',
  });
}
