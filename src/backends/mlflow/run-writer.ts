/**
 * Everything that is written into one tracker run. Longer than other files: the order in which files, metrics and
 * params of several parcels go out, and what becomes of each parcel when one of them fails, is one piece.
 */

import { cutLines, type SegmentLine } from '../../backend-kit/exact-points/index.ts';
import { each } from '../../concurrency/index.ts';
import type { BackendContext, Outcome, ParamOutcome, Refusal, RunParam, TrackerParcel, TrialKind } from '../../contract/index.ts';
import { MirrorError, messageOf, reasonOf } from '../../errors.ts';
import { type Batch, pointCount } from '../../model/index.ts';
import type { Failure } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import { heldOf, partsByName, partsOf } from './clashes.ts';
import type { MlflowClient, RunFacts } from './client.ts';
import { type Segment, segmentOf, segmentsOf } from './exact-files.ts';
import { Gathered, type GatherRoom } from './gathered.ts';
import type { TrackedRun } from './handle.ts';
import { HeldMetrics } from './held-metrics.ts';
import { KeyTable } from './key-table.ts';
import { isCut } from './keys.ts';
import { BYTES_PER_REQUEST, METRICS_PER_REQUEST, UPLOADS_AT_ONCE } from './limits.ts';
import { notesPath, notesText } from './map.ts';
import { MetricNames } from './metric-names.ts';
import { paramText } from './params-and-files.ts';
import {
  HAS_TEXTS,
  type Metric,
  Names,
  type Prepared,
  type PrepareOptions,
  prepare,
  publicationOf,
  publishedName,
  tellsName,
} from './prepare.ts';
import { RunParams } from './run-params.ts';
import { RunTags } from './run-tags.ts';
import { SERIES_FILE, SeriesFile } from './series-file.ts';
import { isAboutContent, Stop, stopOf } from './stop.ts';
import { trouble, tryFile, tryMetric, tryTag } from './trial.ts';

/** So many times in a row may a server stumble over a request before the request itself is suspected. */
const STUMBLES = 4;
/** Requests that the search for a bad point may take; what is still unclear then is `rejected` as a whole. */
const SEARCH_REQUESTS = 64;

/** A file of lines takes in what follows up to this length, one of texts up to that. */
const SEGMENT_BYTES = 256 * 1024;
const NOTES_BYTES = 64 * 1024;

/** One parcel on its way. */
interface Job {
  readonly parcel: TrackerParcel;
  readonly prepared: Prepared;
  readonly refusals: Refusal[];
  /** Set once it is clear that the parcel is not accepted. */
  failed?: Exclude<Outcome, { kind: 'accepted' }>;
}

/** What all writers of a connection go by, beside what each run holds. */
export type WriterOptions = Pick<PrepareOptions, 'histogramPercentiles' | 'exactTimes' | 'noFiles' | 'facts'> & {
  readonly room: GatherRoom;
  readonly clock: BackendContext['clock'];
};

/** Writes parcels to one run. */
export class RunWriter {
  readonly #client: MlflowClient;
  readonly #artifacts: Artifacts;
  readonly #run: TrackedRun;
  readonly #options: PrepareOptions;
  readonly #warn: BackendContext['warn'];
  readonly #tags: RunTags;
  readonly #names: MetricNames;
  readonly #params: RunParams;
  readonly #held: HeldMetrics | undefined;
  /** Lines that were stored last, by their event files, and texts by their tags. */
  readonly #segments: Gathered<SegmentLine>;
  readonly #notes: Gathered<Prepared['notes'][number]>;
  /** Undefined where no file can be stored. */
  readonly #series: SeriesFile | undefined;
  /** It held texts when it was opened. */
  readonly #mayHaveTexts: boolean;
  /** Failures of kind `internal` in a row. */
  #stumbles = 0;
  /** The server lets nobody remove files. */
  #keepsAll = false;
  /** Why files can't be stored in this run, once a server has said so. */
  #noFiles: string | undefined;

  constructor(
    client: MlflowClient,
    artifacts: Artifacts,
    run: TrackedRun,
    found: RunFacts,
    isNew: boolean,
    options: WriterOptions,
    warn: BackendContext['warn'],
  ) {
    this.#client = client;
    this.#artifacts = artifacts;
    this.#run = run;
    const { facts, room } = options;
    this.#segments = new Gathered(room, SEGMENT_BYTES);
    this.#notes = new Gathered(room, NOTES_BYTES);
    this.#options = {
      ...options,
      keys: new KeyTable({ ...facts, isFlat: facts.isFileStore }, found.metrics),
      paramKeys: new KeyTable({ ...facts, isFlat: facts.isFileStore }, found.params.keys()),
    };
    this.#warn = warn;
    const isToBlame = (reply: Failure, signal: AbortSignal): Promise<boolean> => this.#isToBlame(reply, signal);
    this.#tags = new RunTags({ client, runId: run.runId, isToBlame, toError: laterOf, facts, warn });
    this.#params = new RunParams({
      client,
      runId: run.runId,
      known: found.params,
      facts,
      warn,
      clock: options.clock,
      publish: async (tags, signal) => void (await this.#tags.put(tags, signal)),
    });
    this.#names = new MetricNames({
      client,
      runId: run.runId,
      keys: this.#options.keys,
      held: found.metrics,
      publish: async (tag, key, signal) => {
        const published = publicationOf(tag, key, facts);
        const refused = published === undefined ? [] : [...(await this.#tags.put([published], signal)).keys()];
        return !refused.some(tellsName);
      },
      toError: stopOf,
    });
    this.#mayHaveTexts = found.tags.has(HAS_TEXTS);
    if (run.root !== undefined && options.noFiles === undefined) this.#series = new SeriesFile(artifacts, run.root, isNew);
    if (facts.isFileStore) this.#held = new HeldMetrics(client, run.runId, isNew);
  }

  /** Whether the run holds texts, as far as it is known. */
  get mayHaveTexts(): boolean {
    return this.#mayHaveTexts || this.#tags.has(HAS_TEXTS);
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    this.#held?.begin(parcels.map(({ batch }) => batch));
    this.#names.begin();
    const jobs: Job[] = [];
    let stop: Stop['outcome'] | undefined;
    try {
      for (const parcel of parcels) {
        const job: Job = { parcel, prepared: prepare(parcel, this.#options), refusals: [] };
        await this.#store(job, signal);
        jobs.push(job);
      }
    } catch (error) {
      stop = outcomeOf(error, signal);
    }
    // What was prepared is carried to its end, so that a parcel before the one that failed is not sent again for
    // nothing.
    try {
      await this.#writeMetrics(jobs, signal);
      for (const job of jobs) if (job.failed === undefined) await this.#writeParams(job, signal);
    } catch (error) {
      const outcome = outcomeOf(error, signal);
      for (const job of jobs) if (!this.#isDone(job)) job.failed ??= outcome;
      stop ??= outcome;
    }
    const rest: Outcome = stop ?? { kind: 'retry', error: new MirrorError('MB9001', 'a parcel was skipped') };
    return parcels.map((_, i) => {
      const job = jobs[i];
      if (job === undefined) return rest;
      if (job.failed !== undefined) return job.failed;
      return { kind: 'accepted', points: pointCount(job.parcel.batch) - job.refusals.length, refusals: job.refusals };
    });
  }

  #isDone(job: Job): boolean {
    return job.prepared.metrics.every((metric) => metric.isSettled) && job.prepared.params.length === 0;
  }

  /**
   * Tags, files and segments of a parcel: all before its metrics, so that no metric stands for a point that is not
   * kept.
   */
  async #store(job: Job, signal: AbortSignal): Promise<void> {
    const { prepared, refusals } = job;
    for (const refusal of prepared.refusals) refusals.push(refusal);
    refuseUnnamed(job, await this.#tags.put(prepared.tags, signal));
    const root = this.#run.root;
    if (root === undefined) return;
    await this.#storeSeries(root, job.parcel, signal);
    if (prepared.lines.length === 0) return;
    const lost = new Map<string, Refusal>();
    await each(prepared.uploads, UPLOADS_AT_ONCE, async ({ path, data, isNeeded, offset, index }) => {
      const failure = await this.#put(root, path, data, signal);
      if (failure === undefined) return;
      if (isNeeded) lost.set(`${offset} ${index}`, refusalOf(offset, index, failure));
      else
        this.#warn('a file for display could not be stored; its point is stored exactly elsewhere', {
          path,
          reason: failure.error.message,
        });
    });
    await this.#removeObsolete(root, signal);
    await this.#storeNotes(root, prepared, signal);
    const lines = prepared.lines.filter(({ offset, index }) => !lost.has(`${offset} ${index}`));
    await this.#storeLines(root, lines, job.parcel.batch, lost, signal);
    for (const refusal of lost.values()) refusals.push(refusal);
    for (const metric of prepared.metrics) if (lost.has(`${metric.offset} ${metric.index}`)) metric.isSettled = true;
  }

  /** Lines of a parcel, where they are few in one file with those before them. */
  async #storeLines(
    root: string,
    lines: readonly SegmentLine[],
    batch: Batch,
    lost: Map<string, Refusal>,
    signal: AbortSignal,
  ): Promise<void> {
    const { run, file } = batch;
    const source = `${run.path}\n${file}`;
    const joined = this.#segments.join(source, lines);
    if (joined === undefined) return;
    const [segment, ...more] = segmentsOf(run, file, joined.pieces);
    if (segment === undefined || (more.length > 0 && joined.absorbed.length === 0)) {
      this.#segments.forget(source);
      await each(segmentsOf(run, file, lines), UPLOADS_AT_ONCE, async (own) => {
        await this.#putSegment(root, own, batch, lost, signal);
      });
      return;
    }
    if (joined.absorbed.length > 0) {
      const failure = await this.#put(root, segment.path, segment.data, signal);
      if (failure === undefined) {
        this.#segments.stored(source, segment.path, joined);
        return;
      }
      // Together they are too much for something: each as it is.
      this.#segments.forget(source);
    }
    for (const own of segmentsOf(run, file, lines)) {
      const isWhole = await this.#putSegment(root, own, batch, lost, signal);
      if (isWhole && own.lines.length === lines.length) this.#segments.stored(source, own.path, { pieces: lines, absorbed: [] });
    }
  }

  /** Texts for people: those of a tag that follow each other stand in one file. */
  async #storeNotes(root: string, { notes }: Prepared, signal: AbortSignal): Promise<void> {
    for (const [name, own] of Map.groupBy(notes, (note) => note.name)) {
      for (const some of cutLines(own, NOTES_BYTES)) {
        const joined = this.#notes.join(name, some);
        if (joined === undefined) continue;
        const path = notesPath(joined.pieces);
        const failure = await this.#put(root, path, Buffer.from(notesText(joined.pieces)), signal);
        if (failure === undefined) this.#notes.stored(name, path, joined);
        else
          this.#warn('a file for display could not be stored; its texts are stored exactly elsewhere', {
            path,
            reason: failure.error.message,
          });
      }
    }
  }

  /** Removes files whose content stands in others. Where that can't be done, they stay, and no more are made. */
  async #removeObsolete(root: string, signal: AbortSignal): Promise<void> {
    const paths = [...this.#segments.takeObsolete(), ...this.#notes.takeObsolete()];
    await each(paths, UPLOADS_AT_ONCE, async (path) => {
      const failure = this.#keepsAll ? undefined : await this.#artifacts.remove(root, path, signal);
      if (failure !== undefined && failure.error.retry === 'never') this.#keepsAll = true;
    });
    if (!this.#keepsAll) return;
    this.#segments.forgetAll();
    this.#notes.forgetAll();
  }

  /** Nothing more is expected for now: what is left of former files goes, and the memory. */
  async rest(signal: AbortSignal): Promise<void> {
    if (this.#run.root !== undefined) await this.#removeObsolete(this.#run.root, signal);
    this.#segments.forgetAll();
    this.#notes.forgetAll();
  }

  async #storeSeries(root: string, { batch, series }: TrackerParcel, signal: AbortSignal): Promise<void> {
    const data = await this.#series?.with(batch, series, signal);
    if (data === undefined) return;
    try {
      const failure = await this.#put(root, SERIES_FILE, data, signal);
      if (failure !== undefined) this.#warn('the metadata of series could not be stored', { reason: failure.error.message });
    } catch (error) {
      this.#series?.doubt();
      throw error;
    }
  }

  /** Whether all of it is stored as it is. */
  async #putSegment(root: string, segment: Segment, batch: Batch, lost: Map<string, Refusal>, signal: AbortSignal): Promise<boolean> {
    const failure = await this.#put(root, segment.path, segment.data, signal);
    if (failure === undefined) return true;
    const { lines } = segment;
    if (lines.length > 1) {
      const half = lines.length >> 1;
      for (const part of [lines.slice(0, half), lines.slice(half)]) {
        await this.#putSegment(root, segmentOf(batch.run, batch.file, part), batch, lost, signal);
      }
      return false;
    }
    const [line] = lines as readonly [SegmentLine];
    if (line.isMark) this.#warn('an event without a value could not be stored', { offset: line.offset, reason: failure.error.message });
    else lost.set(`${line.offset} ${line.index}`, refusalOf(line.offset, line.index, failure));
    return false;
  }

  /** Stores a file. What is for good comes back; all else stops the run for now. */
  async #put(root: string, path: string, data: Uint8Array, signal: AbortSignal): Promise<Failure | undefined> {
    if (this.#noFiles !== undefined) return notServed(this.#noFiles);
    const failure = await this.#artifacts.put(root, path, data, signal);
    if (failure === undefined) return undefined;
    if (failure.cause === 'notServed') {
      this.#noFiles = failure.error.message;
      return failure;
    }
    // A 500 stays a 500 for a name too long and for a file where a folder is; the second try was made already. But a
    // store of files that is away refuses any of them.
    const mayBeAbout = failure.cause === 'refused' || failure.cause === 'tooMuch' || failure.cause === 'internal';
    if (!mayBeAbout) throw stopOf(failure);
    const other = await tryFile(this.#artifacts, root, signal);
    if (other !== undefined) throw new Stop({ kind: 'retry', error: trouble(failure) });
    return failure;
  }

  /** Writes something small of a kind. Throws what is wrong. */
  async tryOut(kind: TrialKind, signal: AbortSignal): Promise<void> {
    if (kind === 'params') return await this.#params.tryOut(signal).catch(throwError);
    const { runId, root } = this.#run;
    const hasFiles = this.#options.noFiles === undefined && this.#noFiles === undefined;
    const failure =
      (kind === 'points' ? ((await tryTag(this.#client, runId, signal)) ?? (await tryMetric(this.#client, runId, signal))) : undefined) ??
      (hasFiles && root !== undefined ? await tryFile(this.#artifacts, root, signal) : undefined);
    if (failure !== undefined && failure.cause !== 'notServed') throw trouble(failure);
  }

  /** Metrics of all parcels in as few requests as they fit into, one after the other. */
  async #writeMetrics(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    let group: [Job, Metric][] = [];
    let bytes = 0;
    for (const job of jobs) {
      for (const metric of job.prepared.metrics) {
        if (metric.isSettled) continue;
        if (group.length >= METRICS_PER_REQUEST || bytes + metric.text.length * 2 > BYTES_PER_REQUEST) {
          await this.#write(group, { left: SEARCH_REQUESTS }, signal);
          group = [];
          bytes = 0;
        }
        group.push([job, metric]);
        bytes += Buffer.byteLength(metric.text) + 1;
      }
    }
    await this.#write(group, { left: SEARCH_REQUESTS }, signal);
  }

  /** One request; where it is refused, the points that are the cause are searched for. */
  async #write(all: readonly (readonly [Job, Metric])[], search: { left: number }, signal: AbortSignal): Promise<void> {
    let group = all.filter(([job]) => job.failed === undefined);
    for (;;) {
      if (group.length === 0) return;
      const metrics = group.map(([, metric]) => metric);
      this.#names.update(metrics);
      const fresh = this.#held === undefined ? metrics : await this.#held.missing(metrics, signal, stopOf);
      const reply =
        fresh.length === 0
          ? ({ kind: 'ok' } as const)
          : await this.#client.logMetrics(this.#run.runId, fresh.map(({ text }) => text).join(','), signal);
      if (reply.kind === 'ok') {
        this.#stumbles = 0;
        for (const metric of metrics) metric.isSettled = true;
        this.#names.confirm(metrics);
        return;
      }
      this.#held?.doubt();
      if (reply.cause === 'clash') {
        await this.#sortOut(group, reply, search, signal);
        return;
      }
      if (reply.cause === 'internal' && !(await this.#isSuspicious(group.length, search, signal))) throw stopOf(reply);
      if (reply.cause !== 'internal' && !isAboutContent(reply)) throw stopOf(reply);
      const named = reply.element?.list === 'metrics' ? fresh[reply.element.index] : undefined;
      const culprit = group.length === 1 ? group[0] : group.find(([, metric]) => metric === named);
      if (culprit !== undefined) {
        refuse(culprit, reply);
        group = group.filter((entry) => entry !== culprit);
      }
      if (--search.left <= 0) {
        for (const [job] of group) job.failed ??= { kind: 'rejected', error: reply.error };
        return;
      }
      if (culprit !== undefined) continue;
      // Between two parcels is the best place to part them: then each gets an outcome of its own.
      const border = group.findIndex(([job]) => job !== group[0]?.[0]);
      const half = border > 0 ? border : group.length >> 1;
      await this.#write(group.slice(0, half), search, signal);
      group = group.slice(half).filter(([job]) => job.failed === undefined);
    }
  }

  /**
   * Sends a group in parts where the server takes some of it for what it holds. A name that it takes for another one
   * gets a new one; what comes down to single points is looked up.
   */
  async #sortOut(group: readonly (readonly [Job, Metric])[], clash: Failure, search: { left: number }, signal: AbortSignal): Promise<void> {
    const metrics = group.map(([, metric]) => metric);
    const absent = await this.#names.absentOf(metrics, signal);
    const byName = partsByName(group, ([, metric]) => metric, absent);
    const [alone] = byName === undefined ? absent : [];
    if (alone !== undefined && (await this.#names.evade(alone, signal))) {
      await this.#write(group, search, signal);
      return;
    }
    const parts = byName ?? partsOf(group, ([, metric]) => metric);
    if (parts !== undefined) {
      for (const part of parts) await this.#write(part, search, signal);
      return;
    }
    const held = await heldOf(this.#client, this.#run.runId, metrics, stopOf, signal);
    for (const metric of held) metric.isSettled = true;
    const missing = group.filter(([, metric]) => !held.has(metric));
    if (group.length > 1) for (const entry of missing) await this.#write([entry], search, signal);
    else for (const entry of missing) await this.#writeOnce(entry, clash, signal);
  }

  /**
   * A point that is not there, though the server said so: another writer was at work, or its name is another one's to
   * this database.
   */
  async #writeOnce(entry: readonly [Job, Metric], clash: Failure, signal: AbortSignal): Promise<void> {
    const [, metric] = entry;
    const reply = await this.#client.logMetrics(this.#run.runId, metric.text, signal);
    if (reply.kind === 'ok') metric.isSettled = true;
    else if ((reply.cause === 'clash' || isAboutContent(reply)) && (await this.#takesMetrics(signal))) refuse(entry, clash);
    else throw stopOf(reply);
  }

  /** Whether it is our request that the server stumbles over: it did so again and again, and takes others. */
  async #isSuspicious(size: number, search: { left: number }, signal: AbortSignal): Promise<boolean> {
    const isSearching = search.left < SEARCH_REQUESTS;
    if (!isSearching && ++this.#stumbles < STUMBLES) return false;
    return size > 1 && isSearching ? true : this.#takesMetrics(signal);
  }

  /** Whether it is tags that the server stumbles over, each time they come. */
  async #isToBlame({ cause }: Failure, signal: AbortSignal): Promise<boolean> {
    if (cause !== 'internal' || ++this.#stumbles < STUMBLES) return false;
    return (await tryTag(this.#client, this.#run.runId, signal)) === undefined;
  }

  async #takesMetrics(signal: AbortSignal): Promise<boolean> {
    return (await tryMetric(this.#client, this.#run.runId, signal)) === undefined;
  }

  async #writeParams(job: Job, signal: AbortSignal): Promise<void> {
    const { params } = job.prepared;
    if (params.length === 0) return;
    await this.#params.putOfPoints(params, signal);
    params.length = 0;
  }

  /** Params that stand in files next to the event files. One answer each. */
  async setParams(params: readonly RunParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]> {
    const tags = new Map<string, string>();
    const names = new Names(this.#options.paramKeys, this.#options.facts, tags);
    const wanted = params.map(({ name, value }) => ({ key: names.of(name).key, value: paramText(value) }));
    const published = [...tags].map(([key, value]) => ({ key, value }));
    try {
      await this.#tags.put(published, signal);
      await this.#params.put(wanted, signal);
    } catch (error) {
      throwError(error);
    }
    return wanted.map((param) => this.#params.outcomeOf(param));
  }
}

function throwError(error: unknown): never {
  throw error instanceof Stop && error.outcome.kind !== 'rejected' ? error.outcome.error : error;
}

function outcomeOf(error: unknown, signal: AbortSignal): Stop['outcome'] {
  if (error instanceof Stop) return error.outcome;
  if (signal.aborted)
    return { kind: 'retry', error: new MirrorError('MB4001', 'sending was interrupted', { retry: 'later', cause: error }) };
  const known =
    error instanceof MirrorError ? error : new MirrorError('MB9001', `sending to MLflow: ${messageOf(error)}`, { cause: error });
  return { kind: known.retry === 'never' ? 'fatal' : 'retry', error: known };
}

/** What a failure is while nothing else of its kind is taken either. */
function laterOf(failure: Failure): Stop {
  return isAboutContent(failure) ? new Stop({ kind: 'retry', error: trouble(failure) }) : stopOf(failure);
}

/** Scalars whose name could not be said, and can't be read from their key, would come back under a wrong one. */
function refuseUnnamed({ prepared, refusals }: Job, unsaid: ReadonlyMap<string, Failure>): void {
  if (unsaid.size === 0) return;
  const lines = new Set(prepared.lines.map(({ offset, index }) => `${offset} ${index}`));
  for (const metric of prepared.metrics) {
    const failure = isCut(metric.key) && !metric.isDerived ? unsaid.get(publishedName(metric.key)) : undefined;
    if (failure === undefined) continue;
    metric.isSettled = true;
    const reason = `the tag ${publishedName(metric.key)}, which tells its name, was refused: ${reasonOf(failure.error)}`;
    if (!lines.has(`${metric.offset} ${metric.index}`)) refusals.push({ ...refusalOf(metric.offset, metric.index, failure), reason });
  }
}

function refuse([job, metric]: readonly [Job, Metric], failure: Failure): void {
  metric.isSettled = true;
  // A number derived from a point is no point.
  if (!metric.isDerived) job.refusals.push(refusalOf(metric.offset, metric.index, failure));
}

function refusalOf(offset: number, index: number, { cause, error }: Failure): Refusal {
  return { offset, index, kind: cause === 'notServed' ? 'unsupported' : 'refused', reason: reasonOf(error) };
}

function notServed(message: string): Failure {
  return { kind: 'failed', cause: 'notServed', status: undefined, error: new MirrorError('MB4007', message) };
}
