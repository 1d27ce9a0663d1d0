import { whoseRun } from '../backend-kit/identity/index.ts';
import type { Backend } from '../contract/index.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import type { ResolvedLane } from '../lanes/index.ts';

/** The inputs for work with a lane's backend. */
export interface LaneWork {
  readonly env: Environment;
  /** The longest time for all of the work. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The time that the work may take for its cleanup after the limit has passed. Default 0. */
  readonly graceMs?: number;
  readonly warn?: (message: string) => void;
}

/** The time that a backend may take to close. */
const CLOSE_MS = 5_000;

/**
 * Creates a lane's backend, works with it and closes it, all within a time limit. So a tracker that does not answer,
 * or a backend that ignores its signal, cannot delay the command.
 */
export async function withBackend<Result>(
  lane: ResolvedLane,
  { env, timeoutMs, signal, graceMs = 0, warn = () => undefined }: LaneWork,
  work: (backend: Backend, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const late = new MirrorError('MB4001', `the lane ${lane.name} did not answer within ${timeoutMs / 1000} s`, {
    hint: `Check that ${lane.target} is reachable from here, or allow more time with --timeout.`,
    retry: 'later',
    context: { lane: lane.name },
  });
  // The timer is our own: that of AbortSignal.timeout keeps no process alive.
  const timer = setTimeout(() => controller.abort(late), timeoutMs);
  const limit = AbortSignal.any([controller.signal, signal]);
  const created = lane.type.create(lane.settings, { lane: lane.name, env, warn, whoseRun });
  let running: Promise<unknown> = Promise.resolve();
  try {
    const backend = await within(created, limit);
    const result = work(backend, limit);
    running = result;
    return await within(result, limit);
  } finally {
    clearTimeout(timer);
    await settledWithin(running, graceMs);
    await settledWithin(
      created.then((backend) => backend.close()),
      CLOSE_MS,
    );
  }
}

async function within<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } catch (error) {
    // A backend's error about the abort is not the reason.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Waits for the end of some work, but only for `ms`; its failure changes nothing any more. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
}
