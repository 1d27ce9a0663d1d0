/**
 * Reports the known and the missing data, without changing any of it: the status, the runs, the plan of a dry run.
 */
export { type FileBehind, type Plan, planBackfill, planRuns } from './plan.ts';
export { type LanePlan, type LossReason, type PlannedLane, planLanes, plannedTracker } from './plan-lanes.ts';
export { isInState, type ListedLane, type ListedRun, listAllRuns, RUN_STATES, type RunState } from './run-list.ts';
export { laneIn, type StatusReport, statusReport } from './status-report.ts';
