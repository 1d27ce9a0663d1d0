/** Runs in folders that the official `wandb sync` takes: one file of records each, and the files they name. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { messageOf, MirrorError } from '../../errors.ts';
import type { RunEnd } from '../contract.ts';
import { type Failure, failed, type Reply } from './answers.ts';
import type { RunChange, RunPath } from './client.ts';
import { SUMMARY_MS } from './limits.ts';
import type { RunFile } from './map.ts';
import { fileIn, type Folder, foldersIn, isSynced, markSynced, nextFolder } from './offline-folders.ts';
import type { RunPlace, RunPlaces, Summary } from './place.ts';
import { itemsOf, Kind, kindOf, readFiles, readRun, RecordWriter } from './records.ts';
import { RunConfig } from './run-config.ts';
import { FrameBuffer, scanRecords, writeAt } from './wandb-file.ts';

export class OfflinePlaces implements RunPlaces {
  readonly #dir: string;
  readonly #now: () => number;

  constructor(dir: string, now: () => number = Date.now) {
    this.#dir = dir;
    this.#now = now;
  }

  async find(path: RunPath): Promise<Reply<OfflineRun | undefined>> {
    return attempt(() => {
      const folders = foldersIn(this.#dir, path.id).filter((folder) => existsSync(fileIn(folder)));
      const folder = folders.at(-1);
      if (folder === undefined) return undefined;
      // A process may have died before it could mark what its new folder repeats.
      for (const older of folders.slice(0, -1)) markSynced(older);
      return OfflineRun.read(this.#dir, path, folder, this.#now);
    });
  }

  async create(
    path: RunPath,
    config: RunConfig,
    change: RunChange,
    startedAt: number,
  ): Promise<Reply<{ readonly place: OfflineRun; readonly isNew: boolean }>> {
    return attempt(() => ({ place: OfflineRun.begin(this.#dir, path, config, change, startedAt, this.#now), isNew: true }));
  }

  async close(): Promise<void> {}
}

/** What is in a folder's file. */
interface Content {
  readonly end: number;
  readonly lines: number;
  readonly exit: { readonly code: number; readonly start: number } | undefined;
}

export class OfflineRun implements RunPlace {
  readonly path: RunPath;
  readonly config: RunConfig;
  readonly replaces = true;
  readonly #dir: string;
  readonly #now: () => number;
  readonly #writer = new RecordWriter();
  readonly #summary: Map<string, string>;
  /** Files that a record names already. */
  readonly #named: Set<string>;
  #folder: Folder;
  #content: Content;
  #isSummaryWritten = true;
  #summaryMs = 0;

  private constructor(
    dir: string,
    path: RunPath,
    folder: Folder,
    now: () => number,
    found: { readonly config: RunConfig; readonly content: Content; readonly summary: Map<string, string>; readonly named: Set<string> },
  ) {
    this.#dir = dir;
    this.path = path;
    this.#folder = folder;
    this.#now = now;
    this.config = found.config;
    this.#content = found.content;
    this.#summary = found.summary;
    this.#named = found.named;
  }

  static read(dir: string, path: RunPath, folder: Folder, now: () => number): OfflineRun {
    const config = new RunConfig();
    const summary = new Map<string, string>();
    const named = new Set<string>();
    let [end, lines]: [number, number] = [0, 0];
    let exit: Content['exit'];
    let [entity, project] = [path.entity, path.project];
    for (const { data, start, end: behind } of scanRecords(fileIn(folder))) {
      end = behind;
      const kind = kindOf(data);
      if (kind === Kind.history) lines++;
      else if (kind === Kind.run) {
        const run = readRun(data);
        [entity, project] = [run.entity || entity, run.project || project];
        for (const [key, value] of run.config) config.set(key, value);
      } else if (kind === Kind.config) for (const [key, value] of itemsOf(data, kind)) config.set(key, value);
      else if (kind === Kind.summary) for (const [key, value] of itemsOf(data, kind)) summary.set(key, value);
      else if (kind === Kind.files) for (const name of readFiles(data)) named.add(name);
      else if (kind === Kind.exit) exit = { code: exitCodeOf(data), start };
    }
    return new OfflineRun(dir, { ...path, entity, project }, folder, now, { config, content: { end, lines, exit }, summary, named });
  }

  /** A new folder: its file is whole before it has its name. */
  static begin(dir: string, path: RunPath, config: RunConfig, change: RunChange, startedAt: number, now: () => number): OfflineRun {
    const folder = nextFolder(dir, path.id, now());
    const frames = new FrameBuffer(0);
    const writer = new RecordWriter();
    frames.add(writer.header());
    frames.add(writer.run(path, config, change, startedAt));
    for (const record of writer.metrics()) frames.add(record);
    const making = join(dir, `.making-${folder.began}-${folder.id}`);
    rmSync(making, { recursive: true, force: true });
    mkdirSync(join(making, 'files'), { recursive: true });
    writeAt(join(making, `run-${folder.id}.wandb`), 0, frames.bytes);
    renameSync(making, folder.path);
    const content = { end: frames.bytes.length, lines: 0, exit: undefined };
    return new OfflineRun(dir, path, folder, now, { config, content, summary: new Map(), named: new Set() });
  }

  get summary(): Summary {
    return this.#summary;
  }

  get link(): string {
    return this.#folder.path;
  }

  /** Whether its lines are waiting to be sent. */
  get isWaiting(): boolean {
    return !isSynced(this.#folder);
  }

  get storedLines(): number {
    return this.#content.lines;
  }

  markSynced(): void {
    markSynced(this.#folder);
  }

  async lineCount(): Promise<Reply<number | undefined>> {
    return { kind: 'ok', value: existsSync(fileIn(this.#folder)) ? this.#content.lines : undefined };
  }

  async append(firstLine: number, lines: readonly string[], summary: Summary): Promise<Failure | undefined> {
    const { lines: there } = this.#content;
    if (firstLine > there) {
      const message = `lines from ${firstLine} on were to be written to ${this.#folder.path}, and ${there} are there`;
      return failed('gone', message, { folder: this.#folder.path });
    }
    const reply = attempt(() => {
      this.#makeWritable();
      for (const [key, value] of summary) this.#summary.set(key, value);
      this.#isSummaryWritten = false;
      const frames = new FrameBuffer(this.#content.end);
      for (let number = there; number < firstLine + lines.length; number++) {
        frames.add(this.#writer.history(lines[number - firstLine] as string, number));
      }
      if (this.#now() - this.#summaryMs >= SUMMARY_MS) this.#addSummary(frames);
      this.#write(frames, Math.max(there, firstLine + lines.length));
    });
    return failureIn(await reply);
  }

  async *readLines(from: number, to: number): AsyncGenerator<string, void, void> {
    let number = 0;
    for (const { data } of scanRecords(fileIn(this.#folder))) {
      if (kindOf(data) !== Kind.history) continue;
      if (number >= to) return;
      if (number++ < from) continue;
      yield `{${itemsOf(data, Kind.history)
        .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
        .join(',')}}`;
    }
  }

  async putFiles(files: readonly RunFile[]): Promise<Failure | undefined> {
    if (files.length === 0) return undefined;
    return failureIn(
      await attempt(() => {
        this.#makeWritable();
        for (const { path, data } of files) writeWhole(join(this.#folder.path, 'files', path), data);
        const fresh = files.filter(({ path }) => !this.#named.has(path));
        if (fresh.length === 0) return;
        const frames = new FrameBuffer(this.#content.end);
        frames.add(this.#writer.files(fresh));
        this.#write(frames, this.#content.lines);
        for (const { path } of fresh) this.#named.add(path);
      }),
    );
  }

  async fileLengths(): Promise<Reply<ReadonlyMap<string, number>>> {
    return attempt(() => {
      const root = join(this.#folder.path, 'files');
      const entries = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return new Map(files.map((file) => [relative(root, file).split(sep).join('/'), statSync(file).size]));
    });
  }

  async readFile(name: string): Promise<Reply<Buffer | undefined>> {
    const file = join(this.#folder.path, 'files', name);
    return attempt(() => (existsSync(file) ? readFileSync(file) : undefined));
  }

  async save(_change?: Omit<RunChange, 'config'>): Promise<Failure | undefined> {
    return failureIn(
      await attempt(() => {
        this.#makeWritable();
        const frames = new FrameBuffer(this.#content.end);
        frames.add(this.#writer.config(this.config));
        this.#write(frames, this.#content.lines);
      }),
    );
  }

  async finish(end: RunEnd | undefined): Promise<Failure | undefined> {
    return failureIn(
      await attempt(() => {
        if (end === undefined) {
          this.#makeWritable();
          return;
        }
        const code = end.status === 'failed' ? 1 : 0;
        if (this.#content.exit?.code === code) return;
        this.#makeWritable();
        const frames = new FrameBuffer(this.#content.end);
        this.#addSummary(frames);
        const start = this.#content.end + frames.bytes.length;
        frames.add(this.#writer.exit(code));
        this.#write(frames, this.#content.lines);
        this.#content = { ...this.#content, exit: { code, start } };
      }),
    );
  }

  async remove(): Promise<Failure | undefined> {
    return failureIn(
      await attempt(() => {
        for (const { path } of foldersIn(this.#dir, this.path.id)) rmSync(path, { recursive: true, force: true });
      }),
    );
  }

  async beat(): Promise<void> {}

  async flush(): Promise<void> {
    if (this.#isSummaryWritten || this.#content.exit !== undefined || !existsSync(fileIn(this.#folder)) || isSynced(this.#folder)) return;
    const frames = new FrameBuffer(this.#content.end);
    this.#addSummary(frames);
    this.#write(frames, this.#content.lines);
  }

  /**
   * A file that has ended, or was sent, is not written to any more: a sync sends a file from its first line, and only once. So a new folder
   * repeats all of it, and the old one is marked as if it had been sent.
   */
  #makeWritable(): void {
    if (!existsSync(fileIn(this.#folder))) {
      const message = `the folder ${this.#folder.path} is not there any more`;
      throw new MirrorError('MB4006', message, { hint: 'Put it back, or set rebuild: true to begin a new run.' });
    }
    const { exit, end } = this.#content;
    if (exit === undefined && !isSynced(this.#folder)) return;
    const next = nextFolder(this.#dir, this.path.id, this.#now());
    const making = join(this.#dir, `.making-${next.began}-${next.id}`);
    rmSync(making, { recursive: true, force: true });
    mkdirSync(join(making, 'files'), { recursive: true });
    const file = join(making, `run-${next.id}.wandb`);
    copyFileSync(fileIn(this.#folder), file);
    const whole = exit?.start ?? end;
    truncateSync(file, whole);
    const old = join(this.#folder.path, 'files');
    for (const name of existsSync(old) ? readdirSync(old, { recursive: true, withFileTypes: true }) : []) {
      if (!name.isFile()) continue;
      const from = join(name.parentPath, name.name);
      const to = join(making, 'files', relative(old, from));
      mkdirSync(dirname(to), { recursive: true });
      shareFile(from, to);
    }
    renameSync(making, next.path);
    markSynced(this.#folder);
    this.#folder = next;
    this.#content = { ...this.#content, end: whole, exit: undefined };
  }

  #addSummary(frames: FrameBuffer): void {
    if (this.#isSummaryWritten) return;
    frames.add(this.#writer.summary(this.#summary));
    this.#isSummaryWritten = true;
    this.#summaryMs = this.#now();
  }

  #write(frames: FrameBuffer, lines: number): void {
    const { bytes } = frames;
    writeAt(fileIn(this.#folder), this.#content.end, bytes);
    this.#content = { ...this.#content, end: this.#content.end + bytes.length, lines };
  }
}

/** The number in the first field of the message; 0 where it is left out. */
function exitCodeOf(record: Uint8Array): number {
  // Kind and length take three bytes; a code that is not zero follows its tag.
  const at = record.indexOf(8, 3);
  return at === 3 ? (record[4] ?? 0) : 0;
}

function writeWhole(path: string, data: Uint8Array): void {
  if (existsSync(path) && statSync(path).size === data.length && readFileSync(path).equals(data)) return;
  mkdirSync(dirname(path), { recursive: true });
  const making = `${path}.making`;
  writeFileSync(making, data, { flush: true });
  renameSync(making, path);
}

/** One content under two names, where the file system can; these files are never changed, only replaced. */
function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

async function attempt<T>(work: () => T): Promise<Reply<T>> {
  try {
    return { kind: 'ok', value: work() };
  } catch (cause) {
    if (cause instanceof MirrorError) return { kind: 'failed', cause: 'gone', error: cause };
    const error = new MirrorError('MB4004', `writing an offline run: ${messageOf(cause)}`, { retry: 'later', cause });
    return { kind: 'failed', cause: 'transient', error };
  }
}

function failureIn(reply: Reply<unknown>): Failure | undefined {
  return reply.kind === 'ok' ? undefined : reply;
}
