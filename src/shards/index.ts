/** Divides a state and a store into shards, and merges them again. */
export { type MergeOptions, type MergeResult, mergeShards } from './merge.ts';
export type { ShardFolder } from './shard-files.ts';
export { type SplitOptions, splitIntoShards } from './split.ts';
