/** Detects what happened to known files, runs and roots: moved, replaced, gone, or the same under another name. */
export { CopiedRuns } from './copied-runs.ts';
export { KnownInodes } from './known-inodes.ts';
export { type FindOptions, hasEntries, hasOtherInode, isNothingAt, isThere, type Knower, knownAmong } from './moved-files.ts';
export { checkMovedRoots, checkPlannedRoots, checkRoots, otherRoots, placeWithoutLinks, seenOf, walkOf } from './moved-roots.ts';
export {
  findMoves,
  followMoves,
  type Movable,
  type MovedFact,
  type Moves,
  movable,
  movedIncident,
  moveKey,
  withoutUnclear,
} from './moves.ts';
export { checkIdentities, countKnown, type HeldRoots, heldBy, rootsNextTo } from './root-identity.ts';
export { TakenPaths } from './taken-paths.ts';
