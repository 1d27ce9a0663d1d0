/** Queries of a store in their own thread, so that a long query does not block this one. */
import { Worker } from 'node:worker_threads';
import { type Clock, type StopTimer, systemClock } from '../clock.ts';
import { MirrorError, messageOf } from '../errors.ts';
import type { QueryReply, QueryRequest, QueryWork } from './query-protocol.ts';
import type { Answers, Question } from './questions.ts';

interface Waiting {
  readonly answer: (answer: Answers[keyof Answers]) => void;
  readonly fail: (failure: unknown) => void;
}

/** The options of a store that answers questions. */
export interface StoreQueriesOptions {
  /** The time without questions after which the thread ends. Default: it does not. */
  readonly idleMs?: number;
  readonly clock?: Clock;
}

/**
 * A store that answers questions in its own thread. The caller closes it. The thread keeps the process alive only
 * while it answers.
 */
export class StoreQueries {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;
  #isClosed = false;
  readonly #clock: Clock;
  readonly #idleMs: number | undefined;
  #stopIdle: StopTimer | undefined;

  /** Opens nothing before the first question. `idleMs`: the thread ends after so long without one. Default: never. */
  constructor(path: string, { idleMs, clock = systemClock }: StoreQueriesOptions = {}) {
    this.#path = path;
    this.#idleMs = idleMs;
    this.#clock = clock;
  }

  /**
   * Asks a question; questions are answered one after the other. Throws the signal's reason after it is aborted,
   * MB3007 if there is no store, MB3021 for a run that the store does not have, MB3024 for an invalid filter,
   * otherwise as `openStore`.
   */
  async ask<Kind extends Question['kind']>(question: Extract<Question, { kind: Kind }>, signal?: AbortSignal): Promise<Answers[Kind]> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new MirrorError('MB9001', 'a store was asked after it was closed');
    const id = this.#nextId++;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    this.#stopIdle?.();
    const worker = this.#startedWorker();
    const { promise, resolve, reject } = Promise.withResolvers<Answers[keyof Answers]>();
    const abort = (): void => {
      Atomics.store(stop, 0, 1);
      this.#settled(id);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.set(id, { answer: resolve, fail: reject });
    worker.ref();
    worker.postMessage({ id, question, stop } satisfies QueryRequest);
    try {
      return (await promise) as Answers[Kind];
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends the thread. Questions that wait fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopIdle?.();
    const worker = this.#worker;
    this.#worker = undefined;
    this.#failAll(new MirrorError('MB9001', 'the store was closed before it answered'));
    await worker?.terminate();
  }

  #startedWorker(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./query-worker.js', import.meta.url), { workerData: { path: this.#path } satisfies QueryWork });
    this.#worker = worker;
    worker.on('message', (reply: QueryReply) => this.#replied(reply));
    const ended = (why: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#failAll(new MirrorError('MB9001', `the thread that reads the store ended: ${why}`));
    };
    worker.on('error', (error) => ended(messageOf(error)));
    worker.on('exit', (code) => ended(`exit code ${code}`));
    return worker;
  }

  #replied(reply: QueryReply): void {
    const waiting = this.#settled(reply.id);
    if (waiting === undefined) return;
    if (reply.kind === 'answer') waiting.answer(reply.answer);
    else if (reply.kind === 'failed') waiting.fail(new MirrorError(reply.code, reply.message, reply.details));
  }

  #settled(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#rest();
    return waiting;
  }

  /** Nobody waits: the thread keeps no process alive, and ends if that lasts. */
  #rest(): void {
    this.#worker?.unref();
    this.#stopIdle?.();
    if (this.#idleMs === undefined) return;
    const end = (): void => {
      const worker = this.#worker;
      this.#worker = undefined;
      void worker?.terminate();
    };
    this.#stopIdle = this.#clock.after(this.#idleMs, end, { keepsAlive: false });
  }

  #failAll(failure: MirrorError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { fail } of waiting) fail(failure);
  }
}
