import { Worker } from 'node:worker_threads';
import { closeWorker } from '../calls/index.ts';
import { systemClock } from '../clock.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { memoryInUse } from '../memory/index.ts';
import { AHEAD, type Failure, SHARED_NUMBERS, STOP, type WorkerReply, type WorkerRequest, type WorkerWork } from './task-protocol.ts';

/** Tasks that are requested from each thread, so that it always has work. */
const TASKS_AHEAD = 2;
/** For each thread, the tasks that may be done before the one whose result is given next: their results take memory. */
const RESULTS_AHEAD = 32;
/** The time in which a thread should end by itself. */
const CLOSE_MS = 3000;

/** The options of the threads. */
export interface OrderedWorkersOptions<Data, Task, Note> {
  /** The module of the threads, which calls `serveTasks`. */
  readonly module: URL;
  /** What a thread does, for the message if one ends: "compares runs". */
  readonly does: string;
  /** The data that each thread starts with. */
  readonly data: Data;
  /** The number of threads. */
  readonly jobs: number;
  /** The tasks, in the order in which `next` gives their results. */
  readonly tasks: Iterable<Task>;
  /** The weight of pieces that may wait for `next` in each thread. */
  readonly mostAhead: number;
  /** Ends the tasks early. */
  readonly signal: AbortSignal;
  readonly onNote?: (note: Note) => void;
}

interface TaskThread {
  readonly worker: Worker;
  readonly shared: Int32Array;
  readonly exited: Promise<void>;
  /** The tasks that were requested from it and are not done yet. */
  open: number;
}

/** A task that was requested. */
interface RequestedTask<Piece> {
  readonly thread: TaskThread;
  /** Pieces of its result that were not taken yet. */
  pieces: { readonly piece: Piece; readonly weight: number }[];
  result: Extract<WorkerReply, { kind: 'done' | 'failed' }> | undefined;
}

/** Threads that do tasks. Nothing depends on their number but the time. The caller closes them. */
export class OrderedWorkers<Data, Task, Piece, Result, Note = never> {
  readonly #options: OrderedWorkersOptions<Data, Task, Note>;
  readonly #tasks: Iterator<Task>;
  readonly #threads: readonly TaskThread[];
  readonly #requested = new Map<number, RequestedTask<Piece>>();
  readonly #stop = (): void => this.#end('stop');
  /** The number of the next task that is requested, and of the one whose result is given next. */
  #next = 0;
  #head = 0;
  /** The threads that have not answered the present `prepare`. */
  #unprepared = 0;
  #failure: MirrorError | undefined;
  #isClosing = false;
  #wake: (() => void) | undefined;

  constructor(options: OrderedWorkersOptions<Data, Task, Note>) {
    this.#options = options;
    this.#tasks = options.tasks[Symbol.iterator]();
    this.#threads = Array.from({ length: options.jobs }, () => this.#start());
    options.signal.addEventListener('abort', this.#stop);
  }

  /** Makes all threads get ready, and waits until they are. Call it before `next`, if at all. */
  async prepare(): Promise<void> {
    this.#unprepared = this.#threads.length;
    for (const thread of this.#threads) tell(thread, { kind: 'prepare' });
    while (this.#unprepared > 0 && this.#failure === undefined && !this.#options.signal.aborted) await this.#news();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Gives the result of the next task, and before it each piece to `take`. Throws the task's error. Returns undefined
   * after the last task, and after an abort.
   */
  async next(take: (piece: Piece) => void | Promise<void>): Promise<Result | undefined> {
    this.#requestMore();
    const number = this.#head;
    for (;;) {
      const task = this.#requested.get(number);
      if (task !== undefined) await this.#takePieces(task, take);
      if (task?.result !== undefined && task.pieces.length === 0) {
        this.#requested.delete(number);
        this.#head++;
        if (task.result.kind === 'failed') throw errorOf(task.result.failure);
        return task.result.result as Result;
      }
      if (this.#failure !== undefined) throw this.#failure;
      // There are no more tasks, or they were aborted.
      if (task === undefined) return undefined;
      if (task.pieces.length === 0) await this.#news();
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#options.signal.removeEventListener('abort', this.#stop);
    this.#end('stop');
    this.#end('close');
    // A thread that ends by itself closes what it has open; one that hangs does not end.
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const stopTimer = systemClock.after(CLOSE_MS, resolve);
    await Promise.race([Promise.all(this.#threads.map(({ exited }) => exited)), late]);
    stopTimer();
    await Promise.all(this.#threads.map(({ worker }) => closeWorker(worker)));
  }

  #start(): TaskThread {
    const { module, data, jobs, mostAhead } = this.#options;
    const shared = new Int32Array(new SharedArrayBuffer(4 * SHARED_NUMBERS));
    // Each thread may hold large records of its own.
    const work: WorkerWork = { data, memory: { ...memoryInUse(), roots: jobs }, shared, mostAhead };
    const worker = new Worker(module, { workerData: work });
    const { promise: exited, resolve } = Promise.withResolvers<void>();
    const thread = { worker, shared, exited, open: 0 };
    worker.on('message', (reply: WorkerReply) => this.#replied(thread, reply));
    worker.on('error', (error) => this.#fail(messageOf(error)));
    worker.on('exit', (code) => {
      resolve();
      if (!this.#isClosing) this.#fail(`exit code ${code}`);
    });
    return thread;
  }

  /** Waits for the next report of a thread that lets the caller continue. */
  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  /** Gives each thread its tasks, in turns. */
  #requestMore(): void {
    for (let open = 0; open < TASKS_AHEAD; open++) for (const thread of this.#threads) if (thread.open <= open) this.#request(thread);
  }

  #request(thread: TaskThread): void {
    if (this.#options.signal.aborted || this.#next - this.#head >= RESULTS_AHEAD * this.#threads.length) return;
    const { value: task, done } = this.#tasks.next();
    if (done === true) return;
    const number = this.#next++;
    this.#requested.set(number, { thread, pieces: [], result: undefined });
    thread.open++;
    tell(thread, { kind: 'task', number, task });
  }

  #replied(thread: TaskThread, reply: WorkerReply): void {
    switch (reply.kind) {
      case 'note':
        this.#options.onNote?.(reply.note as Note);
        return;
      case 'prepared':
        this.#unprepared--;
        if (reply.failure !== undefined) this.#failure ??= errorOf(reply.failure);
        this.#wake?.();
        return;
      case 'piece':
        this.#requested.get(reply.number)?.pieces.push({ piece: reply.piece as Piece, weight: reply.weight });
        break;
      case 'done':
      case 'failed': {
        const task = this.#requested.get(reply.number);
        if (task !== undefined) task.result = reply;
        thread.open--;
        if (thread.open < TASKS_AHEAD) this.#request(thread);
        break;
      }
      default:
        reply satisfies never;
    }
    if (reply.number === this.#head) this.#wake?.();
  }

  /** Gives pieces to their taker, one by one; then the thread may send more. */
  async #takePieces(task: RequestedTask<Piece>, take: (piece: Piece) => void | Promise<void>): Promise<void> {
    const { pieces, thread } = task;
    task.pieces = [];
    for (const { piece, weight } of pieces) {
      await take(piece);
      Atomics.sub(thread.shared, AHEAD, weight);
      Atomics.notify(thread.shared, AHEAD);
    }
  }

  #end(kind: 'stop' | 'close'): void {
    for (const thread of this.#threads) {
      Atomics.store(thread.shared, STOP, 1);
      // Another number, so that a thread that is about to wait does not.
      Atomics.store(thread.shared, AHEAD, 0);
      Atomics.notify(thread.shared, AHEAD);
      tell(thread, { kind });
    }
    this.#wake?.();
  }

  #fail(why: string): void {
    this.#failure ??= new MirrorError('MB9001', `the thread that ${this.#options.does} ended: ${why}`);
    this.#wake?.();
  }
}

function tell({ worker }: TaskThread, request: WorkerRequest): void {
  worker.postMessage(request);
}

function errorOf({ code, message, details }: Failure): MirrorError {
  return new MirrorError(code, message, details);
}
