import { type Clock, systemClock } from '../clock.ts';
import { AnswerWatch, SILENT_MS } from '../delivery/index.ts';
import { MirrorError } from '../errors.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';

/** The longest time for a tracker's answer while a person waits. */
export const PROBE_MS = 30_000;

/** The options of a probe: how long it waits, and where it reports that. */
interface ProbeOptions {
  /** Prints a line for the person who waits. */
  readonly report: (line: string) => void;
  readonly signal: AbortSignal;
  /** The sentence about what did not happen, if it does not answer. */
  readonly undone: string;
  readonly clock?: Clock;
}

/**
 * Checks that a tracker answers before work starts in it. Reports the wait, and gives up long before a request would.
 */
export async function probeInTime(
  { name, target, backend }: Pick<TrackerLaneOptions, 'name' | 'target' | 'backend'>,
  { report, signal, undone, clock = systemClock }: ProbeOptions,
): Promise<void> {
  const waiting = `${name}: waiting for an answer for ${SILENT_MS / 1000} s; giving up after ${PROBE_MS / 1000} s`;
  const answers = new AnswerWatch(clock, { fellSilent: () => report(waiting), answersAgain: () => undefined });
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
    // A backend's error about the abort is not the reason.
    throw limit.signal.aborted ? limit.signal.reason : error;
  } finally {
    over.abort();
  }
}
