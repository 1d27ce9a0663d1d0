/**
 * Compares runs of a local store in several threads at the same time, and gives the results in the order of the runs,
 * so that a report does not depend on the number of threads.
 */
import { Worker } from 'node:worker_threads';
import { closeWorker } from '../calls/index.ts';
import { systemClock } from '../clock.ts';
import { MirrorError, messageOf } from '../errors.ts';
import type { StoreOptions } from '../lanes/index.ts';
import { memoryInUse } from '../memory/index.ts';
import type { Difference, Sample } from './compare/index.ts';
import { type RunReply, type RunRequest, type RunSteps, type RunWork, SHARED_NUMBERS, STOP, TAKEN } from './run-protocol.ts';
import type { VerifyLog } from './verify-log.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** Runs that are requested from each thread, so that it always has work. */
const RUNS_AHEAD = 2;
/** The time in which a thread should end by itself. */
const CLOSE_MS = 3000;

/** The options of the threads. */
export interface RunWorkersOptions {
  readonly store: StoreOptions;
  readonly sample: Sample | undefined;
  readonly signal: AbortSignal;
  /** The number of threads. */
  readonly jobs: number;
  /** The runs, in the order in which `compare` is called. */
  readonly runs: readonly VerifiedRun[];
  readonly log: VerifyLog;
  readonly onDifference?: ((difference: Difference) => void) | undefined;
}

interface RunThread {
  readonly worker: Worker;
  readonly shared: Int32Array;
  readonly exited: Promise<void>;
  /** The runs that were requested from it and are not compared yet. */
  open: number;
}

/** A run that was requested. */
interface RequestedRun {
  readonly thread: RunThread;
  /** Pieces of differences that were not taken yet. */
  readonly pieces: (readonly Difference[])[];
  result: Extract<RunReply, { kind: 'compared' | 'failed' }> | undefined;
}

/** Threads that compare runs. The caller closes them. */
export class RunWorkers {
  readonly #options: RunWorkersOptions;
  readonly #threads: readonly RunThread[];
  readonly #requested = new Map<number, RequestedRun>();
  readonly #stop = (): void => this.#end('stop');
  /** The number of the next run that is requested, and of the one whose result is given next. */
  #next = 0;
  #head = 0;
  #failure: MirrorError | undefined;
  #isClosing = false;
  #wake: (() => void) | undefined;

  constructor(options: RunWorkersOptions) {
    this.#options = options;
    this.#threads = Array.from({ length: options.jobs }, () => this.#start());
    options.signal.addEventListener('abort', this.#stop);
    for (let ahead = 0; ahead < RUNS_AHEAD; ahead++) for (const thread of this.#threads) this.#request(thread);
  }

  /** Gives the result of the next run: reports its differences, and adds its findings to the log. Throws its error. */
  async compare(): Promise<void> {
    const number = this.#head;
    for (;;) {
      const run = this.#requested.get(number);
      for (const piece of run?.pieces.splice(0) ?? []) this.#take(run, piece);
      if (run?.result !== undefined) {
        this.#requested.delete(number);
        this.#head++;
        this.#settle(run.result);
        return;
      }
      if (this.#failure !== undefined) throw this.#failure;
      // An aborted comparison requests no more runs.
      if (run === undefined) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#options.signal.removeEventListener('abort', this.#stop);
    this.#end('stop');
    this.#end('close');
    // A thread that ends by itself closes its store; one that hangs does not end.
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const stopTimer = systemClock.after(CLOSE_MS, resolve);
    await Promise.race([Promise.all(this.#threads.map(({ exited }) => exited)), late]);
    stopTimer();
    await Promise.all(this.#threads.map(({ worker }) => closeWorker(worker)));
  }

  #start(): RunThread {
    const { store, sample, jobs } = this.#options;
    const shared = new Int32Array(new SharedArrayBuffer(4 * SHARED_NUMBERS));
    // Each thread may hold large records of its own.
    const work: RunWork = { store, sample, memory: { ...memoryInUse(), roots: jobs }, shared };
    const worker = new Worker(new URL('./run-worker.js', import.meta.url), { workerData: work });
    const { promise: exited, resolve } = Promise.withResolvers<void>();
    const thread = { worker, shared, exited, open: 0 };
    worker.on('message', (reply: RunReply) => this.#replied(thread, reply));
    worker.on('error', (error) => this.#fail(messageOf(error)));
    worker.on('exit', (code) => {
      resolve();
      if (!this.#isClosing) this.#fail(`exit code ${code}`);
    });
    return thread;
  }

  #request(thread: RunThread): void {
    const candidate = this.#options.runs[this.#next];
    if (candidate === undefined || this.#options.signal.aborted) return;
    const number = this.#next++;
    this.#requested.set(number, { thread, pieces: [], result: undefined });
    thread.open++;
    thread.worker.postMessage({ kind: 'compare', number, candidate } satisfies RunRequest);
  }

  #replied(thread: RunThread, reply: RunReply): void {
    switch (reply.kind) {
      case 'steps':
        this.#count(reply.steps);
        return;
      case 'waits':
        this.#options.log.waitsFor(reply.path, reply.sinceMs);
        return;
      case 'differences':
        this.#requested.get(reply.number)?.pieces.push(reply.differences);
        break;
      case 'compared':
      case 'failed': {
        const run = this.#requested.get(reply.number);
        if (run !== undefined) run.result = reply;
        if (reply.kind === 'compared') this.#count(reply.steps);
        thread.open--;
        while (thread.open < RUNS_AHEAD && this.#next < this.#options.runs.length && !this.#options.signal.aborted) this.#request(thread);
        break;
      }
      default:
        reply satisfies never;
    }
    if (reply.number === this.#head) this.#wake?.();
  }

  #count({ points, records, bytes, files, damaged }: RunSteps): void {
    const { progress } = this.#options.log;
    progress.points += points;
    progress.records += records;
    progress.bytes.read += bytes;
    progress.files.done += files;
    progress.damaged += damaged;
  }

  /** Reports differences; then the thread may send more. */
  #take(run: RequestedRun | undefined, differences: readonly Difference[]): void {
    for (const difference of differences) this.#options.onDifference?.(difference);
    if (run === undefined) return;
    Atomics.add(run.thread.shared, TAKEN, 1);
    Atomics.notify(run.thread.shared, TAKEN);
  }

  #settle(result: NonNullable<RequestedRun['result']>): void {
    if (result.kind === 'failed') throw new MirrorError(result.code, result.message, result.details);
    const { log } = this.#options;
    for (const verdict of result.verdicts) log.verdicts.push(verdict);
    for (const file of result.troubled) log.troubled.push(file);
    for (const path of result.damagedFiles) log.damagedFiles.push(path);
    for (const obstacle of result.obstacles) log.obstacles.push(obstacle);
  }

  #end(kind: 'stop' | 'close'): void {
    for (const { worker, shared } of this.#threads) {
      Atomics.store(shared, STOP, 1);
      // Another number, so that a thread that is about to wait does not.
      Atomics.add(shared, TAKEN, 1);
      Atomics.notify(shared, TAKEN);
      worker.postMessage({ kind } satisfies RunRequest);
    }
  }

  #fail(why: string): void {
    this.#failure ??= new MirrorError('MB9001', `the thread that compares runs ended: ${why}`);
    this.#wake?.();
  }
}
