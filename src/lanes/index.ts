/** The lanes of a configuration: their types, their backends, and the names of their runs. */
export { closeLanes } from './close-lanes.ts';
export { LaneNames } from './lane-names.ts';
export {
  asksForOthers,
  joinPrefixOf,
  type LaneRouting,
  type RunNames,
  type StoreOptions,
  type TrackerLaneOptions,
  wholeRouting,
} from './lane-options.ts';
export { linkTo } from './link-to.ts';
export { type ResolvedLane, resolveLanes } from './resolve-lanes.ts';
export { firstWallTime, trackerRunKey } from './run-source.ts';
export { runTarget } from './run-target.ts';
export { checkNames, type LaneWarning, type MakeLanesOptions, makeTrackerLanes } from './tracker-lanes.ts';
