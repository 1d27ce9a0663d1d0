import { Worker } from 'node:worker_threads';
import { AbandonedCall, CallMark, CallView, closeWorker, type OpenCall } from '../calls/index.ts';
import { machineMs } from '../clock.ts';
import { MirrorError } from '../errors.ts';
import { memoryInUse, memoryShares, noteGarbage } from '../memory/index.ts';
import type { RunRef } from '../model/index.ts';
import { inSources } from '../source-places.ts';
import type { ReadEvent, RunJob } from './read-event.ts';
import {
  OUTSTANDING,
  type ReaderReply,
  type ReaderRequest,
  type ReaderWork,
  SHARED_INTS,
  STOP,
  type WalkPiece,
} from './reader-protocol.ts';

/** Decoding creates thousands of short-lived objects: a small nursery is collected often, and stays in the cache. */
const YOUNG_GENERATION_MB = 8;
const LOOK_MS = 250;
/** The time that a stopping thread may still spend in a call. */
const STOPPED_DEADLINE_MS = 1000;

/** The size from which a message contains a large record. */
const LARGE_BYTES = 8 * 1024 * 1024;

/** The events of one message. Call `release` once they are handled: the reader waits for it. */
export interface EventGroup {
  readonly events: readonly ReadEvent[];
  release(): void;
}

/** The limits of a reader's thread. */
interface ReaderThreadOptions {
  /** Bytes that may be in transit or waiting at a lane. Default: 24 MiB. */
  readonly mostOutstanding?: number;
  readonly passedOver?: ReaderWork['passedOver'];
  /** True to start the thread with the first request: perhaps there is none. Default: it starts at once. */
  readonly startsLate?: boolean;
}

/**
 * The request for a walk: of the runs at or below `below` (relative to the root, empty for the whole root) that the
 * globs accept.
 */
export type Walk = Omit<Extract<ReaderRequest, { kind: 'walk' }>, 'kind'>;

/** A call of a reader's thread that did not return in time. */
export class Hung {
  readonly call: OpenCall;
  constructor(call: OpenCall) {
    this.call = call;
  }
}

/** The main thread's end of the reader's thread. It answers requests one after the other, in order. */
export class ReaderThread {
  readonly #shared = new Int32Array(new SharedArrayBuffer(4 * SHARED_INTS));
  readonly #work: ReaderWork;
  /** Undefined before the thread starts. */
  #worker: Worker | undefined;
  readonly #view: CallView;
  readonly #replies: ReaderReply[] = [];
  #wake: (() => void) | undefined;
  #failure: MirrorError | undefined;
  #isStopped = false;
  #isEnded = false;

  constructor({ mostOutstanding = memoryShares().outstanding, passedOver = [], startsLate = false }: ReaderThreadOptions = {}) {
    const mark = new CallMark();
    this.#view = new CallView(mark.buffer);
    this.#work = { shared: this.#shared, mark: mark.buffer, mostOutstanding, passedOver, memory: memoryInUse() };
    if (!startsLate) this.#worker = this.#start();
  }

  /** Returns the current call of the thread, if it has been open for at least `ms`. */
  openFor(ms: number): OpenCall | undefined {
    const call = this.#view.open();
    return call !== undefined && machineMs() - call.sinceMs >= ms ? call : undefined;
  }

  /**
   * Yields every selected run below a root, in pieces as they are found. If something hangs, that is the last item.
   */
  async *walk(asked: Walk, deadlineMs?: number): AsyncGenerator<WalkPiece | Hung, void, void> {
    this.#request({ kind: 'walk', ...asked });
    for (;;) {
      const reply = await this.#next(deadlineMs);
      if (reply === undefined) return;
      if (reply instanceof Hung) {
        yield reply;
        return;
      }
      if (reply.kind !== 'found') throw new MirrorError('MB9001', `the reader answered ${reply.kind} to a walk`);
      yield reply.found;
      if (reply.isLast) return;
    }
  }

  /**
   * Requests runs to be read (with `keep`, the thread keeps its knowledge of them). `events` yields the results,
   * request by request.
   */
  request(jobs: readonly RunJob[], { keep = false }: { readonly keep?: boolean } = {}): void {
    this.#request({ kind: 'read', jobs, keep });
  }

  /** Drops the knowledge of runs: their next jobs bring it again. */
  forget(runs: readonly RunRef[]): void {
    if (this.#worker !== undefined) this.#request({ kind: 'forget', runs });
  }

  /** Tells the thread that a skipped path answers again. */
  answers(path: string): void {
    this.#request({ kind: 'answers', path });
  }

  /** Yields the results of the next request. If a call did not return by `deadlineMs`, that is the last item. */
  async *events(deadlineMs?: () => number): AsyncGenerator<EventGroup | Hung, void, void> {
    for (;;) {
      const reply = await this.#next(deadlineMs?.());
      if (reply === undefined) return;
      if (reply instanceof Hung) {
        yield reply;
        return;
      }
      if (reply.kind !== 'events') throw new MirrorError('MB9001', `the reader answered ${reply.kind} to a read`);
      yield { events: reply.events, release: () => this.#release(reply.cost) };
      if (reply.isLast) return;
    }
  }

  /** Stops the events; current requests end early. */
  stop(): void {
    this.#isStopped = true;
    Atomics.store(this.#shared, STOP, 1);
    Atomics.notify(this.#shared, OUTSTANDING);
  }

  async close(): Promise<void> {
    this.stop();
    if (this.#worker !== undefined) await closeWorker(this.#worker);
  }

  /** Abandons the thread because it hangs. Calls `onAnswer` when its call returns, with its duration. */
  leave({ call }: Hung, onAnswer: (tookMs: number) => void): AbandonedCall {
    this.stop();
    // Only a thread that was started hangs.
    this.#worker ??= this.#start();
    return new AbandonedCall(this.#worker, this.#view, call, onAnswer);
  }

  #request(request: ReaderRequest): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./reader-worker.js', import.meta.url), {
      workerData: this.#work,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.on('message', (reply: ReaderReply) => {
      this.#replies.push(reply);
      this.#wake?.();
    });
    worker.on('error', (error) => this.#fail(error));
    // The thread sends nothing more, so a caller that still waits would wait forever.
    worker.on('exit', (code) => {
      this.#isEnded = true;
      if (this.#isStopped) this.#wake?.();
      else if (this.#failure === undefined) this.#fail(`exit code ${code}`);
    });
    return worker;
  }

  /** Returns the next reply; undefined once the thread has ended as requested: there is no more. */
  async #next(deadlineMs = Number.POSITIVE_INFINITY): Promise<ReaderReply | Hung | undefined> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply?.kind === 'failed')
        throw new MirrorError('MB9001', `reading event files: ${reply.message}`, { cause: inSources(reply.stack) });
      if (reply !== undefined) return reply;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isEnded) return undefined;
      const call = this.openFor(this.#isStopped ? Math.min(STOPPED_DEADLINE_MS, deadlineMs) : deadlineMs);
      if (call !== undefined) return new Hung(call);
      const timer = setTimeout(() => this.#wake?.(), LOOK_MS);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  #release(cost: number): void {
    Atomics.sub(this.#shared, OUTSTANDING, cost);
    Atomics.notify(this.#shared, OUTSTANDING);
    // The content of this message is released now, and the memory of a large record is worth giving back.
    if (cost > LARGE_BYTES) noteGarbage(cost);
  }

  #fail(error: unknown): void {
    this.#failure = new MirrorError('MB9001', `the reader's thread ended: ${String(error)}`, { cause: error });
    this.#wake?.();
  }
}
