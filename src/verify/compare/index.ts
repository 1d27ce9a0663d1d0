/** Compares the points of the files with those that a lane reads back. */
export { boundedHeld, heldBy } from './bounded-held.ts';
export type {
  Difference,
  ListingDifference,
  MediaDifference,
  PointDifference,
  PointValue,
  StoredArtifactDifference,
  ValuePosition,
} from './difference.ts';
export type { PointStatus } from './excuses.ts';
export {
  type DamagedBytes,
  damagedBytes,
  type FileFacts,
  factsOf,
  incompleteBytes,
  isPendingAt,
  NO_DAMAGE,
  pendingBytes,
  rangesOf,
  type Unjudged,
} from './file-facts.ts';
export { type FilePoint, filePoints } from './file-points.ts';
export { type Absence, type Absences, type LaneCounts, type Losses, NOTHING_ABSENT } from './lane-counts.ts';
export { Listings } from './listing.ts';
export { type FileRepair, gapsOf } from './repair-plan.ts';
export { RunComparison } from './run-comparison.ts';
export { isInSample, type Sample } from './sample.ts';
export {
  type ArtifactCounts,
  differencesOf,
  equalOf,
  exitCodeOf,
  isNothingCompared,
  kindSums,
  type MediaCounts,
  NO_ARTIFACTS,
  NO_MEDIA,
  type Obstacle,
  type Repairs,
  type RunVerdict,
  sumOf,
  type Totals,
  type TroubledFile,
  totalsOf,
  type UncomparedRun,
  type Verification,
  worstOf,
} from './verification.ts';
