/** Divides what a state and a store know among shards, and brings it together again. */
export { type MergeOptions, type MergeResult, mergeShards } from './merge.ts';
export type { ShardFolder } from './shard-files.ts';
export { type SplitOptions, splitIntoShards } from './split.ts';
