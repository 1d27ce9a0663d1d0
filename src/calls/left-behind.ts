import type { Worker } from 'node:worker_threads';
import { steadyMs } from '../clock.ts';
import type { CallView, OpenCall } from './call-mark.ts';

/** How often is looked whether a thread came back. */
const LOOK_MS = 250;
/** A thread that is to end and does not is in a call. */
const CLOSE_MS = 1000;

/** All threads of this process that hang in a call: it cannot end in the ordinary way while there are any. */
export const behind = new Set<object>();

/** Whether a thread hangs in a call and was left behind. */
export function isAnythingBehind(): boolean {
  return behind.size > 0;
}

/** Ends a thread. One that is in a call and does not end is left behind. */
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

/** An abandoned thread. It ends when its call returns, and `onAnswer` gets how long that took. */
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

  /** Reports nothing more. */
  forget(): void {
    clearInterval(this.#timer);
  }
}
