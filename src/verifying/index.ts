/** Compares lanes with the files, or with each other: joins `verify` with what reads. */
export { verifyBetween, verifyLanes, type VerifyLanesOptions } from './verify-lanes.ts';
