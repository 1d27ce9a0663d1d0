/** The offline sessions of a lane: created while it is offline, sent once it is online. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileMarks, isWhoseRun, numberedName } from '../../backend-kit/identity/index.ts';
import { inParts } from '../../backend-kit/sending/index.ts';
import type { FileMark, RunSource, Whose } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { contentOf } from './files.ts';
import type { SessionRef, TaskRef } from './handle.ts';
import { longName, plainProjectName, projectName } from './names.ts';
import { taskFolder } from './paths.ts';
import { readBack } from './read-back.ts';
import { Session, type SessionNote, sessionId } from './session.ts';
import type { ClearmlSettings } from './settings.ts';
import type { Artifact, EventSink } from './sink.ts';
import { FINGERPRINT, factsOfRun } from './task-facts.ts';

type OfflineSettings = Pick<ClearmlSettings, 'offlineFolder' | 'project' | 'taskName' | 'taskType'>;

/** Most sessions that are tried for one key before mirrorboard reports an error. */
const MOST_ATTEMPTS = 100;

/** The offline sessions of a lane. */
export class Sessions {
  readonly #settings: OfflineSettings;
  readonly #target: string;
  readonly #open = new Map<string, Session>();

  constructor(settings: OfflineSettings, target: string) {
    this.#settings = settings;
    this.#target = target;
  }

  #projectOf(source: RunSource): string {
    return (this.#settings.project ?? source.group) || 'mirrorboard';
  }

  /** Returns a session by its id; it may not exist. */
  at(id: string): Session {
    let session = this.#open.get(id);
    if (session === undefined) {
      session = new Session(this.#settings.offlineFolder, id, () => {
        throw new MirrorError('MB4006', `there is no offline session ${id} in ${this.#settings.offlineFolder}`);
      });
      this.#open.set(id, session);
    }
    return session;
  }

  /**
   * Opens the session of a run: the known one, or the one with its key if it is of the same files, else a new one.
   */
  async open(source: RunSource, known: TaskRef | SessionRef | undefined, signal: AbortSignal): Promise<Session> {
    const continues = known?.kind === 'task' ? known : undefined;
    // The note of a session cannot read files, so it leaves them out.
    const { files: _, ...kept } = source;
    const given = this.#projectOf(source);
    const project = projectName(given);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const id = sessionId(this.#target, plainProjectName(given), source.key, attempt);
      const name = this.#nameOf(source, attempt);
      const folder = taskFolder(project, name, id);
      const session = new Session(this.#settings.offlineFolder, id, () => this.#document(source, id, project, name));
      const found = session.note();
      const isKnown = known?.kind === 'session' && known.id === id;
      if (found !== undefined && !isKnown && (await whose(session, found.source, source, signal)).kind === 'other') continue;
      // A sent session is a task by now: the session continues from it, empty.
      const before = found?.sent ?? found?.continues ?? continues;
      const merged = {
        ...kept,
        fingerprint: FileMarks.of(found?.source.fingerprint ?? [])
          .with(source.fingerprint)
          .list(),
      };
      const note: SessionNote = { target: this.#target, source: merged, ...(before === undefined ? {} : { continues: before }) };
      const held = found === undefined ? await session.begin(note, folder) : found;
      // Another process may have begun the session just now.
      if (found === undefined && !isKnown && (await whose(session, held.source, source, signal)).kind === 'other') continue;
      if (held.sent !== undefined) {
        await session.clear();
        await session.remove();
        await session.begin(note, folder);
      } else if (found !== undefined && isNews(found.source, merged)) {
        await session.noteAgain({ ...held, source: merged });
      }
      this.#open.set(id, session);
      return session;
    }
    throw new MirrorError('MB4006', `too many offline sessions of ${source.name} in ${this.#settings.offlineFolder}`);
  }

  /** Adds files to those by which mirrorboard recognizes the run of a session. */
  async noteFiles(session: Session, marks: readonly FileMark[]): Promise<void> {
    const note = session.note();
    if (note === undefined) return;
    const fingerprint = FileMarks.of(note.source.fingerprint).with(marks).list();
    await session.noteAgain({ ...note, source: { ...note.source, fingerprint } });
  }

  /** Returns the sessions of this lane that wait to be sent. */
  waiting(): readonly Session[] {
    const { offlineFolder } = this.#settings;
    if (!existsSync(offlineFolder)) return [];
    return readdirSync(offlineFolder)
      .filter((name) => /^offline-[0-9a-f]{32}$/.test(name))
      .map((name) => this.at(name))
      .filter((session) => {
        const note = session.note();
        return note !== undefined && note.sent === undefined && note.target === this.#target;
      });
  }

  #nameOf(source: RunSource, attempt: number): string {
    const own = this.#settings.taskName?.replaceAll('{name}', source.name) ?? source.name;
    return longName(numberedName(own, attempt));
  }

  #document(source: RunSource, id: string, project: string, name: string): ReturnType<Session['task']> {
    const { runtime, ...facts } = factsOfRun(source);
    // The note holds the files by which mirrorboard recognizes the run, and their list grows.
    const { [FINGERPRINT]: _, ...known } = runtime;
    return {
      id,
      name,
      project_name: project,
      type: this.#settings.taskType,
      ...facts,
      runtime: known,
      hyperparams: {},
      configuration: {},
      script: {},
      execution: { artifacts: [] },
      offline_folder: join(this.#settings.offlineFolder, id),
      offline_output_models: [],
    };
  }
}

/** True if there are other files, or if a state was lost and made again. */
function isNews(before: RunSource, now: RunSource): boolean {
  const files = FileMarks.of(before.fingerprint);
  return before.instanceId !== now.instanceId || now.fingerprint.some((mark) => !files.has(mark));
}

/** Returns whose session it is, if it was found by its id alone. */
function whose(session: Session, { instanceId, fingerprint }: RunSource, source: RunSource, signal: AbortSignal): Promise<Whose> {
  const mark = { instance: instanceId, files: FileMarks.of(fingerprint) };
  return isWhoseRun({ mark, readBack: (during) => readBack(session, { signal: during }) }, source, signal);
}

/**
 * Sends everything that a session holds to a task. After a crash, a second send replaces the first: the keys are
 * those of a lane that was never offline.
 */
export async function sendSession(
  session: Session,
  sink: EventSink,
  refused: (error: MirrorError) => void,
  signal: AbortSignal,
): Promise<void> {
  const from = JSON.stringify(session.id);
  const to = JSON.stringify(sink.id);
  for await (const lines of session.lines()) {
    const events: string[] = [];
    for (const line of lines) {
      const text = line.replace(`"task":${from}`, `"task":${to}`);
      const sample = /,"key":("(?:[^"\\]|\\.)*"),"url":("(?:[^"\\]|\\.)*")\}$/.exec(text);
      if (sample === null) {
        events.push(text);
        continue;
      }
      const path = (JSON.parse(sample[1] as string) as string).slice(session.folder.length + 1);
      const data = await session.file(JSON.parse(sample[2] as string) as string);
      const url = await sink.put(path, contentOf(data), signal);
      events.push(`${text.slice(0, sample.index)},"key":${JSON.stringify(`${sink.folder}/${path}`)},"url":${JSON.stringify(url)}}`);
    }
    await addAll(sink, events, refused, signal);
  }
  const { hyperparams, configuration, execution, offline_folder: folder } = session.task();
  const params = Object.values(hyperparams).flatMap((section) => Object.values(section));
  if (params.length > 0) throwFailure(await sink.addParams(params, signal));
  const documents = Object.values(configuration);
  if (documents.length > 0) throwFailure(await sink.addDocuments(documents, signal));
  const prefix = `${folder}/data/${session.folder}/`;
  for (const artifact of execution.artifacts) {
    const uri = String(artifact['uri']);
    const path = uri.slice(prefix.length);
    const { content_type: contentType = '', preview = '' } = (artifact['type_data'] ?? {}) as Record<string, string>;
    const stored = uri.startsWith(prefix) ? await sink.put(path, await session.content(path, contentType), signal) : uri;
    const whole: Artifact = {
      key: String(artifact['key']),
      type: String(artifact['type']),
      uri: stored,
      hash: String(artifact['hash']),
      bytes: Number(artifact['content_size']),
      contentType,
      preview,
      timestamp: Number(artifact['timestamp']),
    };
    throwFailure(await sink.addArtifacts([whole], signal));
  }
}

/**
 * Sends all events. An event that the server never accepts does not hold back the others: they are sent in halves
 * until it is alone.
 */
async function addAll(sink: EventSink, all: readonly string[], refused: (error: MirrorError) => void, signal: AbortSignal): Promise<void> {
  await inParts<string, MirrorError>(all, {
    send: async (events) => {
      const reply = await sink.addEvents(events, signal);
      if (reply.kind === 'ok') return undefined;
      if (!['refused', 'internal', 'tooMuch'].includes(reply.cause)) throw reply.error;
      return reply.error;
    },
    alone: async (_, error) => {
      if ((await sink.tryEvent(signal)).kind !== 'ok') throw error;
      refused(error);
    },
  });
}

function throwFailure(reply: Awaited<ReturnType<EventSink['addParams']>>): void {
  if (reply.kind !== 'ok') throw reply.error;
}
