import { abandon } from '../calls/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Backend } from '../contract/index.ts';

/** The longest wait for a lane to close: less than the time that a service has to end. */
const CLOSE_MS = 10_000;

/** A lane with the parts that closing needs. */
interface OpenLane {
  readonly name: string;
  readonly backend: Pick<Backend, 'close'>;
}

/** The options of closing. */
interface CloseOptions {
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Called when a lane did not close within `afterMs`, and is abandoned. */
  readonly late?: (lane: string, afterMs: number) => void;
}

/**
 * Closes the backends of lanes, all at once. A lane that does not close in time is abandoned: it must not delay the
 * other lanes, a reload, or the end of the process. Rejects with the first failure, once all are done.
 */
export async function closeLanes(lanes: readonly OpenLane[], { clock = systemClock, late }: CloseOptions = {}): Promise<void> {
  const results = await Promise.allSettled(lanes.map((lane) => closeInTime(lane, clock, late)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function closeInTime({ name, backend }: OpenLane, clock: Clock, late: CloseOptions['late']): Promise<void> {
  const closing = backend.close();
  const overdue = Promise.withResolvers<void>();
  const stop = clock.after(CLOSE_MS, () => {
    abandon(closing);
    late?.(name, CLOSE_MS);
    overdue.resolve();
  });
  try {
    await Promise.race([closing, overdue.promise]);
  } finally {
    stop();
  }
}
