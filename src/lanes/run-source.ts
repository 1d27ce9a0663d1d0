/** What a tracker gets to find or create the tracker run of a run. */
import { createHash } from 'node:crypto';
import { type Batch, keyOfRun, type RunRef } from '../model/index.ts';

/** By which a tracker run is found again, on every machine. `epoch`: how often it was restarted. */
export function trackerRunKey(run: RunRef, epoch = 0): string {
  const text = epoch === 0 ? keyOfRun(run) : JSON.stringify([run.root, run.path, epoch]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** By which the run above some others is found, whatever they are. */
export function parentKey(root: string, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['parent', root, name]))
    .digest('hex')
    .slice(0, 32);
}

/** The earliest wall time, seconds; undefined if there is none that is a time. */
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
