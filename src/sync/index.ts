/** Brings lanes to the ends of the files: once (`backfill`), or continuously (`watch`). */
export { type BackfillOptions, backfill } from './backfill.ts';
export type { StoreUpgrade } from './upgrade-store.ts';
export { watch, watchIn } from './watch.ts';
export type { WatchOptions } from './watch-options.ts';
export { WatchStores } from './watch-stores.ts';
