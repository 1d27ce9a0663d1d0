import { Worker } from 'node:worker_threads';
import type { Found } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import type { RunRef } from '../model/index.ts';
import type { ReadEvent, RunJob } from './reader.ts';
import { OUTSTANDING, type ReaderReply, type ReaderRequest, SHARED_INTS, STOP } from './reader-protocol.ts';

/** Decoding makes short-lived objects by the thousand: a small nursery is swept often, and stays in the cache. */
const YOUNG_GENERATION_MB = 8;

/** Events that came in one message. `release` once they are dealt with: the reader waits for it. */
export interface EventGroup {
  readonly events: readonly ReadEvent[];
  release(): void;
}

/** The main thread's end of the reader's thread. Requests are answered one after the other, in order. */
export class ReaderThread {
  readonly #shared = new Int32Array(new SharedArrayBuffer(4 * SHARED_INTS));
  readonly #worker: Worker;
  readonly #replies: ReaderReply[] = [];
  #wake: (() => void) | undefined;
  #failure: MirrorError | undefined;

  constructor() {
    this.#worker = new Worker(new URL('./reader-worker.js', import.meta.url), {
      workerData: this.#shared,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker.on('message', (reply: ReaderReply) => {
      this.#replies.push(reply);
      this.#wake?.();
    });
    this.#worker.on('error', (error) => this.#fail(error));
  }

  /** Every run at `below` (relative to the root, empty for all of it) and under it that the globs let through. */
  async walk(root: string, below: string, include: readonly string[] = [], exclude: readonly string[] = []): Promise<Found> {
    this.#request({ kind: 'walk', root, below, include, exclude });
    const reply = await this.#next();
    if (reply.kind !== 'found') throw new MirrorError('MB9001', `the reader answered ${reply.kind} to a walk`);
    return reply.found;
  }

  /** Asks for runs to be read (`keep`: and for what is known of them to be kept); `events` brings what comes, for each request in turn. */
  request(jobs: readonly RunJob[], { keep = false }: { readonly keep?: boolean } = {}): void {
    this.#request({ kind: 'read', jobs, keep });
  }

  /** Lets go of what is known of runs: their next jobs bring it anew. */
  forget(runs: readonly RunRef[]): void {
    this.#request({ kind: 'forget', runs });
  }

  /** What the next request brings. */
  async *events(): AsyncGenerator<EventGroup, void, void> {
    for (;;) {
      const reply = await this.#next();
      if (reply.kind !== 'events') throw new MirrorError('MB9001', `the reader answered ${reply.kind} to a read`);
      yield { events: reply.events, release: () => this.#release(reply.cost) };
      if (reply.isLast) return;
    }
  }

  /** The reader brings no more events; requests under way end early. */
  stop(): void {
    Atomics.store(this.#shared, STOP, 1);
    Atomics.notify(this.#shared, OUTSTANDING);
  }

  async close(): Promise<void> {
    this.stop();
    await this.#worker.terminate();
  }

  #request(request: ReaderRequest): void {
    this.#worker.postMessage(request);
  }

  async #next(): Promise<ReaderReply> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply?.kind === 'failed') throw new MirrorError('MB9001', `reading event files: ${reply.message}`, { cause: reply.stack });
      if (reply !== undefined) return reply;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #release(cost: number): void {
    Atomics.sub(this.#shared, OUTSTANDING, cost);
    Atomics.notify(this.#shared, OUTSTANDING);
  }

  #fail(error: unknown): void {
    this.#failure = new MirrorError('MB9001', `the reader's thread ended: ${String(error)}`, { cause: error });
    this.#wake?.();
  }
}
