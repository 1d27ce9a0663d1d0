/** Writes parcels into a task: files first, then the events that name them, then what the task itself says. */
import { each } from '../../concurrency/index.ts';
import type { BackendContext, Outcome, Refusal, TrackerParcel, TrialKind } from '../../contract/index.ts';
import { MirrorError, messageOf, reasonOf } from '../../errors.ts';
import { pointCount, sha256Of } from '../../model/index.ts';
import type { Failure } from './answers.ts';
import { FILE_VARIANT, OWN_METRIC, SEGMENT_VARIANT, type Segment, segmentOf, segmentsOf } from './exact-files.ts';
import { contentOf } from './files.ts';
import { BYTES_PER_REQUEST, DOCUMENT_BYTES, EVENTS_PER_REQUEST, RESERVED_STEP, UPLOADS_AT_ONCE } from './limits.ts';
import type { Param } from './map.ts';
import { addParamsInParts } from './params-in-parts.ts';
import { type EventLine, type PointUpload, type Prepared, prepare, type Spot, sampleText } from './prepare.ts';
import type { Artifact, Sink } from './sink.ts';
import { tryOut } from './trial.ts';

/** Requests that a search for the events to blame may take. */
const SEARCH_REQUESTS = 60;
/**
 * A server may stumble by itself: so often in a row a request fails before events are suspected of which nothing is
 * known.
 */
const STUMBLES = 3;
/** And so often one event for itself, between others that are taken. */
const LONE_TRIES = 3;
/** So often params of points are sent, while others are taken. */
const PARAM_TRIES = 3;

interface Job {
  readonly parcel: TrackerParcel;
  readonly prepared: Prepared;
  /** What is not stored yet. */
  readonly events: PendingEvent[];
  readonly refusals: Map<string, Refusal>;
  failed?: Outcome;
}

interface PendingEvent extends EventLine {
  readonly job: Job;
  isSettled: boolean;
}

/** Ends a send for now, with the outcome of all that is not stored. */
class Stop extends Error {
  readonly outcome: Exclude<Outcome, { kind: 'accepted' }>;

  constructor(outcome: Stop['outcome']) {
    super(outcome.error.message);
    this.outcome = outcome;
  }
}

/** Writes parcels to one task. */
export class RunWriter {
  readonly #sink: Sink;
  readonly #warn: BackendContext['warn'];
  #stumbles = 0;
  #saidReserved = false;
  /** Documents that are there, by name. */
  readonly #documents = new Map<string, string>();

  constructor(sink: Sink, warn: BackendContext['warn']) {
    this.#sink = sink;
    this.#warn = warn;
  }

  get sink(): Sink {
    return this.#sink;
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const jobs: Job[] = [];
    let stop: Stop['outcome'] | undefined;
    try {
      for (const parcel of parcels) {
        const prepared = prepare(parcel, this.#sink.id, RESERVED_STEP);
        this.#noteReserved(prepared);
        const job: Job = { parcel, prepared, events: [], refusals: new Map() };
        await this.#storeFiles(job, signal);
        for (const event of prepared.events) job.events.push({ ...event, job, isSettled: false });
        jobs.push(job);
      }
    } catch (error) {
      stop = outcomeOf(error, signal);
    }
    // What was prepared is carried to its end, so that a parcel before the one that failed is not sent again for
    // nothing.
    try {
      await this.#writeEvents(jobs, signal);
      for (const job of jobs) if (job.failed === undefined) await this.#writeFields(job, signal);
    } catch (error) {
      const outcome = outcomeOf(error, signal);
      for (const job of jobs) if (!isWritten(job)) job.failed ??= outcome;
      stop ??= outcome;
    }
    const rest: Outcome = stop ?? { kind: 'retry', error: new MirrorError('MB9001', 'a parcel was skipped') };
    return parcels.map((_, i) => {
      const job = jobs[i];
      if (job === undefined) return rest;
      if (job.failed !== undefined) return job.failed;
      const refusals = [...job.refusals.values()];
      return { kind: 'accepted', points: pointCount(job.parcel.batch) - refusals.length, refusals };
    });
  }

  /** Files of points, then segments of what no event can hold; each becomes an event or an artifact that names it. */
  async #storeFiles(job: Job, signal: AbortSignal): Promise<void> {
    const { prepared } = job;
    const artifacts: Artifact[] = [];
    const keys = prepared.uploads.flatMap(({ named }) => (named.by === 'artifact' ? [named.key] : []));
    const hasRoom = keys.length === 0 || (await this.#try(() => this.#sink.hasRoom(keys, signal)));
    await each(prepared.uploads, UPLOADS_AT_ONCE, async (upload) => {
      const { path, data, type, named, step, wallTime, offset, index, isNeeded } = upload;
      const stored = await this.#put(path, data, type, signal);
      if (stored.kind === 'failed') {
        if (isNeeded) refuse(job, [{ offset, index }], reasonOf(stored.error));
        else
          this.#warn('a file for display could not be stored; its point is stored exactly elsewhere', {
            reason: stored.error.message,
          });
        return;
      }
      if (named.by === 'artifact' && hasRoom) {
        artifacts.push(artifactOf(upload, named, stored.url));
        return;
      }
      const names = named.by === 'sample' ? named.names : { metric: OWN_METRIC, variant: FILE_VARIANT };
      this.#show(job, sampleText(this.#sink.id, names, step, wallTime, `${this.#sink.folder}/${path}`, stored.url), []);
    });
    const lines = prepared.lines.filter(({ offset, index, isMark }) => isMark || !job.refusals.has(keyOf({ offset, index })));
    await each(segmentsOf(prepared.source, lines), UPLOADS_AT_ONCE, (segment) => this.#storeSegment(job, segment, signal));
    if (artifacts.length > 0) {
      const reply = await this.#sink.addArtifacts(artifacts, signal);
      if (reply.kind !== 'ok') this.#stopUnlessContent(reply, 'artifacts were not listed; their files are stored');
    }
  }

  async #storeSegment(job: Job, segment: Segment, signal: AbortSignal): Promise<void> {
    const stored = await this.#put(segment.path, segment.data, 'application/x-ndjson', signal);
    const { lines } = segment;
    if (stored.kind === 'failed') {
      if (lines.length > 1) {
        const half = lines.length >> 1;
        for (const part of [lines.slice(0, half), lines.slice(half)])
          await this.#storeSegment(job, segmentOf(job.prepared.source, part), signal);
        return;
      }
      const points = lines.filter(({ isMark }) => !isMark);
      if (points.length === 0) this.#warn('an event without a value could not be stored', { reason: stored.error.message });
      refuse(job, points, reasonOf(stored.error));
      return;
    }
    const [first] = lines;
    if (first === undefined) return;
    const names = { metric: OWN_METRIC, variant: SEGMENT_VARIANT };
    const text = sampleText(this.#sink.id, names, first.step, first.wallTime, `${this.#sink.folder}/${segment.path}`, stored.url);
    this.#show(
      job,
      text,
      lines.filter(({ isMark }) => !isMark).map(({ offset, index }) => ({ offset, index })),
    );
  }

  #show(job: Job, text: string, points: readonly Spot[]): void {
    job.events.push({ text, bytes: Buffer.byteLength(text) + 1, points, job, isSettled: false });
  }

  /** Writes something small of a kind. Throws what is wrong. */
  tryOut(kind: TrialKind, signal: AbortSignal): Promise<void> {
    return tryOut(this.#sink, kind, signal);
  }

  /** Stores a file. What is for good comes back; all else stops the run for now. */
  async #put(
    path: string,
    data: Uint8Array,
    type: string,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'stored'; readonly url: string } | { readonly kind: 'failed'; readonly error: MirrorError }> {
    try {
      return { kind: 'stored', url: await this.#sink.put(path, contentOf(data, type), signal) };
    } catch (error) {
      if (!(error instanceof MirrorError) || signal.aborted) throw error;
      if (error.retry === 'never' && error.code === 'MB4005') return { kind: 'failed', error };
      throw new Stop(error.retry === 'never' ? { kind: 'fatal', error } : { kind: 'retry', error });
    }
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      if (error.code === 'MB4006') throw new Stop({ kind: 'runFatal', error });
      throw new Stop(error.retry === 'never' ? { kind: 'fatal', error } : { kind: 'retry', error });
    }
  }

  /** Events of all parcels in as few requests as they fit into, one after the other. */
  async #writeEvents(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    let group: PendingEvent[] = [];
    let bytes = 0;
    for (const job of jobs) {
      for (const event of job.events) {
        if (group.length > 0 && (group.length >= EVENTS_PER_REQUEST || bytes + event.bytes > BYTES_PER_REQUEST)) {
          await this.#write(group, { left: SEARCH_REQUESTS }, signal);
          group = [];
          bytes = 0;
        }
        group.push(event);
        bytes += event.bytes;
      }
    }
    await this.#write(group, { left: SEARCH_REQUESTS }, signal);
  }

  /**
   * One request; where something of it is refused, the events to blame are searched for. The server does not say
   * which, and stores a part: all others are sent again, and fall on themselves.
   */
  async #write(all: readonly PendingEvent[], search: { left: number }, signal: AbortSignal): Promise<void> {
    const group = all.filter(({ job }) => job.failed === undefined);
    if (group.length === 0) return;
    const reply = await this.#sink.addEvents(
      group.map(({ text }) => text),
      signal,
    );
    if (reply.kind === 'ok') {
      this.#stumbles = 0;
      for (const event of group) event.isSettled = true;
      return;
    }
    if (!['internal', 'refused', 'tooMuch'].includes(reply.cause)) throw stopOf(reply);
    const isFirst = search.left === SEARCH_REQUESTS;
    if (reply.cause === 'internal' && isFirst && ++this.#stumbles < STUMBLES && !(await this.#isTaking(signal))) throw stopOf(reply);
    if (--search.left <= 0) {
      for (const { job } of group) job.failed ??= { kind: 'rejected', error: reply.error };
      return;
    }
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      // A server whose disk is full refuses every event for itself: that is not the event's fault.
      for (let tries = 1; tries < LONE_TRIES; tries++) {
        if (!(await this.#isTaking(signal))) throw new Stop({ kind: 'retry', error: reply.error });
        if ((await this.#sink.addEvents([only.text], signal)).kind !== 'ok') continue;
        only.isSettled = true;
        return;
      }
      only.isSettled = true;
      if (only.points.length === 0)
        this.#warn('an event for display was refused; its point is stored exactly elsewhere', { reason: reply.error.message });
      refuse(only.job, only.points, reply.error.message);
      return;
    }
    // Between two parcels is the best place to part them: then each gets an outcome of its own.
    const border = group.findIndex(({ job }) => job !== only?.job);
    const half = border > 0 ? border : group.length >> 1;
    await this.#write(group.slice(0, half), search, signal);
    await this.#write(group.slice(half), search, signal);
  }

  async #isTaking(signal: AbortSignal): Promise<boolean> {
    return (await this.#sink.tryEvent(signal)).kind === 'ok';
  }

  async #writeFields(job: Job, signal: AbortSignal): Promise<void> {
    const { params, documents } = job.prepared;
    const named = new Map(params.filter(({ name }) => name !== '').map((param) => [`${param.section}/${param.name}`, param]));
    if (named.size > 0) await this.#writeParams([...named.values()], signal);
    const fresh = documents.filter(({ name, value }) => value.length <= DOCUMENT_BYTES && this.#documents.get(name) !== value);
    if (fresh.length === 0) return;
    const reply = await this.#sink.addDocuments(fresh, signal);
    if (reply.kind !== 'ok') this.#stopUnlessContent(reply, 'a configuration was refused; it is stored exactly elsewhere');
    for (const { name, value } of fresh) this.#documents.set(name, value);
  }

  /**
   * Nobody asks again for what is refused of them: so it is sent again, each time after the server has taken another
   * param.
   */
  async #writeParams(params: readonly Param[], signal: AbortSignal): Promise<void> {
    let left = await this.#try(() => addParamsInParts(this.#sink, params, signal));
    for (let round = 1; round < PARAM_TRIES && left.size > 0; round++) {
      const again = [...left.keys()];
      left = await this.#try(() => addParamsInParts(this.#sink, again, signal));
    }
    for (const [{ name }, { error }] of left)
      this.#warn('a hyperparameter was refused; it is stored exactly elsewhere', {
        task: this.#sink.id,
        param: name,
        reason: error.message,
      });
  }

  #stopUnlessContent(failure: Failure, message: string): void {
    if (!['refused', 'status', 'tooMuch'].includes(failure.cause)) throw stopOf(failure);
    this.#warn(message, { task: this.#sink.id, reason: failure.error.message });
  }

  #noteReserved({ reservedSteps }: Prepared): void {
    if (reservedSteps === 0 || this.#saidReserved) return;
    this.#saidReserved = true;
    this.#warn(`points at step ${RESERVED_STEP} are stored, but ClearML shows them as single values without a step`, {
      task: this.#sink.id,
    });
  }
}

function isWritten({ events, prepared }: Job): boolean {
  return events.every(({ isSettled }) => isSettled) && prepared.params.length === 0 && prepared.documents.length === 0;
}

function artifactOf({ data, type, wallTime }: PointUpload, named: { key: string; type: string; preview: string }, uri: string): Artifact {
  const seconds = Number.isFinite(wallTime) && wallTime >= 0 && wallTime < 1e11 ? Math.floor(wallTime) : 0;
  const { key, preview } = named;
  return { key, type: named.type, uri, hash: sha256Of(data), bytes: data.length, contentType: type, preview, timestamp: seconds };
}

function keyOf({ offset, index }: Spot): string {
  return `${offset} ${index}`;
}

function refuse(job: Job, points: readonly Spot[], reason: string): void {
  for (const { offset, index } of points) job.refusals.set(keyOf({ offset, index }), { offset, index, kind: 'refused', reason });
}

/** What a failure means for a task's lane. */
export function stopOf(failure: Failure): Stop {
  const { cause, error, afterMs } = failure;
  switch (cause) {
    case 'unauthorized':
    case 'token':
    case 'address':
      return new Stop({ kind: 'fatal', error });
    case 'gone':
      return new Stop({ kind: 'runFatal', error });
    default:
      return new Stop({ kind: 'retry', ...(afterMs === undefined ? {} : { afterMs }), error });
  }
}

function outcomeOf(error: unknown, signal: AbortSignal): Stop['outcome'] {
  if (error instanceof Stop) return error.outcome;
  if (signal.aborted)
    return { kind: 'retry', error: new MirrorError('MB4001', 'sending was interrupted', { retry: 'later', cause: error }) };
  const known =
    error instanceof MirrorError ? error : new MirrorError('MB9001', `sending to ClearML: ${messageOf(error)}`, { cause: error });
  return { kind: known.retry === 'never' ? 'fatal' : 'retry', error: known };
}
