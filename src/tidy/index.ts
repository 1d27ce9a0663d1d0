/** Changes what is known of roots and runs: renames, moves or forgets them. */
export { type ForgetPlan, type ForgetWish, knownRoots, lookForFiles, planForgetting } from './forget-plan.ts';
export { finishTidying, type Removed, type TidyTargets, tidy } from './tidy.ts';
