/**
 * The ClearML backend: events for what ClearML shows, files beside them for what they can't hold; online, or into
 * offline sessions.
 */

import type {
  ArtifactDifference,
  ArtifactFile,
  ArtifactOutcome,
  Backend,
  BackendContext,
  BackendType,
  Capabilities,
  Dataset,
  FileMark,
  ForeignLook,
  Handle,
  ModelVersion,
  Outcome,
  OwnRun,
  ParamOutcome,
  Probe,
  ReadBackChunk,
  ReadBackOptions,
  RunEnd,
  RunParam,
  RunSource,
  TrackerParcel,
  TrialKind,
  WantedArtifacts,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { Said } from '../../http/index.ts';
import { compareArtifacts } from './compare-artifacts.ts';
import { handleOf, readHandle, type TaskRef } from './handle.ts';
import { CAPABILITIES } from './limits.ts';
import { Online } from './online.ts';
import { addSideParams, datasetParam, putSideFile } from './params-and-files.ts';
import { readBack } from './read-back.ts';
import { RunWriter } from './run-writer.ts';
import type { Session } from './session.ts';
import { Sessions } from './sessions.ts';
import { type ClearmlSettings, FIELDS, parseSettings } from './settings.ts';
import type { Sink } from './sink.ts';

class ClearmlBackend implements Backend {
  readonly #settings: ClearmlSettings;
  readonly #context: BackendContext;
  readonly #sessions: Sessions;
  /** Undefined where the lane is offline. */
  readonly #online: Online | undefined;
  readonly #writers = new Map<string, RunWriter>();
  readonly #stop = new AbortController();

  constructor(settings: ClearmlSettings, context: BackendContext) {
    this.#settings = settings;
    this.#context = context;
    this.#sessions = new Sessions(settings, targetOf(settings));
    this.#online = settings.mode === 'online' ? new Online(settings, this.#sessions, context) : undefined;
  }

  describe(): Capabilities {
    return CAPABILITIES;
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    if (this.#online !== undefined) return this.#online.probe(signal);
    const { offlineFolder } = this.#settings;
    const notes = [`The lane is offline: mirrorboard writes sessions to ${offlineFolder}, and sends them when it goes online.`];
    return { address: offlineFolder, version: undefined, clockSkewMs: undefined, notes };
  }

  async open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    const ref = known === undefined ? undefined : readHandle(known);
    if (this.#online !== undefined) return handleOf(await this.#online.open(source, ref, signal));
    if (source.joins !== undefined) throw new MirrorError('MB4006', 'an offline lane can add nothing to a task on a server');
    const session = await this.#sessions.open(source, ref, signal);
    return handleOf({ kind: 'session', id: session.id });
  }

  async noteFiles(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    if (this.#online === undefined) return this.#sessions.noteFiles(this.#session(handle), files);
    return this.#online.noteFiles(await this.#online.resolve(readHandle(handle), signal), files, signal);
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const byRun = Map.groupBy(parcels.entries(), ([, { handle }]) => handle);
    // Requests of one run follow each other; runs go side by side.
    await Promise.all(
      [...byRun].map(async ([handle, entries]) => {
        const own = entries.map(([, parcel]) => parcel);
        let sent: readonly Outcome[];
        try {
          sent = await (await this.#writer(handle, signal)).send(own, signal);
        } catch (cause) {
          const outcome = notReady(cause);
          sent = own.map(() => outcome);
        }
        for (const [k, [i]] of entries.entries()) outcomes[i] = sent[k] as Outcome;
        this.#online?.noteWork(handle);
      }),
    );
    return outcomes;
  }

  async *readBack(handle: Handle, options: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    if (this.#online !== undefined) {
      const signal = options.signal ?? this.#stop.signal;
      yield* readBack(this.#online.source(await this.#online.resolve(readHandle(handle), signal)), { ...options, signal });
      return;
    }
    yield* readBack(this.#wholeSession(handle), options);
  }

  async finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void> {
    if (this.#online !== undefined) return this.#online.finish(await this.#online.resolve(readHandle(handle), signal), end, signal);
    const session = this.#session(handle);
    const { end: _, ...note } = session.note() ?? { source: undefined };
    if (note.source !== undefined) await session.noteAgain({ ...note, ...(end === undefined ? {} : { end }) });
  }

  async tryOut(handle: Handle, kind: TrialKind, signal: AbortSignal): Promise<void> {
    await (await this.#writer(handle, signal)).tryOut(kind, signal);
  }

  async setParams(handle: Handle, params: readonly RunParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]> {
    const { sink } = await this.#writer(handle, signal);
    const session = this.#online === undefined ? this.#session(handle) : undefined;
    return addSideParams(
      sink,
      params,
      async (facts) => {
        if (session !== undefined) await session.addScript(facts.script);
        else await this.#online?.addFacts(sink.id, facts, signal);
      },
      signal,
    );
  }

  async putFile(handle: Handle, file: ArtifactFile, signal: AbortSignal): Promise<ArtifactOutcome> {
    const { sink } = await this.#writer(handle, signal);
    const known = await this.#online?.storedFile(sink.id, file, signal);
    if (known !== undefined) return { kind: 'stored', url: known };
    const session = this.#online === undefined ? this.#session(handle) : undefined;
    return putSideFile(
      sink,
      file,
      async (text) => {
        if (session !== undefined) await session.addScript({ requirements: { pip: text } });
        else await this.#online?.addPackages(sink.id, text, signal);
      },
      signal,
    );
  }

  async registerModel(handle: Handle, version: ModelVersion, signal: AbortSignal): Promise<ArtifactOutcome> {
    if (this.#online === undefined) return this.#session(handle).addModel(version);
    return this.#online.addModel(await this.#online.resolve(readHandle(handle), signal), version, signal);
  }

  async noteDataset(handle: Handle, dataset: Dataset, signal: AbortSignal): Promise<ArtifactOutcome> {
    const { sink } = await this.#writer(handle, signal);
    const reply = await sink.addParams([datasetParam(dataset)], signal);
    if (reply.kind === 'ok') return { kind: 'stored' };
    if (reply.cause === 'refused') return { kind: 'refused', reason: reply.error.message };
    throw reply.error;
  }

  async compareArtifacts(handle: Handle, wanted: WantedArtifacts, signal: AbortSignal): Promise<readonly ArtifactDifference[]> {
    if (this.#online !== undefined)
      return this.#online.compareArtifacts(await this.#online.resolve(readHandle(handle), signal), wanted, signal);
    const session = this.#wholeSession(handle);
    const task = new Said(session.task(), { what: 'reading an offline session', address: session.path });
    return compareArtifacts(task, wanted, session, signal);
  }

  /** Of a lane that is offline nobody asks the server; what still waits in a session is not there. */
  async foreign(own: readonly OwnRun[], signal: AbortSignal): Promise<AsyncIterable<ForeignLook> | undefined> {
    const tasks = own.flatMap(({ handle, ...stored }) => {
      const ref = readHandle(handle);
      const task = ref.kind === 'task' ? ref : this.#sentTask(ref.id);
      return task === undefined ? [] : [{ id: task.id, project: task.project, ...stored }];
    });
    return this.#online?.foreign(tasks, signal);
  }

  /** Sessions of runs that nothing more comes of wait for nobody else. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await this.#online?.sendWaiting(signal);
  }

  async remove(handle: Handle, signal: AbortSignal): Promise<void> {
    this.#writers.delete(handle);
    if (this.#online !== undefined) await this.#online.remove(await this.#online.resolve(readHandle(handle), signal), signal);
    else await this.#session(handle).remove();
  }

  link(handle: Handle): string | undefined {
    const ref = readHandle(handle);
    const task = ref.kind === 'task' ? ref : this.#sentTask(ref.id);
    const { webServer } = this.#settings;
    return task === undefined || webServer === undefined
      ? undefined
      : `${webServer}/projects/${task.project}/experiments/${task.id}/output/log`;
  }

  async close(): Promise<void> {
    this.#stop.abort(new MirrorError('MB4001', 'the backend was closed'));
    await this.#online?.close();
  }

  #sentTask(id: string): TaskRef | undefined {
    const note = this.#sessions.at(id).note();
    return note?.sent ?? note?.continues;
  }

  #session(handle: Handle): Session {
    const ref = readHandle(handle);
    if (ref.kind === 'session') return this.#sessions.at(ref.id);
    throw new MirrorError('MB4001', 'the data of this run is on the server, but the lane is offline', { retry: 'later' });
  }

  /** The same, where all of the run is in it. */
  #wholeSession(handle: Handle): Session {
    const session = this.#session(handle);
    const note = session.note();
    if ((note?.continues ?? note?.sent) === undefined) return session;
    throw new MirrorError('MB4001', 'a part of the data of this run is on the server, but the lane is offline', { retry: 'later' });
  }

  async #writer(handle: Handle, signal: AbortSignal): Promise<RunWriter> {
    let writer = this.#writers.get(handle);
    if (writer === undefined) {
      const sink: Sink =
        this.#online === undefined ? this.#session(handle) : this.#online.sink(await this.#online.resolve(readHandle(handle), signal));
      writer = new RunWriter(sink, this.#context.warn);
      this.#writers.set(handle, writer);
    }
    return writer;
  }
}

function notReady(cause: unknown): Outcome {
  const error =
    cause instanceof MirrorError ? cause : new MirrorError('MB4001', 'connecting to ClearML was interrupted', { retry: 'later', cause });
  if (error.code === 'MB4006') return { kind: 'runFatal', error };
  return error.retry === 'never' ? { kind: 'fatal', error } : { kind: 'retry', error };
}

/** The mode is no part of it: what was mirrored offline is the same lane's. */
function targetOf({ apiServer, project }: Pick<ClearmlSettings, 'apiServer' | 'project'>): string {
  const server = apiServer === '' ? 'clearml' : apiServer;
  return project === undefined ? server : `${server} ${project}`;
}

/** The kind of tracker that `type: clearml` names. */
export const clearml: BackendType<ClearmlSettings> = {
  type: 'clearml',
  fields: FIELDS,
  groupKeys: ['project', 'project_name'],
  parse: parseSettings,
  target: targetOf,
  async create(settings, context) {
    return new ClearmlBackend(settings, context);
  },
};

export type { ClearmlSettings } from './settings.ts';
