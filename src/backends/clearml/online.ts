/** An online lane: its server, its tasks, and the sessions from when it was offline. */

import { type Clock, systemClock } from '../../clock.ts';
import type {
  ArtifactDifference,
  ArtifactFile,
  ArtifactOutcome,
  BackendContext,
  FileMark,
  ForeignLook,
  Handle,
  ModelVersion,
  Probe,
  RunEnd,
  RunSource,
  WantedArtifacts,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { type AnswerFields, headerOf, valueOrThrow } from '../../http/index.ts';
import { systemRandom } from '../../random.ts';
import { artifactsIn, failureOf } from './answers.ts';
import { ClearmlClient } from './client.ts';
import { artifactDifference, artifactOf, compareArtifacts } from './compare-artifacts.ts';
import { type EventSource, type FileSource, taskEvents } from './events.ts';
import { BucketFiles, FileServer, type Files } from './files.ts';
import { foreignIn, type OwnTask } from './foreign.ts';
import { readHandle, type SessionRef, type TaskRef } from './handle.ts';
import { ClearmlHeartbeat } from './heartbeat.ts';
import { addModel } from './models.ts';
import { hasShortPart, projectName } from './names.ts';
import type { Facts } from './params-and-files.ts';
import { readBack } from './read-back.ts';
import type { Session } from './session.ts';
import { type Sessions, sendSession } from './sessions.ts';
import type { ClearmlSettings } from './settings.ts';
import { type Proof, TaskSink } from './task-sink.ts';
import { Tasks } from './tasks.ts';

const SKEW_MS = 60_000;

/** A lane that uses its server: tasks, writers and sessions that are sent. */
export class Online {
  readonly #settings: ClearmlSettings;
  readonly #sessions: Sessions;
  readonly #client: ClearmlClient;
  readonly #clock: Clock;
  readonly #files: Files;
  readonly #tasks: Tasks;
  readonly #warn: BackendContext['warn'];
  readonly #alive: ClearmlHeartbeat;
  readonly #proof: Proof = { line: undefined };
  /** Sessions on their way to the server. */
  readonly #sending = new Map<string, Promise<TaskRef>>();

  constructor(settings: ClearmlSettings, sessions: Sessions, { warn, clock = systemClock, random = systemRandom }: BackendContext) {
    this.#clock = clock;
    this.#settings = settings;
    this.#sessions = sessions;
    this.#warn = warn;
    this.#client = new ClearmlClient(settings, clock);
    const server = new FileServer(this.#client, settings, { clock, random });
    this.#files = settings.objects === undefined ? server : new BucketFiles(settings.objects, server);
    this.#tasks = new Tasks(this.#client, settings, {
      warn,
      clock,
      readBack: ({ id }, signal) => readBack(this.source({ id }), { signal }),
    });
    this.#alive = new ClearmlHeartbeat(
      async (task, signal) => void (await this.#client.call('keeping the task alive', 'tasks.ping', { task }, signal)),
      clock,
    );
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    const startedMs = this.#clock.wallMs();
    const looked = await this.#client.look(signal);
    if (looked.kind !== 'ok')
      throw failureOf(looked, 'looking for the API server', this.#client.address, this.#settings.extraRetryCodes).error;
    const notes: string[] = [];
    const { project } = this.#settings;
    // This is the first call that proves that the server accepts our credentials.
    const found = await this.#tasks.projects.lookUp(project ?? 'mirrorboard', signal);
    if (project !== undefined && found === undefined)
      notes.push(`The project ${projectName(project)} does not exist yet: mirrorboard will create it.`);
    if (project !== undefined && found?.name !== project && hasShortPart(project))
      notes.push(`The project is called ${found?.name ?? projectName(project)}: ClearML does not accept name parts under 3 characters.`);
    if (this.#files instanceof BucketFiles) await this.#files.probe(signal);
    const date = Date.parse(headerOf(looked.headers, 'date') ?? '');
    // Headers have whole seconds, so half a second is added as the average.
    const clockSkewMs = Number.isNaN(date) ? undefined : date + 500 - (startedMs + this.#clock.wallMs()) / 2;
    if (clockSkewMs !== undefined && Math.abs(clockSkewMs) > SKEW_MS) {
      notes.push(`The server's clock is ${Math.round(Math.abs(clockSkewMs) / 1000)} s ${clockSkewMs > 0 ? 'ahead of' : 'behind'} ours.`);
    }
    const waiting = this.#sessions.waiting().length;
    if (waiting > 0) notes.push(`Offline sessions that are sent when their runs are opened: ${waiting}.`);
    return { address: this.#client.address, version: this.#client.serverVersion, clockSkewMs, notes };
  }

  async open(source: RunSource, known: TaskRef | SessionRef | undefined, signal: AbortSignal): Promise<TaskRef> {
    // If the session was lost with its folder, mirrorboard finds the task by the run's key, or makes it.
    const task = known?.kind === 'session' ? await this.#sentOf(this.#sessions.at(known.id), signal) : known;
    const ref = await this.#tasks.open(source, task, signal);
    this.#alive.keep(ref.id);
    return ref;
  }

  /** Returns the task of a handle. Sends a session completely first. */
  async resolve(ref: TaskRef | SessionRef, signal: AbortSignal): Promise<TaskRef> {
    if (ref.kind === 'task') return ref;
    const session = this.#sessions.at(ref.id);
    const task = await this.#sentOf(session, signal);
    if (task !== undefined) return task;
    throw new MirrorError('MB4006', `the offline session ${session.path} no longer exists`, {
      hint: 'Restore it, or mirror the run again under another lane name.',
    });
  }

  /** Sends the sessions that wait, also those of runs that get no more data. */
  async sendWaiting(signal: AbortSignal): Promise<void> {
    for (const session of this.#sessions.waiting()) await this.#sentOf(session, signal);
  }

  sink(ref: TaskRef): TaskSink {
    return new TaskSink(this.#client, this.#files, ref, this.#proof);
  }

  source({ id }: Pick<TaskRef, 'id'>): EventSource {
    return {
      pages: (type, signal, tags) => taskEvents(this.#client, id, type, signal, tags),
      ...this.#fileSource,
    };
  }

  get #fileSource(): FileSource {
    return {
      hasFile: (url) => this.#files.has(url),
      file: (url, signal) => this.#files.get(url, signal),
      lengthOf: (url, signal) => this.#files.lengthOf(url, signal),
    };
  }

  async noteFiles({ id }: TaskRef, marks: readonly FileMark[], signal: AbortSignal): Promise<void> {
    await this.#tasks.noteFiles(id, marks, signal);
  }

  noteWork(handle: Handle): void {
    const ref = readHandle(handle);
    if (ref.kind === 'task') this.#alive.noteWork(ref.id);
  }

  async finish(ref: TaskRef, end: RunEnd | undefined, signal: AbortSignal): Promise<void> {
    // The task belongs to the process that opened it.
    if (ref.isJoined) return;
    const { status } = valueOrThrow(await this.#tasks.byId(ref.id, signal));
    if (status === 'published') {
      this.#warn('a ClearML task is published: its status is left alone', { task: ref.id });
      return;
    }
    if (end === undefined) {
      this.#alive.keep(ref.id);
      if (status !== 'in_progress') await this.#tasks.start(ref.id, signal, true);
      return;
    }
    this.#alive.drop(ref.id);
    const action = end.status === 'failed' ? 'tasks.failed' : 'tasks.completed';
    if (status === action.slice('tasks.'.length)) return;
    const body = {
      task: ref.id,
      force: true,
      status_reason: end.status === 'failed' ? 'its hyperparameter session failed' : 'the log ended',
    };
    valueOrThrow(await this.#client.call('ending the task', action, body, signal));
  }

  /** Returns the address of a file that is stored with exactly this content; undefined if there is none. */
  async storedFile(task: string, file: ArtifactFile, signal: AbortSignal): Promise<string | undefined> {
    const artifact = artifactOf(await this.#document(task, signal), file.path);
    if ((await artifactDifference(artifact, file, this.#fileSource, signal)) !== undefined) return undefined;
    return artifact?.text('uri');
  }

  async compareArtifacts({ id }: TaskRef, wanted: WantedArtifacts, signal: AbortSignal): Promise<readonly ArtifactDifference[]> {
    return compareArtifacts(await this.#document(id, signal), wanted, this.#fileSource, signal);
  }

  foreign(own: readonly OwnTask[], signal: AbortSignal): AsyncIterable<ForeignLook> {
    return foreignIn(this.#client, (task) => this.source(task), own, signal);
  }

  /** Adds facts to a task. The server replaces fields as a whole, so this call reads them first. */
  async addFacts(task: string, { script, host }: Facts, signal: AbortSignal): Promise<void> {
    const now = await this.#document(task, signal);
    const runtime = host === undefined ? {} : { runtime: { ...now.object('runtime').fields, 'mirrorboard/host': host } };
    const body = { task, force: true, script: { ...now.object('script').fields, ...script }, ...runtime };
    valueOrThrow(await this.#client.call('writing the environment of the run', 'tasks.edit', body, signal));
  }

  async addPackages(task: string, text: string, signal: AbortSignal): Promise<void> {
    const now = (await this.#document(task, signal)).object('script');
    const body = { task, force: true, script: { ...now.fields, requirements: { ...now.object('requirements').fields, pip: text } } };
    valueOrThrow(await this.#client.call('writing the packages', 'tasks.edit', body, signal));
  }

  addModel(ref: TaskRef, version: ModelVersion, signal: AbortSignal): Promise<ArtifactOutcome> {
    return addModel(this.#client, ref, version, signal);
  }

  /** Removes a task with its files. */
  async remove(ref: TaskRef, signal: AbortSignal): Promise<void> {
    this.#alive.drop(ref.id);
    const urls = new Set<string>();
    try {
      for await (const events of taskEvents(this.#client, ref.id, 'training_debug_image', signal))
        for (const { url } of events) if (typeof url === 'string') urls.add(url);
    } catch (error) {
      // The task is gone, or the server does not list all of its files: files that it does not list remain.
      if (!(error instanceof MirrorError) || error.code !== 'MB4006') throw error;
    }
    for (const artifact of artifactsIn(await this.#document(ref.id, signal))) urls.add(artifact.text('uri', ''));
    const reply = await this.#client.call('removing the task', 'tasks.delete', { task: ref.id, force: true }, signal);
    if (reply.kind !== 'ok' && reply.cause !== 'gone') throw reply.error;
    for (const url of urls) await this.#files.remove(url, signal);
  }

  async close(): Promise<void> {
    await this.#alive.close();
    await Promise.allSettled(this.#sending.values());
    await this.#files.close();
    await this.#client.close();
  }

  async #document(task: string, signal: AbortSignal): Promise<AnswerFields> {
    return valueOrThrow(await this.#client.call('looking at the task', 'tasks.get_by_id', { task }, signal)).object('task');
  }

  /**
   * Returns the task that a session was sent to, and sends it now if necessary. Returns undefined if there is no such
   * session.
   */
  async #sentOf(session: Session, signal: AbortSignal): Promise<TaskRef | undefined> {
    const note = session.note();
    if (note === undefined) return undefined;
    if (note.sent !== undefined) return note.sent;
    let sending = this.#sending.get(session.id);
    if (sending === undefined) {
      sending = this.#send(session, signal).finally(() => this.#sending.delete(session.id));
      this.#sending.set(session.id, sending);
    }
    return sending;
  }

  async #send(session: Session, signal: AbortSignal): Promise<TaskRef> {
    const note = session.note();
    if (note === undefined) throw new MirrorError('MB9001', `the offline session ${session.id} has no note`);
    const ref = await this.#tasks.open(note.source, note.continues, signal);
    const refused = ({ message }: MirrorError): void =>
      this.#warn('an event of an offline session was refused', { session: session.path, reason: message });
    await sendSession(session, this.sink(ref), refused, signal);
    const { script } = session.task();
    if (Object.keys(script).length > 0) {
      const now = (await this.#document(ref.id, signal)).object('script').fields;
      valueOrThrow(
        await this.#client.call(
          'writing the environment of the run',
          'tasks.edit',
          { task: ref.id, force: true, script: { ...now, ...script } },
          signal,
        ),
      );
    }
    for (const version of session.models()) {
      const outcome = await this.addModel(ref, version, signal);
      if (outcome.kind === 'stored') continue;
      this.#warn('a model of an offline session was not registered', {
        session: session.path,
        model: version.model,
        reason: outcome.reason,
      });
    }
    if (note.end !== undefined) await this.finish(ref, note.end, signal);
    await session.noteAgain({ ...note, sent: ref });
    await session.clear();
    return ref;
  }
}
