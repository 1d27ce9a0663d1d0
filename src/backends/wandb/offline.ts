/**
 * Runs in folders that the official `wandb sync` takes: one file of records each, and the files they name. Longer
 * than other files: which folder a line goes to, and when a new one is begun, hang on the same few facts as the
 * writing itself.
 */

import {
  constants,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Clock, systemClock } from '../../clock.ts';
import type { RunEnd } from '../../contract/index.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import type { BodyStream } from '../../http/index.ts';
import { flushFolder, makeOwnFolder, ownFileMode, ownFolderMode, replaceOwnFile } from '../../own-files/index.ts';
import { type Random, systemRandom } from '../../random.ts';
import { type Failure, failed, type Reply } from './answers.ts';
import type { RunChange, RunPath } from './client.ts';
import { SUMMARY_MS } from './limits.ts';
import type { StoredFile } from './map.ts';
import { type Folder, fileIn, foldersIn, isSynced, markSynced, nextFolder } from './offline-folders.ts';
import type { RunPlace, RunPlaces, Summary } from './place.ts';
import { itemsOf, Kind, kindOf, RecordWriter, type RunFacts, readFiles, readRun } from './records.ts';
import { RunConfig } from './run-config.ts';
import { FrameBuffer, scanRecords, writeAt } from './wandb-file.ts';

/** Lines of a run that are at the server, from the first on. */
export type Elsewhere = (path: RunPath, from: number, to: number, signal: AbortSignal) => AsyncGenerator<string, void, void>;

/** The time that folders are named by, and the names of files that are being written. */
interface TimeAndChance {
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens runs in folders that `wandb sync` uploads. */
export class OfflinePlaces implements RunPlaces {
  readonly #dir: string;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #time: TimeAndChance;

  /** `elsewhere`: lines that no folder has any more. */
  constructor(dir: string, elsewhere?: Elsewhere, time: TimeAndChance = { clock: systemClock, random: systemRandom }) {
    this.#dir = dir;
    this.#elsewhere = elsewhere;
    this.#time = time;
  }

  async find(path: RunPath): Promise<Reply<OfflineRun | undefined>> {
    return attempt(() => {
      const folders = foldersIn(this.#dir, path.id).filter((folder) => existsSync(fileIn(folder)));
      const folder = folders.at(-1);
      if (folder === undefined) return undefined;
      // A process may have died before it could mark what its new folder repeats.
      for (const older of folders.slice(0, -1)) markSynced(older);
      return OfflineRun.read(this.#dir, path, folder, this.#time, this.#elsewhere);
    });
  }

  async create(
    path: RunPath,
    config: RunConfig,
    change: RunChange,
    startedAt: number,
  ): Promise<Reply<{ readonly place: OfflineRun; readonly isNew: boolean }>> {
    const facts = { change, startedAt };
    return attempt(() => ({ place: OfflineRun.begin(this.#dir, path, config, facts, this.#time, this.#elsewhere), isNew: true }));
  }

  async close(): Promise<void> {}
}

/** What is in a folder's file. */
interface Content {
  readonly end: number;
  /** The number of its first line: those before it are in other folders, or at the server. */
  readonly first: number;
  readonly lines: number;
  readonly exit: { readonly code: number; readonly start: number } | undefined;
}

/** A run that is written to an offline folder. */
export class OfflineRun implements RunPlace {
  readonly path: RunPath;
  readonly config: RunConfig;
  readonly replaces = true;
  /** Nobody waits for a folder. */
  readonly isBeatDue = false;
  readonly lastEventMs = 0;
  readonly #dir: string;
  readonly #time: TimeAndChance;
  readonly #writer = new RecordWriter();
  readonly #summary: Map<string, string>;
  /** Files that a record names already. */
  readonly #named: Set<string>;
  readonly #facts: RunFacts;
  readonly #elsewhere: Elsewhere | undefined;
  #folder: Folder;
  #content: Content;
  /** Where the next line goes, if not behind the last one. */
  #skipped = 0;
  #isSummaryWritten = true;
  #summaryMs = 0;

  private constructor(
    dir: string,
    path: RunPath,
    folder: Folder,
    time: TimeAndChance,
    elsewhere: Elsewhere | undefined,
    found: {
      readonly config: RunConfig;
      readonly facts: RunFacts;
      readonly content: Content;
      readonly summary: Map<string, string>;
      readonly named: Set<string>;
    },
  ) {
    this.#dir = dir;
    this.path = path;
    this.#folder = folder;
    this.#time = time;
    this.#elsewhere = elsewhere;
    this.config = found.config;
    this.#facts = found.facts;
    this.#content = found.content;
    this.#summary = found.summary;
    this.#named = found.named;
  }

  static read(dir: string, path: RunPath, folder: Folder, time: TimeAndChance, elsewhere?: Elsewhere): OfflineRun {
    const config = new RunConfig();
    const summary = new Map<string, string>();
    const named = new Set<string>();
    let [end, first, lines] = [0, 0, 0];
    let exit: Content['exit'];
    let [entity, project] = [path.entity, path.project];
    let facts: RunFacts = { change: {}, startedAt: 0 };
    for (const { data, start, end: behind } of scanRecords(fileIn(folder))) {
      end = behind;
      const kind = kindOf(data);
      if (kind === Kind.history) lines++;
      else if (kind === Kind.run) {
        const run = readRun(data);
        [entity, project] = [run.entity || entity, run.project || project];
        facts = { change: run.change, startedAt: run.startedAt };
        first = run.firstLine;
        for (const [key, value] of run.config) config.set(key, value);
      } else if (kind === Kind.config) for (const [key, value] of itemsOf(data, kind)) config.set(key, value);
      else if (kind === Kind.summary) for (const [key, value] of itemsOf(data, kind)) summary.set(key, value);
      else if (kind === Kind.files) for (const name of readFiles(data)) named.add(name);
      else if (kind === Kind.exit) exit = { code: exitCodeOf(data), start };
    }
    const found = { config, facts, content: { end, first, lines, exit }, summary, named };
    return new OfflineRun(dir, { ...path, entity, project }, folder, time, elsewhere, found);
  }

  /** A new folder: its file is whole before it has its name. */
  static begin(dir: string, path: RunPath, config: RunConfig, facts: RunFacts, time: TimeAndChance, elsewhere?: Elsewhere): OfflineRun {
    const { folder, end } = newFolder(dir, path, config, facts, 0, time.clock.wallMs());
    const content = { end, first: 0, lines: 0, exit: undefined };
    return new OfflineRun(dir, path, folder, time, elsewhere, { config, facts, content, summary: new Map(), named: new Set() });
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

  /** A run of which lines were sent before its first folder was begun may have files and params there, too. */
  get isWhole(): boolean {
    const [first] = foldersIn(this.#dir, this.path.id).filter((folder) => existsSync(fileIn(folder)));
    return first !== undefined && firstLineOf(fileIn(first)) === 0;
  }

  get firstLine(): number {
    return this.#content.first;
  }

  /**
   * Lines up to this one are at the server, not in a folder: a sync puts a folder's lines behind those that the
   * server has.
   */
  skipTo(line: number): Failure | undefined {
    const { first, lines } = this.#content;
    if (lines > 0 && this.isWaiting) {
      const message = `${line} lines of the W&B run ${this.path.id} were sent, and ${this.#folder.path} has those up to ${first + lines}, which were never sent`;
      return failed('gone', message, { folder: this.#folder.path });
    }
    this.#skipped = line;
    return undefined;
  }

  markSynced(): void {
    markSynced(this.#folder);
  }

  async lineCount(_hoped: number): Promise<Reply<number | undefined>> {
    return { kind: 'ok', value: existsSync(fileIn(this.#folder)) ? this.#next : undefined };
  }

  /** Who joins a run that something else opened finds it at the server. */
  async lastRow(): Promise<Reply<undefined>> {
    return { kind: 'ok', value: undefined };
  }

  get #next(): number {
    return Math.max(this.#content.first + this.#content.lines, this.#skipped);
  }

  async append(firstLine: number, lines: readonly string[], summary: Summary): Promise<Failure | undefined> {
    const there = this.#next;
    if (firstLine > there) {
      const message = `lines from ${firstLine} on are next for ${this.#folder.path}, but it has ${there}`;
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
      if (this.#time.clock.steadyMs() - this.#summaryMs >= SUMMARY_MS) this.#addSummary(frames);
      this.#write(frames, Math.max(there, firstLine + lines.length) - this.#content.first);
    });
    return failureIn(await reply);
  }

  async *readLines(from: number, to: number, signal: AbortSignal = new AbortController().signal): AsyncGenerator<string, void, void> {
    const folders = foldersIn(this.#dir, this.path.id).filter((folder) => existsSync(fileIn(folder)));
    const firsts = folders.map((folder) => firstLineOf(fileIn(folder)));
    const ends = endsOf(firsts, to);
    let next = from;
    for (const [i, folder] of folders.entries()) {
      const end = ends[i] ?? to;
      const first = firsts[i] ?? 0;
      if (next >= end) continue;
      if (next < first) yield* this.#missing(next, Math.min(first, to), signal);
      let number = first;
      for (const { data } of scanRecords(fileIn(folder))) {
        if (kindOf(data) !== Kind.history) continue;
        if (number >= end) break;
        if (number++ < next) continue;
        const items = itemsOf(data, Kind.history);
        yield `{${items.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
      }
      next = Math.max(next, number);
    }
    if (next < Math.min(to, this.#skipped)) yield* this.#missing(next, Math.min(to, this.#skipped), signal);
  }

  async *#missing(from: number, to: number, signal: AbortSignal): AsyncGenerator<string, void, void> {
    if (this.#elsewhere !== undefined) yield* this.#elsewhere(this.path, from, to, signal);
  }

  async putFiles(files: readonly StoredFile[]): Promise<Failure | undefined> {
    if (files.length === 0) return undefined;
    return failureIn(
      await attempt(async () => {
        // Streams are written beside the folders: which one is written to may be another one by their end.
        const written = new Map<string, string>();
        for (const { path, data } of files)
          if ('read' in data) written.set(path, await writeStream(join(this.#dir, `.making-${this.#time.random.uuid()}`), data));
        this.#makeWritable();
        for (const { path, data } of files) {
          const to = join(this.#folder.path, 'files', path);
          if ('read' in data) moveInto(to, written.get(path) as string);
          else writeWhole(to, data);
        }
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
      const found = new Map<string, number>();
      for (const { path } of foldersIn(this.#dir, this.path.id)) {
        const root = join(path, 'files');
        const entries = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
        for (const entry of entries.filter((one) => one.isFile())) {
          const file = join(entry.parentPath, entry.name);
          found.set(relative(root, file).split(sep).join('/'), statSync(file).size);
        }
      }
      return found;
    });
  }

  async readFile(name: string): Promise<Reply<Buffer | undefined>> {
    return attempt(() => {
      const files = foldersIn(this.#dir, this.path.id).map(({ path }) => join(path, 'files', name));
      const file = files.findLast((candidate) => existsSync(candidate));
      return file === undefined ? undefined : readFileSync(file);
    });
  }

  /** The same, of any length. */
  stored(name: string): BodyStream | undefined {
    const files = foldersIn(this.#dir, this.path.id).map(({ path }) => join(path, 'files', name));
    const file = files.findLast((candidate) => existsSync(candidate));
    return file === undefined ? undefined : { bytes: statSync(file).size, read: () => createReadStream(file) };
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
   * A file that has ended, or was sent, is not written to any more: a sync sends a file only once, and puts its lines
   * behind those that the server has. After one that was sent, the new folder begins with the next line. One that has
   * ended and waits is repeated by the new folder, and marked as if it had been sent: two that wait could be sent in
   * the wrong order.
   */
  #makeWritable(): void {
    if (!existsSync(fileIn(this.#folder))) {
      const message = `the folder ${this.#folder.path} no longer exists`;
      throw new MirrorError('MB4006', message, {
        hint: 'Restore it, or run once with --rebuild to send everything to a new run; the old one stays.',
      });
    }
    const { exit, first, lines } = this.#content;
    if (isSynced(this.#folder) || (lines === 0 && this.#skipped > first)) {
      const isEmpty = lines === 0 && !isSynced(this.#folder);
      const old = this.#folder;
      const begun = newFolder(this.#dir, this.path, this.config, this.#facts, this.#next, this.#time.clock.wallMs());
      this.#content = { end: begun.end, first: this.#next, lines: 0, exit: undefined };
      this.#folder = begun.folder;
      this.#named.clear();
      if (isEmpty) rmSync(old.path, { recursive: true, force: true });
      return;
    }
    if (exit === undefined) return;
    const next = nextFolder(this.#dir, this.path.id, this.#time.clock.wallMs());
    const making = join(this.#dir, `.making-${next.began}-${next.id}`);
    makeAfresh(making);
    const file = join(making, `run-${next.id}.wandb`);
    copyFileSync(fileIn(this.#folder), file, constants.COPYFILE_EXCL);
    const whole = exit.start;
    truncateSync(file, whole);
    const old = join(this.#folder.path, 'files');
    for (const name of existsSync(old) ? readdirSync(old, { recursive: true, withFileTypes: true }) : []) {
      if (!name.isFile()) continue;
      const from = join(name.parentPath, name.name);
      const to = join(making, 'files', relative(old, from));
      makeOwnFolder(dirname(to));
      shareFile(from, to);
    }
    renameSync(making, next.path);
    flushFolder(this.#dir);
    markSynced(this.#folder);
    this.#folder = next;
    this.#content = { ...this.#content, end: whole, exit: undefined };
  }

  #addSummary(frames: FrameBuffer): void {
    if (this.#isSummaryWritten) return;
    frames.add(this.#writer.summary(this.#summary));
    this.#isSummaryWritten = true;
    this.#summaryMs = this.#time.clock.steadyMs();
  }

  #write(frames: FrameBuffer, lines: number): void {
    const { bytes } = frames;
    writeAt(fileIn(this.#folder), this.#content.end, bytes);
    this.#content = { ...this.#content, end: this.#content.end + bytes.length, lines };
  }
}

function newFolder(
  dir: string,
  path: RunPath,
  config: RunConfig,
  facts: RunFacts,
  firstLine: number,
  nowMs: number,
): { readonly folder: Folder; readonly end: number } {
  const folder = nextFolder(dir, path.id, nowMs);
  const frames = new FrameBuffer(0);
  const writer = new RecordWriter();
  frames.add(writer.header());
  frames.add(writer.run(path, config, facts, firstLine));
  for (const record of writer.metrics()) frames.add(record);
  const making = join(dir, `.making-${folder.began}-${folder.id}`);
  makeAfresh(making);
  writeAt(join(making, `run-${folder.id}.wandb`), 0, frames.bytes);
  flushFolder(making);
  renameSync(making, folder.path);
  flushFolder(dir);
  return { folder, end: frames.bytes.length };
}

/**
 * A folder that becomes a run's, without what a killed process left under the name, and never through a link that
 * others put there.
 */
function makeAfresh(making: string): void {
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { mode: ownFolderMode() });
  makeOwnFolder(join(making, 'files'));
}

function firstLineOf(file: string): number {
  for (const { data } of scanRecords(file)) if (kindOf(data) === Kind.run) return readRun(data).firstLine;
  return 0;
}

/** The number in the first field of the message; 0 where it is left out. */
function exitCodeOf(record: Uint8Array): number {
  // Kind and length take three bytes; a code that is not zero follows its tag.
  const at = record.indexOf(8, 3);
  return at === 3 ? (record[4] ?? 0) : 0;
}

function writeWhole(path: string, data: Uint8Array): void {
  if (existsSync(path) && statSync(path).size === data.length && readFileSync(path).equals(data)) return;
  makeOwnFolder(dirname(path));
  replaceOwnFile(path, data, { flush: true });
  flushFolder(dirname(path));
}

/** One content under two names, where the file system can; these files are never changed, only replaced. */
function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** A stream as a file that has no name yet. */
async function writeStream(making: string, data: BodyStream): Promise<string> {
  makeOwnFolder(dirname(making));
  try {
    await pipeline(data.read(), createWriteStream(making, { flags: 'wx', mode: ownFileMode(), flush: true }));
  } catch (error) {
    rmSync(making, { force: true });
    throw error;
  }
  return making;
}

function moveInto(path: string, from: string): void {
  makeOwnFolder(dirname(path));
  renameSync(from, path);
  flushFolder(dirname(path));
}

async function attempt<T>(work: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return { kind: 'ok', value: await work() };
  } catch (cause) {
    if (cause instanceof MirrorError) return { kind: 'failed', cause: 'gone', error: cause };
    const error = new MirrorError('MB4004', `writing an offline run: ${messageOf(cause)}`, { retry: 'later', cause });
    return { kind: 'failed', cause: 'transient', error };
  }
}

function failureIn(reply: Reply<unknown>): Failure | undefined {
  return reply.kind === 'ok' ? undefined : reply;
}

/**
 * Where the lines of each folder end: a later folder that begins at the same line repeats what this one has from
 * there.
 */
function endsOf(firsts: readonly number[], to: number): number[] {
  const ends: number[] = [];
  for (let i = firsts.length - 1, end = to; i >= 0; i--) {
    ends[i] = end;
    end = Math.min(end, firsts[i] ?? end);
  }
  return ends;
}
