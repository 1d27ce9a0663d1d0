/** Compares lanes with the files, or with each other: joins `verify` with what reads. */
export { type ForeignCounts, type ForeignFindings, foreignIn } from './foreign-in.ts';
export { type VerifyLanesOptions, verifyBetween, verifyLanes } from './verify-lanes.ts';
