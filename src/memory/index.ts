/**
 * Says how much memory there is, and divides it: what is not ours to bound (records, tags, files of others) gets a
 * share each.
 */
export { formatMemory, MEMORY_WORDS, parseMemory } from './byte-size.ts';
export { noteGarbage } from './garbage.ts';
export { type Memory, memoryInUse, memoryShares, useMemory } from './in-use.ts';
export { memoryOf } from './limit.ts';
export {
  MOST_READERS,
  memoryForAnswer,
  memoryForRecord,
  memoryForTags,
  memoryForValues,
  recordsAtOnce,
  type Shares,
  sharesOf,
} from './shares.ts';
