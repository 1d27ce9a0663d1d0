import type { Clock } from '../clock.ts';
import { closeLanes, type TrackerLaneOptions } from '../lanes/index.ts';
import type { FactLog } from '../status/index.ts';

/** The log and the clock of a pass or a watch. */
interface CloseTrackersOptions {
  readonly clock?: Clock | undefined;
  readonly log?: FactLog | undefined;
}

/** Closes the trackers' lanes after a pass or a watch, and logs those that are abandoned. */
export async function closeTrackers(trackers: readonly TrackerLaneOptions[], { clock, log }: CloseTrackersOptions): Promise<void> {
  await closeLanes(trackers, { clock, late: (lane, afterMs) => log?.warn({ lane, afterMs }, 'lane not closed in time, continuing') });
}
