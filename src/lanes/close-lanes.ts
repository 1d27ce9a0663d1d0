import { leaveBehind } from '../calls/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Backend } from '../contract/index.ts';

/** Less than the time that a service has to end. */
const CLOSE_MS = 10_000;

/** A lane, as far as it can be closed. */
interface OpenLane {
  readonly name: string;
  readonly backend: Pick<Backend, 'close'>;
}

/** What closing needs. */
interface CloseOptions {
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** A lane is left behind: it did not close within so many milliseconds. */
  readonly late?: (lane: string, afterMs: number) => void;
}

/**
 * Closes the backends of lanes, all at once. One that does not close in time is left behind: it must hold up neither
 * the other lanes, nor a reload, nor the end of the process. Rejects with the first failure, once all are done.
 */
export async function closeLanes(lanes: readonly OpenLane[], { clock = systemClock, late }: CloseOptions = {}): Promise<void> {
  const results = await Promise.allSettled(lanes.map((lane) => closeInTime(lane, clock, late)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function closeInTime({ name, backend }: OpenLane, clock: Clock, late: CloseOptions['late']): Promise<void> {
  const closing = backend.close();
  const overdue = Promise.withResolvers<void>();
  const stop = clock.after(CLOSE_MS, () => {
    leaveBehind(closing);
    late?.(name, CLOSE_MS);
    overdue.resolve();
  });
  try {
    await Promise.race([closing, overdue.promise]);
  } finally {
    stop();
  }
}
