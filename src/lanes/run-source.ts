/** The data from which a tracker finds or creates the tracker run of a run. */
import { createHash } from 'node:crypto';
import { type Batch, keyOfRun, type RunRef } from '../model/index.ts';

/** Returns the key that finds a tracker run again, on every machine. `epoch`: how often it was restarted. */
export function trackerRunKey(run: RunRef, epoch = 0): string {
  const text = epoch === 0 ? keyOfRun(run) : JSON.stringify([run.root, run.path, epoch]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Returns the key that finds the parent of some runs, whichever runs they are. */
export function parentKey(root: string, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['parent', root, name]))
    .digest('hex')
    .slice(0, 32);
}

/** Returns the earliest wall time, in seconds; undefined if no value is a time. */
export function firstWallTime(batches: readonly Batch[]): number | undefined {
  let first = Infinity;
  for (const { scalars, objects } of batches) {
    for (let row = 0; row < scalars.count; row++) first = earlier(first, scalars.wallTime[row] as number);
    for (const { wallTime } of objects) first = earlier(first, wallTime);
  }
  return first === Infinity ? undefined : first;
}

function earlier(first: number, wallTime: number): number {
  return Number.isFinite(wallTime) && wallTime < first ? wallTime : first;
}
