import type { Worker } from 'node:worker_threads';
import { steadyMs } from '../clock.ts';
import type { CallView, OpenCall } from './call-mark.ts';

/** The interval for checking if a thread has returned. */
const CHECK_MS = 250;
/** The time after which a thread that does not end counts as being in a call. */
const CLOSE_MS = 1000;

/** Hanging threads and other work of this process: it cannot end normally while there are any. */
export const abandoned = new Set<object>();

/** True if something hangs and was abandoned. */
export function hasAbandonedWork(): boolean {
  return abandoned.size > 0;
}

/** Abandons work that does not end: nothing waits for it, not even the end of the process. */
export function abandon(work: Promise<unknown>): void {
  abandoned.add(work);
  const onReturned = (): void => void abandoned.delete(work);
  work.then(onReturned, onReturned);
}

/** Ends a thread. A thread that is in a call and does not end is abandoned. */
export async function closeWorker(worker: Worker): Promise<void> {
  worker.unref();
  const ended = worker.terminate();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => late.resolve(), CLOSE_MS);
  abandoned.add(worker);
  void ended.then(() => abandoned.delete(worker));
  await Promise.race([ended, late.promise]);
  clearTimeout(timer);
}

/** An abandoned thread. It ends when its call returns; `onAnswer` receives the duration of the call. */
export class AbandonedCall {
  readonly path: string;
  readonly #timer: NodeJS.Timeout;

  constructor(worker: Worker, view: CallView, call: OpenCall, onAnswer: (tookMs: number) => void) {
    this.path = call.path;
    const startedMs = steadyMs();
    worker.unref();
    abandoned.add(worker);
    const onReturned = (): void => {
      clearInterval(this.#timer);
      if (!abandoned.delete(worker)) return;
      void closeWorker(worker);
      onAnswer(steadyMs() - startedMs);
    };
    worker.once('exit', onReturned);
    this.#timer = setInterval(() => {
      if (view.count !== call.id) onReturned();
    }, CHECK_MS).unref();
  }
}
