import { type Clock, systemClock } from '../clock.ts';
import { MirrorError } from '../errors.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import { AnswerWatch, SILENT_MS } from '../sync/delivery/index.ts';

/** How long a tracker must answer that a person waits for. */
export const PROBE_MS = 30_000;

/** How long to wait for a tracker, and where to report that. */
interface ProbeOptions {
  /** A line for the person who waits. */
  readonly report: (line: string) => void;
  readonly signal: AbortSignal;
  /** What has not happened, if it does not answer. */
  readonly undone: string;
  readonly clock?: Clock;
}

/**
 * Asks whether a tracker is there before something is done in it. Reports the wait, and gives up long
 * before a request would.
 */
export async function probeInTime(
  { name, target, backend }: Pick<TrackerLaneOptions, 'name' | 'target' | 'backend'>,
  { report, signal, undone, clock = systemClock }: ProbeOptions,
): Promise<void> {
  const waiting = `${name}: waiting for an answer for ${SILENT_MS / 1000} s; giving up after ${PROBE_MS / 1000} s`;
  const answers = new AnswerWatch(clock, { fellSilent: () => report(waiting), heardAgain: () => undefined });
  const limit = new AbortController();
  const over = new AbortController();
  const late = clock.sleep(PROBE_MS, over.signal).then(() => {
    if (over.signal.aborted) return;
    const error = new MirrorError('MB4001', `${name} (${target}) did not answer within ${PROBE_MS / 1000} s`, {
      hint: `${undone} Check the tracker, or omit ${name} from --remove-from.`,
      retry: 'later',
      command: 'mirrorboard doctor',
      context: { lane: name },
    });
    limit.abort(error);
    throw error;
  });
  try {
    await Promise.race([answers.ask(() => backend.probe(AbortSignal.any([signal, limit.signal]))), late]);
  } catch (error) {
    // What a backend says of being aborted is not why.
    throw limit.signal.aborted ? limit.signal.reason : error;
  } finally {
    over.abort();
  }
}
