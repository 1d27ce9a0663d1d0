/**
 * The work of a reader's thread: walks roots, reads and decodes runs, and pauses until the main thread takes its
 * results.
 */
import { answersAgain } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import { scanWindow } from '../decode/index.ts';
import { type FoundRun, type PassedOver, runFilter, visit } from '../discover/index.ts';
import { type Batch, keyOfRun } from '../model/index.ts';
import { FileWindow, readAt } from '../tail/index.ts';
import type { ReadEvent, RunJob } from './read-event.ts';
import { RunSession } from './reader.ts';
import { OUTSTANDING, type ReaderReply, type ReaderRequest, type ReaderWork, STOP } from './reader-protocol.ts';

/** Small events are sent together: a message costs more than they do. */
const MESSAGE_BYTES = 512 * 1024;
/** Records from this size are moved to the other thread. */
const MOVED_BYTES = 64 * 1024;
/** A walk reports what it found in pieces of this many runs, or after this time. */
const REPORT_RUNS = 1000;
const REPORT_MS = 100;
/** The cost of an event in addition to its columns and payloads. */
const EVENT_BYTES = 512;

/** Sends a reply to the main thread; the buffers move there. */
export type PostReply = (reply: ReaderReply, transfer: ArrayBuffer[]) => void;

/** Reads for the main thread: takes its requests, and posts replies. */
export class ReaderDesk {
  readonly #work: ReaderWork;
  readonly #window: FileWindow;
  readonly #reply: PostReply;
  /** The sessions of growing runs, by their key. The caller decides which are kept. */
  readonly #sessions = new Map<string, RunSession>();

  constructor(work: ReaderWork, reply: PostReply, window = new FileWindow(readAt, scanWindow())) {
    this.#work = work;
    this.#reply = reply;
    this.#window = window;
  }

  /** Does what the main thread asks. */
  take(request: ReaderRequest): void {
    try {
      if (request.kind === 'walk') this.#walk(request);
      else if (request.kind === 'read') this.#read(request.jobs, request.keep);
      else if (request.kind === 'answers') answersAgain(request.path);
      else for (const run of request.runs) this.#sessions.delete(keyOfRun(run));
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      this.#post({ kind: 'failed', message, stack: stack ?? '' });
    }
  }

  /** Sends what was found so far while the walk continues: a large root takes minutes. */
  #walk({ root, below, include, exclude, ignore, shard, links, isNaming }: Extract<ReaderRequest, { kind: 'walk' }>): void {
    const filter = runFilter(include, exclude, ignore, shard);
    let runs: FoundRun[] = [];
    let directories = 0;
    let reportedAtMs = steadyMs();
    const report = (): void => {
      if (runs.length < REPORT_RUNS && steadyMs() - reportedAtMs < REPORT_MS) return;
      this.#post({ kind: 'found', found: { runs, obstacles: [], directories }, isLast: false });
      runs = [];
      reportedAtMs = steadyMs();
    };
    const passedOver: PassedOver[] = [];
    const onPassedOver = isNaming === true ? (passed: PassedOver) => passedOver.push(passed) : undefined;
    const onDirectory = (): void => {
      directories++;
      report();
    };
    const { obstacles } = visit(root, below, { links, onPassedOver, onDirectory, ...(filter === undefined ? {} : { filter }) }, (run) => {
      runs.push(run);
      report();
    });
    this.#post({ kind: 'found', found: { runs, obstacles, passedOver, directories }, isLast: true });
  }

  #sessionOf(job: RunJob, keep: boolean): RunSession {
    const key = keyOfRun(job.run);
    const session = this.#sessions.get(key) ?? new RunSession(job);
    if (keep) this.#sessions.set(key, session);
    return session;
  }

  #read(jobs: readonly RunJob[], keep: boolean): void {
    let events: ReadEvent[] = [];
    let cost = 0;
    const stopped = (): boolean => Atomics.load(this.#work.shared, STOP) !== 0;
    for (const job of jobs) {
      if (stopped()) break;
      for (const event of this.#sessionOf(job, keep).read(job, this.#window)) {
        if (stopped()) break;
        events.push(event);
        cost += EVENT_BYTES + (event.kind === 'batch' ? batchBytes(event.batch) : 0);
        // Progress is sent at once.
        if (cost < MESSAGE_BYTES && event.kind !== 'searched') continue;
        this.#send(events, cost, false);
        events = [];
        cost = 0;
      }
    }
    this.#send(events, cost, true);
  }

  #send(events: readonly ReadEvent[], cost: number, isLast: boolean): void {
    const { shared, mostOutstanding } = this.#work;
    for (;;) {
      const outstanding = Atomics.load(shared, OUTSTANDING);
      // A batch larger than the limit is sent alone.
      if (outstanding === 0 || outstanding + cost <= mostOutstanding || Atomics.load(shared, STOP) !== 0) break;
      Atomics.wait(shared, OUTSTANDING, outstanding);
    }
    Atomics.add(shared, OUTSTANDING, cost);
    this.#post(
      { kind: 'events', events, cost, isLast },
      events.flatMap((event) => (event.kind === 'batch' ? [...columnBuffers(event.batch), ...payloadBuffers(event.batch)] : [])),
    );
  }

  #post(reply: ReaderReply, transfer: ArrayBuffer[] = []): void {
    this.#reply(reply, transfer);
  }
}

/** Returns the buffers of the columns, which move to the other thread. */
function columnBuffers(batch: Batch): ArrayBuffer[] {
  const { series, step, wallTime, value, offset, checksum, index } = batch.scalars;
  return [series, step, wallTime, value, offset, checksum, index].map((column) => column.buffer as ArrayBuffer);
}

/**
 * Returns the buffers of large payloads, which move. Small payloads are copied, which costs less than moving them. A
 * payload is a view on its record's bytes, which this thread does not read again; a message that moved some of them
 * would copy none.
 */
function payloadBuffers({ objects, marks }: Batch): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { payload } of objects) if (payload.buffer.byteLength >= MOVED_BYTES) buffers.add(payload.buffer as ArrayBuffer);
  for (const { payload } of marks) if (payload.buffer.byteLength >= MOVED_BYTES) buffers.add(payload.buffer as ArrayBuffer);
  return [...buffers];
}

function batchBytes(batch: Batch): number {
  let bytes = batch.scalars.series.length * 44;
  for (const object of batch.objects) bytes += 256 + object.payload.length;
  for (const mark of batch.marks) bytes += 256 + mark.payload.length;
  return bytes;
}
