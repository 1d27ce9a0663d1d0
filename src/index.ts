/** The engine as a library: what the command line does, for programs. */

export type * from './backends/contract.ts';
export { openStore, type StoredRun, type StoredSeries, type StoreReader } from './backends/local/index.ts';
export { type ErrorCode, ExitCode, errorCodes, MirrorError } from './errors.ts';
export type { Damage, FileState, Position, RunRef, Series } from './model/index.ts';
export { type BackfillOptions, backfill } from './pipeline.ts';
export type { Progress, Report } from './status/index.ts';
