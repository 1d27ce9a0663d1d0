import {
  type FoundRun,
  type IsKnown,
  type PassedOver,
  readOnce,
  visit,
  type WalkOptions,
  type WalkResult,
} from '../../src/discover/index.ts';
import { compareNames } from '../../src/model/index.ts';

/** All of a walk at once, each file under one name. */
export function walk(root: string, below = '', options: WalkOptions = {}, isKnown: IsKnown = () => false): WalkResult {
  const runs: FoundRun[] = [];
  const passedOver: PassedOver[] = [];
  const visited = visit(root, below, { ...options, onPassedOver: (passed) => passedOver.push(passed) }, (run) => runs.push(run));
  runs.sort((a, b) => compareNames(a.path, b.path));
  return readOnce({ runs, ...visited, passedOver }, isKnown);
}
