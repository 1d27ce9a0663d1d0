/**
 * The work of a reader's thread: walks roots, reads and decodes runs, and pauses until the main thread takes its
 * results.
 */
import { answersAgain } from '../calls/index.ts';
import { scanWindow } from '../decode/index.ts';
import { type Batch, keyOfRun } from '../model/index.ts';
import { FileWindow, readAt } from '../tail/index.ts';
import { countedEvents } from './count-points.ts';
import { columnBuffers } from './free-batches.ts';
import { packPayloads } from './packed-payloads.ts';
import type { ReadEvent, RunJob } from './read-event.ts';
import { RunSession } from './reader.ts';
import { OUTSTANDING, type ReaderRequest, type ReaderWork, STOP } from './reader-protocol.ts';
import { type PostReply, postFailure, walkFor } from './reader-walk.ts';

/** Small events are sent together: a message costs more than they do. */
const MESSAGE_BYTES = 512 * 1024;
/** The cost of an event in addition to its columns and payloads. */
const EVENT_BYTES = 512;
/** The cost of an object in addition to its payload, in both threads. */
const OBJECT_BYTES = 512;

/** The cost of the sums of a series, and of its definition. */
const COUNT_BYTES = 128;

/** Reads for the main thread: takes its requests, and posts replies. */
export class RequestReader {
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
      if (request.kind === 'walk') walkFor(request, this.#reply);
      else if (request.kind === 'read') this.#read(request.jobs, request.keep);
      else if (request.kind === 'answers') answersAgain(request.path);
      else for (const run of request.runs) this.#sessions.delete(keyOfRun(run));
    } catch (error) {
      postFailure(error, this.#reply);
    }
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
      const read = this.#sessionOf(job, keep).read(job, this.#window);
      for (const event of job.counts === true ? countedEvents(read) : read) {
        if (stopped()) break;
        events.push(event);
        cost += EVENT_BYTES + sizeOf(event);
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
    const buffers: ArrayBuffer[] = [];
    const packed = events.map((event) => {
      if (event.kind !== 'batch') return event;
      const { batch, moved } = packPayloads(event.batch);
      for (const buffer of [...columnBuffers(batch), ...moved]) buffers.push(buffer);
      return { ...event, batch };
    });
    this.#reply({ kind: 'events', events: packed, cost, isLast }, buffers);
  }
}

function sizeOf(event: ReadEvent): number {
  if (event.kind === 'counted') return COUNT_BYTES * (event.counted.counts.length + event.counted.newSeries.length);
  return event.kind === 'batch' ? batchBytes(event.batch) : 0;
}

function batchBytes(batch: Batch): number {
  let bytes = batch.scalars.series.length * 44;
  for (const object of batch.objects) bytes += OBJECT_BYTES + object.payload.length;
  for (const mark of batch.marks) bytes += OBJECT_BYTES + mark.payload.length;
  return bytes;
}
