/** Compares what the files hold with what a lane reads back. */
export type { Difference, ListingDifference, MediaDifference, PointDifference, PointPlace, PointValue } from './difference.ts';
export { factsOf, type FileFacts, owedBytes, pendingBytes, rangesOf, type Unjudged } from './file-facts.ts';
export { compareRunListing, type RunListing, type SeriesListing } from './listing.ts';
export { Mender, type RecordEnd, type Repairer } from './mender.ts';
export { RunComparison } from './run-comparison.ts';
export { isInSample, type Sample } from './sample.ts';
export {
  differencesOf,
  exitCodeOf,
  type MediaCounts,
  type Obstacle,
  type Repairs,
  type RunVerdict,
  type Totals,
  totalsOf,
  type TroubledFile,
  type Verification,
} from './verification.ts';
