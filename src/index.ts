/** The engine as a library: what the command line does, for programs. */

export { openStore, type StoredRun, type StoredSeries, type StoreReader } from './backends/local/index.ts';
export type * from './contract/index.ts';
export { type ErrorCode, ExitCode, errorCodes, MirrorError } from './errors.ts';
export type { Damage, FileState, Position, RunRef, Series } from './model/index.ts';
export type { Progress, Report } from './status/index.ts';
export { type BackfillOptions, backfill } from './sync/index.ts';
