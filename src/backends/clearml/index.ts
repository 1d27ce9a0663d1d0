/**
 * The ClearML backend: events for what ClearML shows, and files for what events cannot hold. It works online, or
 * writes offline sessions.
 */

import { outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { sendByRun } from '../../backend-kit/sending/index.ts';
import type {
  Backend,
  BackendContext,
  BackendType,
  Call,
  Handle,
  Outcome,
  ReadBackChunk,
  ReadBackOptions,
  TrackerParcel,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { AnswerFields } from '../../http/index.ts';
import { compareArtifacts } from './compare-artifacts.ts';
import { handleOf, readHandle, type TaskRef } from './handle.ts';
import { CAPABILITIES } from './limits.ts';
import { Online } from './online.ts';
import { addFileParams, datasetParam, putArtifact } from './params-and-files.ts';
import { readBack } from './read-back.ts';
import { ClearmlRunWriter } from './run-writer.ts';
import type { Session } from './session.ts';
import { Sessions } from './sessions.ts';
import { type ClearmlSettings, FIELDS, parseSettings } from './settings.ts';
import type { EventSink } from './sink.ts';

class ClearmlBackend implements Backend {
  readonly #settings: ClearmlSettings;
  readonly #context: BackendContext;
  readonly #sessions: Sessions;
  /** Undefined if the lane is offline. */
  readonly #online: Online | undefined;
  readonly #writers = new Map<string, ClearmlRunWriter>();
  readonly #stop = new AbortController();

  constructor(settings: ClearmlSettings, context: BackendContext) {
    this.#settings = settings;
    this.#context = context;
    this.#sessions = new Sessions(settings, targetOf(settings));
    this.#online = settings.mode === 'online' ? new Online(settings, this.#sessions, context) : undefined;
  }

  readonly describe: Call<'describe'> = () => {
    return CAPABILITIES;
  };

  readonly probe: Call<'probe'> = async (signal) => {
    if (this.#online !== undefined) return this.#online.probe(signal);
    const { offlineFolder } = this.#settings;
    const notes = [`The lane is offline: mirrorboard writes sessions to ${offlineFolder}, and sends them when it goes online.`];
    return { address: offlineFolder, version: undefined, clockSkewMs: undefined, notes };
  };

  readonly open: Call<'open'> = async (source, known, signal) => {
    const ref = known === undefined ? undefined : readHandle(known);
    if (this.#online !== undefined) return handleOf(await this.#online.open(source, ref, signal));
    if (source.joins !== undefined) throw new MirrorError('MB4006', 'an offline lane can add nothing to a task on a server');
    const session = await this.#sessions.open(source, ref, signal);
    return handleOf({ kind: 'session', id: session.id });
  };

  readonly noteFiles: Call<'noteFiles'> = async (handle, files, signal) => {
    if (this.#online === undefined) return this.#sessions.noteFiles(this.#session(handle), files);
    return this.#online.noteFiles(await this.#online.resolve(readHandle(handle), signal), files, signal);
  };

  readonly send: Call<'send'> = async (parcels, signal) => {
    const send = async (handle: Handle, own: readonly TrackerParcel[]): Promise<readonly Outcome[]> => {
      const sent = await (await this.#writer(handle, signal)).send(own, signal);
      this.#online?.noteWork(handle);
      return sent;
    };
    return sendByRun(parcels, send, (thrown) => outcomeOfThrown(thrown, signal, 'ClearML'));
  };

  async *readBack(handle: Handle, options: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    if (this.#online !== undefined) {
      const signal = options.signal ?? this.#stop.signal;
      yield* readBack(this.#online.source(await this.#online.resolve(readHandle(handle), signal)), { ...options, signal });
      return;
    }
    yield* readBack(this.#wholeSession(handle), options);
  }

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    if (this.#online !== undefined) return this.#online.finish(await this.#online.resolve(readHandle(handle), signal), end, signal);
    const session = this.#session(handle);
    const { end: _, ...note } = session.note() ?? { source: undefined };
    if (note.source !== undefined) await session.noteAgain({ ...note, ...(end === undefined ? {} : { end }) });
  };

  readonly tryOut: Call<'tryOut'> = async (handle, kind, signal) => {
    await (await this.#writer(handle, signal)).tryOut(kind, signal);
  };

  readonly setParams: Call<'setParams'> = async (handle, params, signal) => {
    const { sink } = await this.#writer(handle, signal);
    const session = this.#online === undefined ? this.#session(handle) : undefined;
    return addFileParams(
      sink,
      params,
      async (facts) => {
        if (session !== undefined) await session.addScript(facts.script);
        else await this.#online?.addFacts(sink.id, facts, signal);
      },
      signal,
    );
  };

  readonly putFile: Call<'putFile'> = async (handle, file, signal) => {
    const { sink } = await this.#writer(handle, signal);
    const known = await this.#online?.storedFile(sink.id, file, signal);
    if (known !== undefined) return { kind: 'stored', url: known };
    const session = this.#online === undefined ? this.#session(handle) : undefined;
    return putArtifact(
      sink,
      file,
      async (text) => {
        if (session !== undefined) await session.addScript({ requirements: { pip: text } });
        else await this.#online?.addPackages(sink.id, text, signal);
      },
      signal,
    );
  };

  readonly registerModel: Call<'registerModel'> = async (handle, version, signal) => {
    if (this.#online === undefined) return this.#session(handle).addModel(version);
    return this.#online.addModel(await this.#online.resolve(readHandle(handle), signal), version, signal);
  };

  readonly noteDataset: Call<'noteDataset'> = async (handle, dataset, signal) => {
    const { sink } = await this.#writer(handle, signal);
    const reply = await sink.addParams([datasetParam(dataset)], signal);
    if (reply.kind === 'ok') return { kind: 'stored' };
    if (reply.cause === 'refused') return { kind: 'refused', reason: reply.error.message };
    throw reply.error;
  };

  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, wanted, signal) => {
    if (this.#online !== undefined)
      return this.#online.compareArtifacts(await this.#online.resolve(readHandle(handle), signal), wanted, signal);
    const session = this.#wholeSession(handle);
    const task = new AnswerFields(session.task(), { what: 'reading an offline session', address: session.path });
    return compareArtifacts(task, wanted, session, signal);
  };

  /**
   * Lists foreign content; undefined if the lane is offline, because mirrorboard does not ask the server then. Data
   * that still waits in a session is not included.
   */
  readonly foreign: Call<'foreign'> = async (own, signal) => {
    const tasks = own.flatMap(({ handle, ...stored }) => {
      const ref = readHandle(handle);
      const task = ref.kind === 'task' ? ref : this.#sentTask(ref.id);
      return task === undefined ? [] : [{ id: task.id, project: task.project, ...stored }];
    });
    return this.#online?.foreign(tasks, signal);
  };

  /** Sends the sessions that wait. Those of ended runs need no other run to be opened. */
  readonly catchUp: Call<'catchUp'> = async (signal) => {
    await this.#online?.sendWaiting(signal);
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    this.#writers.delete(handle);
    if (this.#online !== undefined) await this.#online.remove(await this.#online.resolve(readHandle(handle), signal), signal);
    else await this.#session(handle).remove();
  };

  readonly link: Call<'link'> = (handle) => {
    const ref = readHandle(handle);
    const task = ref.kind === 'task' ? ref : this.#sentTask(ref.id);
    const { webServer } = this.#settings;
    return task === undefined || webServer === undefined
      ? undefined
      : `${webServer}/projects/${task.project}/experiments/${task.id}/output/log`;
  };

  readonly close: Call<'close'> = async () => {
    this.#stop.abort(new MirrorError('MB4001', 'the backend was closed'));
    await this.#online?.close();
  };

  #sentTask(id: string): TaskRef | undefined {
    const note = this.#sessions.at(id).note();
    return note?.sent ?? note?.continues;
  }

  #session(handle: Handle): Session {
    const ref = readHandle(handle);
    if (ref.kind === 'session') return this.#sessions.at(ref.id);
    throw new MirrorError('MB4001', 'the data of this run is on the server, but the lane is offline', { retry: 'later' });
  }

  /** Returns the session of a handle if it holds the whole run. */
  #wholeSession(handle: Handle): Session {
    const session = this.#session(handle);
    const note = session.note();
    if ((note?.continues ?? note?.sent) === undefined) return session;
    throw new MirrorError('MB4001', 'a part of the data of this run is on the server, but the lane is offline', { retry: 'later' });
  }

  async #writer(handle: Handle, signal: AbortSignal): Promise<ClearmlRunWriter> {
    let writer = this.#writers.get(handle);
    if (writer === undefined) {
      const sink: EventSink =
        this.#online === undefined ? this.#session(handle) : this.#online.sink(await this.#online.resolve(readHandle(handle), signal));
      writer = new ClearmlRunWriter(sink, this.#context.warn);
      this.#writers.set(handle, writer);
    }
    return writer;
  }
}

/**
 * Names the target of a lane. The mode is not part of the name: what was mirrored offline belongs to the same lane.
 */
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
