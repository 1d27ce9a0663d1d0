import { whoseRun } from '../backend-kit/identity/index.ts';
import type { Backend } from '../contract/index.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import type { ResolvedLane } from '../lanes/index.ts';

/** What work with a lane's backend needs. */
export interface LaneWork {
  readonly env: Environment;
  /** Longest time for all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** How long the work may continue once the limit has passed, to clean up behind itself. Default 0. */
  readonly graceMs?: number;
  readonly warn?: (message: string) => void;
}

/** How long a backend may take to close once nothing more is wanted of it. */
const CLOSE_MS = 5_000;

/**
 * Creates a lane's backend, does something with it and closes it, all within a time limit. So a tracker that does not
 * answer, or a backend that ignores its signal, cannot delay the command.
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
  // A timer of our own: that of AbortSignal.timeout keeps no process alive.
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
    // What a backend says of being aborted is not why.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Waits for the end of something, but not forever; what goes wrong in it changes nothing any more. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
}
