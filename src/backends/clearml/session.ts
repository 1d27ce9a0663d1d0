/**
 * An offline session: a folder that `Task.import_offline_session` of the official SDK (`clearml/task.py`) accepts. A
 * lane that goes online sends it itself. Events are appended with the same keys as online, so events that a crash has
 * doubled become one on import.
 */
import { constants, createReadStream, existsSync, readFileSync } from 'node:fs';
import { link, open, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nameHash } from '../../backend-kit/exact-points/index.ts';
import { piecesOf } from '../../backend-kit/index.ts';
import type { ArtifactOutcome, ModelVersion, RunEnd, RunSource } from '../../contract/index.ts';
import { MirrorError, messageOf, systemCode } from '../../errors.ts';
import type { ObjectContent } from '../../objects/index.ts';
import { flushFolderAsync, makeOwnFolder, NEW_FILE, ownFileMode, temporaryName } from '../../own-files/index.ts';
import type { ClearmlReply, Fields } from './answers.ts';
import type { EventSource } from './events.ts';
import type { TaskRef } from './handle.ts';
import type { Param } from './map.ts';
import type { Artifact, Document, EventSink } from './sink.ts';
import { splitArray } from './split-array.ts';

/**
 * Each line of the events' file becomes one request on import (`report_offline_session` in
 * `clearml/backend_interface/metrics/interface.py`).
 */
const EVENTS_PER_LINE = 500;
const BYTES_PER_LINE = 4 * 1024 * 1024;

/**
 * Our own list of models, next to the files that the SDK reads. The SDK's list has the original paths of model files,
 * which are wrong on any other machine.
 */
const MODELS = 'mirrorboard-models.json';

/** A note of ours, in addition to the files that the SDK reads. */
export interface SessionNote {
  /** The target of the lane. A lane with another target does not send the session. */
  readonly target: string;
  /** The facts that are needed to find or make the task later. */
  readonly source: RunSource;
  /** The task that the session continues: its points are not in the session. */
  readonly continues?: TaskRef;
  readonly end?: RunEnd;
  /** The task to which the whole session was sent. */
  readonly sent?: TaskRef;
}

/** A task as the offline session keeps it. */
export interface TaskDocument {
  readonly id: string;
  readonly name: string;
  readonly project_name: string;
  readonly type: string;
  readonly tags: readonly string[];
  readonly comment: string;
  readonly runtime: Readonly<Record<string, string>>;
  readonly hyperparams: Readonly<Record<string, Readonly<Record<string, Param>>>>;
  readonly configuration: Readonly<Record<string, Document>>;
  readonly script: Fields;
  readonly execution: { readonly artifacts: readonly Fields[] };
  readonly offline_folder: string;
  readonly offline_output_models: readonly unknown[];
}

/** Flags for the file that grows: it is ours, and not reached through a link. */
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

/** Returns the id of the offline session for a run's key: the same every time. */
export function sessionId(target: string, project: string, key: string, attempt: number): string {
  return `offline-${nameHash([target, project, key, attempt], 32)}`;
}

/** A folder with the data of an offline task, in the SDK's format. */
export class Session implements EventSink, EventSource {
  readonly id: string;
  readonly path: string;
  readonly #document: () => TaskDocument;
  #folder: string | undefined;
  /** True once the end of the events' file was checked: a process that died may have left an incomplete line. */
  #isComplete = false;

  /** `document`: makes the task's document if the session is new. */
  constructor(offlineFolder: string, id: string, document: () => TaskDocument) {
    this.id = id;
    this.path = join(offlineFolder, id);
    this.#document = document;
  }

  get folder(): string {
    if (this.#folder === undefined) {
      const { folder } = this.#readJson('mirrorboard-files.json') as { folder?: string };
      this.#folder = folder ?? '';
    }
    return this.#folder;
  }

  /** Reads the note of a session; undefined if the session does not exist. */
  note(): SessionNote | undefined {
    return existsSync(join(this.path, 'mirrorboard.json')) ? (this.#readJson('mirrorboard.json') as unknown as SessionNote) : undefined;
  }

  /** Begins a session. If another process was first, returns the note of that one. */
  async begin(note: SessionNote, filesFolder: string): Promise<SessionNote> {
    makeOwnFolder(join(this.path, 'data'));
    await this.#writeJson('mirrorboard-files.json', { folder: filesFolder });
    if (!existsSync(join(this.path, 'task.json'))) await this.#writeJson('task.json', this.#document());
    const own = temporaryName(join(this.path, 'mirrorboard.json'));
    await writeDurably(own, JSON.stringify(note, null, 1));
    try {
      await link(own, join(this.path, 'mirrorboard.json'));
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(own);
    }
    for (const folder of [this.path, dirname(this.path)]) await flushFolderAsync(folder);
    return this.note() ?? note;
  }

  async noteAgain(note: SessionNote): Promise<void> {
    await this.#writeJson('mirrorboard.json', note);
  }

  task(): TaskDocument {
    return this.#readJson('task.json') as unknown as TaskDocument;
  }

  async addEvents(lines: readonly string[]): Promise<ClearmlReply<unknown>> {
    return this.#kept(async () => {
      const path = join(this.path, 'metrics.jsonl');
      if (!this.#isComplete) await cutIncompleteLine(path);
      this.#isComplete = true;
      const isNew = !existsSync(path);
      const file = await open(path, APPEND, ownFileMode());
      try {
        await file.appendFile(arrayLines(lines));
        await file.datasync();
        if (isNew) await flushFolderAsync(this.path);
      } catch (error) {
        this.#isComplete = false;
        throw error;
      } finally {
        await file.close();
      }
    });
  }

  async put(path: string, content: ObjectContent): Promise<string> {
    const target = join(this.path, 'data', this.folder, path);
    try {
      makeOwnFolder(dirname(target));
      const part = temporaryName(target);
      try {
        const file = await open(part, NEW_FILE, ownFileMode());
        try {
          for await (const chunk of content.read()) await file.appendFile(chunk);
          await file.datasync();
        } finally {
          await file.close();
        }
        await rename(part, target);
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
      await flushFolderAsync(dirname(target));
    } catch (error) {
      throw this.#error(error);
    }
    return pathToFileURL(target).href;
  }

  async hasRoom(): Promise<boolean> {
    return true;
  }

  addArtifacts(artifacts: readonly Artifact[]): Promise<ClearmlReply<unknown>> {
    return this.#change((task) => {
      const all = new Map(task.execution.artifacts.map((artifact) => [String(artifact['key']), artifact]));
      for (const { key, type, uri, hash, bytes, contentType, preview, timestamp } of artifacts) {
        const type_data = { content_type: contentType, preview };
        all.set(key, { key, type, uri: this.#artifactUri(uri), mode: 'output', hash, content_size: bytes, timestamp, type_data });
      }
      return { ...task, execution: { artifacts: [...all.values()] } };
    });
  }

  addParams(params: readonly Param[]): Promise<ClearmlReply<unknown>> {
    return this.#change((task) => {
      const sections: Record<string, Record<string, Param>> = Object.fromEntries(
        Object.entries(task.hyperparams).map(([name, section]) => [name, { ...section }]),
      );
      for (const param of params) {
        sections[param.section] ??= {};
        // Defined, not assigned: a parameter may be called __proto__.
        Object.defineProperty(sections[param.section], param.name, { value: param, enumerable: true, configurable: true, writable: true });
      }
      return { ...task, hyperparams: sections };
    });
  }

  addDocuments(documents: readonly Document[]): Promise<ClearmlReply<unknown>> {
    return this.#change((task) => ({
      ...task,
      configuration: { ...task.configuration, ...Object.fromEntries(documents.map((document) => [document.name, document])) },
    }));
  }

  addScript(script: Fields): Promise<ClearmlReply<unknown>> {
    return this.#change((task) => ({ ...task, script: { ...task.script, ...script } }));
  }

  /** Returns the versions of models to register once there is a server. */
  models(): readonly ModelVersion[] {
    return existsSync(join(this.path, MODELS)) ? (this.#readJson(MODELS) as unknown as readonly ModelVersion[]) : [];
  }

  /** Keeps a version of a model, each once. Its file must be an artifact with exactly this content. */
  async addModel(version: ModelVersion): Promise<ArtifactOutcome> {
    const { path, hash } = version.file;
    const artifact = this.task().execution.artifacts.find((known) => known['key'] === path && known['hash'] === hash);
    if (artifact === undefined) return { kind: 'refused', reason: `the file ${path} is not an artifact of the session with this content` };
    const others = this.models().filter(({ model, file }) => model !== version.model || file.path !== path || file.hash !== hash);
    const reply = await this.#kept(() => this.#writeJson(MODELS, [...others, version]));
    if (reply.kind !== 'ok') throw reply.error;
    return { kind: 'stored', url: String(artifact['uri']) };
  }

  async tryEvent(): Promise<ClearmlReply<unknown>> {
    return { kind: 'ok', value: undefined };
  }

  /** Reads events of a type, each once: if the server would treat several as one, the last of them. */
  async *pages(type: string): AsyncGenerator<readonly Fields[]> {
    const last = new Map<string, Fields>();
    for await (const texts of this.lines()) {
      for (const text of texts) {
        const event = JSON.parse(text.replace(/("iter":)(-?\d{16,})/, '$1"$2"')) as Fields;
        if (event['type'] !== type) continue;
        last.set(JSON.stringify([event['iter'], event['metric'], event['variant'], event['key']]), event);
      }
    }
    yield [...last.values()];
  }

  /** Reads the events as they were written, in the order of the file. */
  async *lines(): AsyncGenerator<readonly string[]> {
    const path = join(this.path, 'metrics.jsonl');
    if (!existsSync(path)) return;
    const file = await open(path, 'r');
    try {
      let rest = '';
      for await (const chunk of file.createReadStream({ encoding: 'utf8', autoClose: false })) {
        const lines = `${rest}${chunk as string}`.split('\n');
        // The last one may be incomplete: the points in it were not accepted.
        rest = lines.pop() ?? '';
        for (const line of lines) yield splitArray(line);
      }
    } finally {
      await file.close();
    }
  }

  /** Returns a file of the session by its path below the task's folder. */
  async content(path: string, type: string): Promise<ObjectContent> {
    const file = join(this.path, 'data', this.folder, path);
    const { size } = await stat(file);
    return { bytes: size, type, read: (start = 0) => createReadStream(file, { start }) };
  }

  hasFile(): boolean {
    return true;
  }

  file(url: string): Promise<Buffer> {
    return readFile(pathOf(url));
  }

  async lengthOf(url: string): Promise<number | undefined> {
    const found = await stat(pathOf(url)).catch(() => undefined);
    return found?.size;
  }

  /** Removes what was sent, so that no tool imports it once more. */
  async clear(): Promise<void> {
    for (const name of ['task.json', 'metrics.jsonl', MODELS, 'data']) await rm(join(this.path, name), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  #artifactUri(url: string): string {
    const base = pathToFileURL(join(this.path, 'data')).href;
    return url.startsWith(base) ? `${this.path}/data${decodeURIComponent(url.slice(base.length))}` : url;
  }

  async #change(change: (task: TaskDocument) => TaskDocument): Promise<ClearmlReply<unknown>> {
    return this.#kept(() => this.#writeJson('task.json', change(this.task())));
  }

  async #kept(work: () => Promise<void>): Promise<ClearmlReply<unknown>> {
    try {
      await work();
      return { kind: 'ok', value: undefined };
    } catch (error) {
      return { kind: 'failed', cause: 'transient', error: this.#error(error) };
    }
  }

  #readJson(name: string): Fields {
    try {
      return JSON.parse(readFileSync(join(this.path, name), 'utf8')) as Fields;
    } catch (error) {
      throw new MirrorError('MB4006', `the offline session ${this.path} can't be read: ${messageOf(error)}`, { cause: error });
    }
  }

  async #writeJson(name: string, value: object): Promise<void> {
    const path = join(this.path, name);
    const part = temporaryName(path);
    await writeDurably(part, JSON.stringify(value, null, 1));
    await rename(part, path);
    await flushFolderAsync(this.path);
  }

  #error(error: unknown): MirrorError {
    return new MirrorError('MB4001', `writing the offline session ${this.path}: ${messageOf(error)}`, { retry: 'later', cause: error });
  }
}

/** Returns the path of a file. The SDK writes addresses in events, and paths in artifacts. */
function pathOf(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

function arrayLines(lines: readonly string[]): string {
  const pieces = piecesOf(lines, (line) => line.length, { bytes: BYTES_PER_LINE, count: EVENTS_PER_LINE });
  return pieces.map((piece) => `[${piece.join(',')}]\n`).join('');
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode: ownFileMode(), flush: true });
}

/**
 * Cuts off an incomplete last line. A crash may have interrupted the last append: no point of that line was accepted.
 */
async function cutIncompleteLine(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const piece = Buffer.alloc(64 * 1024);
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - piece.length);
      const { bytesRead } = await file.read(piece, 0, end - start, start);
      const at = piece.subarray(0, bytesRead).lastIndexOf(0x0a);
      if (at >= 0) {
        if (start + at + 1 < size) await file.truncate(start + at + 1);
        return;
      }
      end = start;
    }
    await file.truncate(0);
  } finally {
    await file.close();
  }
}
