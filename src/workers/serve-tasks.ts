/** The thread's end: does tasks one after the other, and sends pieces of results no faster than they are taken. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads';
import { MirrorError, messageOf } from '../errors.ts';
import { useMemory } from '../memory/index.ts';
import { AHEAD, type Failure, STOP, type WorkerReply, type WorkerRequest, type WorkerWork } from './task-protocol.ts';

/** What a task tells the other side while it runs. */
export interface TaskLink<Piece, Note> {
  /** Aborts when nobody wants the results any more. */
  readonly signal: AbortSignal;
  /**
   * Sends a piece of the present task's result. Waits while too many are not taken; the thread does nothing else then.
   * After an abort, it sends nothing.
   */
  send(piece: Piece, weight: number, transfer?: readonly Transferable[]): void;
  /** Tells something at once, whichever task's result is taken now. */
  note(note: Note): void;
}

/** What a thread does. */
export interface TaskServer<Task, Result> {
  /** Gets ready, as often as it is asked to. Default: there is nothing to do. */
  prepare?(): void;
  work(task: Task): Result | Promise<Result>;
  /** Called once, before the thread ends. */
  close?(): void | Promise<void>;
}

/** Makes this thread do tasks. `make` receives the data that the thread was started with. */
export function serveTasks<Data, Task, Piece, Result, Note = never>(
  make: (data: Data, link: TaskLink<Piece, Note>) => TaskServer<Task, Result>,
): void {
  const port = parentPort;
  if (port === null) throw new Error('tasks are done in a worker thread');
  const { data, memory, shared, mostAhead } = workerData as WorkerWork;
  useMemory(memory);
  const post = (reply: WorkerReply, transfer: readonly Transferable[] = []): void => port.postMessage(reply, [...transfer]);
  const aborter = new AbortController();
  let present = 0;
  const server = make(data as Data, {
    signal: aborter.signal,
    note: (note) => post({ kind: 'note', note }),
    send: (piece, weight, transfer) => {
      if (waitForRoom(shared, weight, mostAhead)) {
        // A task that never pauses would not receive the message.
        aborter.abort();
        return;
      }
      Atomics.add(shared, AHEAD, weight);
      post({ kind: 'piece', number: present, piece, weight }, transfer);
    },
  });
  let last = Promise.resolve();
  const close = async (): Promise<void> => {
    await server.close?.();
    port.close();
  };
  const work = async (number: number, task: unknown): Promise<void> => {
    present = number;
    try {
      post({ kind: 'done', number, result: await server.work(task as Task) });
    } catch (error) {
      post({ kind: 'failed', number, failure: failureOf(error) });
    }
  };
  const prepare = (): void => {
    try {
      server.prepare?.();
      post({ kind: 'prepared' });
    } catch (error) {
      post({ kind: 'prepared', failure: failureOf(error) });
    }
  };
  port.on('message', (request: WorkerRequest) => {
    if (request.kind === 'stop') aborter.abort();
    else if (request.kind === 'task') last = last.then(() => work(request.number, request.task));
    else if (request.kind === 'prepare') last = last.then(prepare);
    else last = last.then(close);
  });
}

/** Waits until a piece may be sent. A piece above the limit is sent alone. Returns true if nobody wants it any more. */
function waitForRoom(shared: Int32Array, weight: number, most: number): boolean {
  for (;;) {
    const ahead = Atomics.load(shared, AHEAD);
    if (Atomics.load(shared, STOP) !== 0) return true;
    if (ahead <= 0 || ahead + weight <= most) return false;
    Atomics.wait(shared, AHEAD, ahead);
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof MirrorError)) return { code: 'MB9001', message: messageOf(error), details: {} };
  const { code, message, hint, command, retry, context } = error;
  return {
    code,
    message,
    details: { ...(hint === undefined ? {} : { hint }), ...(command === undefined ? {} : { command }), retry, context },
  };
}
