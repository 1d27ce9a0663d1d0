/** Compares lanes with the files, or with each other: connects the comparison with what reads the two sides. */
export { type ForeignCounts, type ForeignFindings, foreignIn } from './foreign-in.ts';
export { type VerifyLanesOptions, verifyBetween, verifyLanes } from './verify-lanes.ts';
