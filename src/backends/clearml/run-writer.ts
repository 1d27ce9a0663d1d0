/** Writes parcels into a task: files first, then the events that name them, then the fields of the task. */
import { outcomeOfThrown, Stop } from '../../backend-kit/failures/index.ts';
import { piecesOf } from '../../backend-kit/index.ts';
import { inParts, Job, Search, sendParcels, writeBatch } from '../../backend-kit/sending/index.ts';
import { each } from '../../concurrency/index.ts';
import type { BackendContext, Outcome, TrackerParcel, TrialKind } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import { sha256Of } from '../../model/index.ts';
import { type ClearmlFailure, stopOf } from './answers.ts';
import { EXACT_VARIANT, exactFileOf, exactFilesOf, FILE_VARIANT, OWN_METRIC, type TaskLine } from './exact-files.ts';
import { contentOf } from './files.ts';
import { BYTES_PER_REQUEST, DOCUMENT_BYTES, EVENTS_PER_REQUEST, RESERVED_STEP, UPLOADS_AT_ONCE } from './limits.ts';
import type { Param } from './map.ts';
import { addParamsInParts } from './params-in-parts.ts';
import { type EventLine, type PointUpload, type PreparedEvents, prepare, type Spot, sampleText } from './prepare.ts';
import type { Artifact, EventSink } from './sink.ts';
import { tryOut } from './trial.ts';

/**
 * Number of failures in a row before mirrorboard suspects events that are not known to be valid or bad: a server may
 * also fail by itself.
 */
const STUMBLES = 3;
/** Number of tries for one event alone, while the server accepts others. */
const LONE_TRIES = 3;
/** Number of tries for params of points, while the server accepts others. */
const PARAM_TRIES = 3;

interface PendingEvent extends EventLine {
  readonly job: EventJob;
  isSettled: boolean;
}

/** A parcel with its events on their way. */
class EventJob extends Job<PreparedEvents> {
  readonly events: PendingEvent[] = [];

  add(event: EventLine): void {
    this.events.push({ ...event, job: this, isSettled: false });
  }

  refuseAll(points: readonly Spot[], { message }: Pick<MirrorError, 'message'>): void {
    for (const point of points) this.refuse(point, message);
  }
}

/** The writer of one task. */
export class ClearmlRunWriter {
  readonly #sink: EventSink;
  readonly #warn: BackendContext['warn'];
  #stumbles = 0;
  #isWarnedReserved = false;
  /** Documents that are stored, by name. */
  readonly #documents = new Map<string, string>();

  constructor(sink: EventSink, warn: BackendContext['warn']) {
    this.#sink = sink;
    this.#warn = warn;
  }

  get sink(): EventSink {
    return this.#sink;
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    return sendParcels<PreparedEvents, EventJob>(parcels, {
      begin: async (parcel) => {
        const job = new EventJob(parcel, prepare(parcel, this.#sink.id, RESERVED_STEP));
        this.#noteReserved(job.prepared);
        await this.#storeFiles(job, signal);
        for (const event of job.prepared.events) job.add(event);
        return job;
      },
      write: async (jobs) => {
        const events = jobs.flatMap((job) => job.events);
        const most = { bytes: BYTES_PER_REQUEST, count: EVENTS_PER_REQUEST };
        for (const group of piecesOf(events, ({ bytes }) => bytes, most)) await this.#write(group, signal);
        for (const { failed, prepared } of jobs) if (failed === undefined) await this.#writeFields(prepared, signal);
      },
      isDone: ({ events, prepared }) =>
        events.every(({ isSettled }) => isSettled) && prepared.params.length === 0 && prepared.documents.length === 0,
      outcomeOf: (thrown) => outcomeOfThrown(thrown, signal, 'ClearML'),
    });
  }

  /**
   * Stores files of points, then exact-point files for what no event can hold. An event or an artifact names each.
   */
  async #storeFiles(job: EventJob, signal: AbortSignal): Promise<void> {
    const { prepared } = job;
    const artifacts: Artifact[] = [];
    const keys = prepared.uploads.flatMap(({ named }) => (named.by === 'artifact' ? [named.key] : []));
    const hasRoom = keys.length === 0 || (await this.#try(() => this.#sink.hasRoom(keys, signal)));
    await each(prepared.uploads, UPLOADS_AT_ONCE, async (upload) => {
      const { path, data, type, named, step, wallTime, offset, index, isNeeded } = upload;
      const stored = await this.#put(path, data, type, signal);
      if (stored.kind === 'failed') {
        if (isNeeded) job.refuse({ offset, index }, reasonOf(stored.error));
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
      const text = sampleText(this.#sink.id, names, step, wallTime, `${this.#sink.folder}/${path}`, stored.url);
      job.add({ text, bytes: Buffer.byteLength(text) + 1, points: [] });
    });
    const lines = prepared.lines.filter((line) => line.isMark || !job.isRefused(line));
    await each(exactFilesOf(prepared.source, lines), UPLOADS_AT_ONCE, (exact) => this.#storeExactFile(job, exact.lines, signal));
    if (artifacts.length > 0) {
      const reply = await this.#sink.addArtifacts(artifacts, signal);
      if (reply.kind !== 'ok') this.#stopUnlessContent(reply, 'artifacts were not listed; their files are stored');
    }
  }

  async #storeExactFile(job: EventJob, all: readonly TaskLine[], signal: AbortSignal): Promise<void> {
    await inParts<TaskLine, MirrorError>(all, {
      send: async (lines) => {
        const { path, data } = exactFileOf(job.prepared.source, lines);
        const stored = await this.#put(path, data, 'application/x-ndjson', signal);
        const [first] = lines;
        if (stored.kind === 'failed' || first === undefined) return stored.kind === 'failed' ? stored.error : undefined;
        const names = { metric: OWN_METRIC, variant: EXACT_VARIANT };
        const text = sampleText(this.#sink.id, names, first.step, first.wallTime, `${this.#sink.folder}/${path}`, stored.url);
        const points = lines.filter(({ isMark }) => !isMark).map(({ offset, index }) => ({ offset, index }));
        job.add({ text, bytes: Buffer.byteLength(text) + 1, points });
        return undefined;
      },
      alone: (line, error) => {
        if (!line.isMark) job.refuse(line, reasonOf(error));
        else this.#warn('an event without a value could not be stored', { reason: error.message });
      },
    });
  }

  /** Writes something small of a kind. Throws what is wrong. */
  tryOut(kind: TrialKind, signal: AbortSignal): Promise<void> {
    return tryOut(this.#sink, kind, signal);
  }

  /** Stores a file. Returns lasting failures; all others stop the run for now. */
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

  /**
   * Writes a group of events in one request. The server does not report which events it refuses, and stores a part.
   * So mirrorboard sends all others again, and they replace themselves.
   */
  async #write(group: readonly PendingEvent[], signal: AbortSignal): Promise<void> {
    const search = new Search();
    const add = async (events: readonly PendingEvent[]): Promise<ClearmlFailure | undefined> => {
      const texts = events.map(({ text }) => text);
      const reply = await this.#sink.addEvents(texts, signal);
      if (reply.kind !== 'ok') return reply;
      for (const event of events) event.isSettled = true;
      return undefined;
    };
    await writeBatch<PendingEvent, ClearmlFailure>(group, search, {
      send: async (events) => {
        const failure = await add(events);
        if (failure === undefined) this.#stumbles = 0;
        return failure;
      },
      suspect: async (failure) => {
        if (!['internal', 'refused', 'tooMuch'].includes(failure.cause)) throw stopOf(failure);
        const isFirst = failure.cause === 'internal' && !search.isStarted;
        if (isFirst && ++this.#stumbles < STUMBLES && !(await this.#isTaking(signal))) throw stopOf(failure);
      },
      refuse: async (event, { error }) => {
        // A server with a full disk refuses even a single event: that is not the event's fault.
        for (let tries = 1; tries < LONE_TRIES; tries++) {
          if (!(await this.#isTaking(signal))) throw new Stop({ kind: 'retry', error });
          if ((await add([event])) === undefined) return;
        }
        event.isSettled = true;
        if (event.points.length === 0)
          this.#warn('an event for display was refused; its point is stored exactly elsewhere', { reason: error.message });
        event.job.refuseAll(event.points, error);
      },
    });
  }

  async #isTaking(signal: AbortSignal): Promise<boolean> {
    return (await this.#sink.tryEvent(signal)).kind === 'ok';
  }

  async #writeFields({ params, documents }: PreparedEvents, signal: AbortSignal): Promise<void> {
    const named = new Map(params.filter(({ name }) => name !== '').map((param) => [`${param.section}/${param.name}`, param]));
    if (named.size > 0) await this.#writeParams([...named.values()], signal);
    const fresh = documents.filter(({ name, value }) => value.length <= DOCUMENT_BYTES && this.#documents.get(name) !== value);
    if (fresh.length === 0) return;
    const reply = await this.#sink.addDocuments(fresh, signal);
    if (reply.kind !== 'ok') this.#stopUnlessContent(reply, 'a configuration was refused; it is stored exactly elsewhere');
    for (const { name, value } of fresh) this.#documents.set(name, value);
  }

  /**
   * Writes params of points. They are not sent again later, so refused ones are retried here, each time after the
   * server has accepted another param.
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

  #stopUnlessContent(failure: ClearmlFailure, message: string): void {
    if (!['refused', 'status', 'tooMuch'].includes(failure.cause)) throw stopOf(failure);
    this.#warn(message, { task: this.#sink.id, reason: failure.error.message });
  }

  #noteReserved({ reservedSteps }: PreparedEvents): void {
    if (reservedSteps === 0 || this.#isWarnedReserved) return;
    this.#isWarnedReserved = true;
    this.#warn(`points at step ${RESERVED_STEP} are stored, but ClearML shows them as single values without a step`, {
      task: this.#sink.id,
    });
  }
}

function artifactOf({ data, type, wallTime }: PointUpload, named: { key: string; type: string; preview: string }, uri: string): Artifact {
  const seconds = Number.isFinite(wallTime) && wallTime >= 0 && wallTime < 1e11 ? Math.floor(wallTime) : 0;
  const { key, preview } = named;
  return { key, type: named.type, uri, hash: sha256Of(data), bytes: data.length, contentType: type, preview, timestamp: seconds };
}
