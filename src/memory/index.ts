/**
 * Determines the available memory, and divides it: everything whose size others decide (records, tags, files) gets a
 * share.
 */
export { formatMemory, MEMORY_WORDS, parseMemory } from './byte-size.ts';
export { collectGarbage, noteGarbage } from './garbage.ts';
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
