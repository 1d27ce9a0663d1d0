/** Decides which lanes get which series of which runs, under which names. Pure: no clock, no disk. */
export { type Assignment, assignedGroup } from './assign.ts';
export { type Around, Fold, type FoldedRun, type FoldRules } from './fold.ts';
export { type LaneFacts, LaneRoute, type LaneRouteOptions, type RunRoute, type SeriesRoute } from './lane-route.ts';
export { everyAt, isWidened, type LeftOut, reconsider } from './left-out.ts';
export { type Opened, plainMapping, REPLACED, type Replaced, type RunMapping } from './mapping.ts';
export { Names, nameThere, renamed, wantedName } from './names.ts';
export type { Rename } from './rename.ts';
export { NEEDS, type RouteRule } from './rule.ts';
export { RunTree } from './run-tree.ts';
