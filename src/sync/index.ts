/** Brings lanes to the ends of the files: once (`backfill`), or continuously (`watch`). */
export { type BackfillOptions, backfill } from './backfill.ts';
export { type WatchOptions, watch } from './watch.ts';
