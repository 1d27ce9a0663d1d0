/** Compares what the files hold with what a lane reads back. */
export type { Difference, MediaDifference } from './difference.ts';
export { factsOf, type FileFacts, owedBytes, pendingBytes, rangesOf } from './file-facts.ts';
export { compareRunListing } from './listing.ts';
export { Mender } from './mender.ts';
export { RunComparison } from './run-comparison.ts';
export { isInSample, type Sample } from './sample.ts';
export {
  differencesOf,
  exitCodeOf,
  type MediaCounts,
  type Obstacle,
  type RunVerdict,
  type Totals,
  totalsOf,
  type TroubledFile,
  type Verification,
} from './verification.ts';
