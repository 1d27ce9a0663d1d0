import type { Worker } from 'node:worker_threads';
import { steadyMs } from '../clock.ts';
import type { CallView, OpenCall } from './call-mark.ts';

/** The interval for checking if a thread has returned. */
const LOOK_MS = 250;
/** The time after which a thread that does not end counts as being in a call. */
const CLOSE_MS = 1000;

/** Hanging threads and other work of this process: it cannot end normally while there are any. */
export const behind = new Set<object>();

/** True if something hangs and was left behind. */
export function isAnythingBehind(): boolean {
  return behind.size > 0;
}

/** Leaves behind work that does not end: nothing waits for it, not even the end of the process. */
export function leaveBehind(work: Promise<unknown>): void {
  behind.add(work);
  const back = (): void => void behind.delete(work);
  work.then(back, back);
}

/** Ends a thread. A thread that is in a call and does not end is left behind. */
export async function closeWorker(worker: Worker): Promise<void> {
  worker.unref();
  const ended = worker.terminate();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => late.resolve(), CLOSE_MS);
  behind.add(worker);
  void ended.then(() => behind.delete(worker));
  await Promise.race([ended, late.promise]);
  clearTimeout(timer);
}

/** An abandoned thread. It ends when its call returns; `onAnswer` receives the duration of the call. */
export class LeftBehind {
  readonly path: string;
  readonly #timer: NodeJS.Timeout;

  constructor(worker: Worker, view: CallView, call: OpenCall, onAnswer: (tookMs: number) => void) {
    this.path = call.path;
    const beganMs = steadyMs();
    worker.unref();
    behind.add(worker);
    const back = (): void => {
      clearInterval(this.#timer);
      if (!behind.delete(worker)) return;
      void closeWorker(worker);
      onAnswer(steadyMs() - beganMs);
    };
    worker.once('exit', back);
    this.#timer = setInterval(() => {
      if (view.count !== call.id) back();
    }, LOOK_MS).unref();
  }

  /** Stops reporting. */
  forget(): void {
    clearInterval(this.#timer);
  }
}
