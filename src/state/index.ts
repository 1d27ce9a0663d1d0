/**
 * Keeps everything that outlives the process apart from the stores: the state file, and the lock that limits it (and
 * a store) to one writer.
 */
export type { StateProblem } from './check-state.ts';
export type { FileRef } from './file-ref.ts';
export { type Schedule, scheduleOf } from './group-commit.ts';
export { isFresh } from './is-fresh.ts';
export {
  type ArtifactResult,
  type ArtifactState,
  type Delivered,
  isRefusedFile,
  type LaneState,
  type LaneView,
  type NewlyDelivered,
  TO_OPEN,
} from './lane-state.ts';
export { keepLaneWish, type LaneWish, pausesIn } from './lane-wishes.ts';
export type { ListedInState } from './listing.ts';
export { FileLock } from './lock.ts';
export { LONGEST_RETRY_MS, nextRetry } from './next-retry.ts';
export { type MarkedShard, shardOfState } from './shard-mark.ts';
export { type Retry, StateFile } from './state-file.ts';
export { type LaneReader, StateReader, type StoredStatus } from './state-reader.ts';
export type { LaneSummary, StateSummary } from './summarize-state.ts';
export type { Task } from './tasks.ts';
export type { UnitDocument } from './unit-document.ts';
export { keepVerdicts, type LaneVerdict, type VerifiedLane } from './verified.ts';
export type { VerifyReport } from './verify-report.ts';
