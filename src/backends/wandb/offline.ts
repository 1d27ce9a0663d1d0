/**
 * Writes runs into folders that the official `wandb sync` accepts: one file of records each, and the files that they
 * name.
 */
import { createReadStream, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../clock.ts';
import type { RunEnd } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import type { BodyStream } from '../../http/index.ts';
import { type Random, systemRandom } from '../../random.ts';
import { failed, type WandbFailure, type WandbReply } from './answers.ts';
import type { RunUpdate } from './client.ts';
import { SUMMARY_MS } from './limits.ts';
import type { StoredFile } from './map.ts';
import {
  attempt,
  continuedFolder,
  endsOf,
  type FolderContent,
  failureIn,
  filesIn,
  firstLineOf,
  moveInto,
  newFolder,
  readFolder,
  writeStream,
  writeWhole,
} from './offline-files.ts';
import { type Folder, fileIn, foldersIn, isSynced, markSynced, recordedFolders } from './offline-folders.ts';
import { itemsOf, Kind, kindOf, type RecordedFacts, RecordWriter } from './records.ts';
import type { RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';
import type { RunStorage, Storage, Summary } from './storage.ts';
import { FrameBuffer, scanRecords, writeAt } from './wandb-file.ts';

/** Reads lines of a run that are at the server, from the first on. */
export type Elsewhere = (path: RunPath, from: number, to: number, signal: AbortSignal) => AsyncGenerator<string, void, void>;

/** The folder with all offline runs, and the sources of time and random names. */
interface OfflineContext {
  readonly dir: string;
  readonly elsewhere: Elsewhere | undefined;
  /** The clock for the names of folders and of files that are being written. */
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens runs in folders that `wandb sync` uploads. */
export class OfflineStorage implements Storage {
  readonly #context: OfflineContext;

  /** Creates a storage. `elsewhere`: reads lines that no folder has any more. */
  constructor(
    dir: string,
    elsewhere?: Elsewhere,
    { clock, random }: Pick<OfflineContext, 'clock' | 'random'> = { clock: systemClock, random: systemRandom },
  ) {
    this.#context = { dir, elsewhere, clock, random };
  }

  async find(path: RunPath): Promise<WandbReply<OfflineRun | undefined>> {
    return attempt(() => {
      const folders = recordedFolders(this.#context.dir, path.id);
      const folder = folders.at(-1);
      if (folder === undefined) return undefined;
      // A process may have died before it could mark the folder that its new folder repeats.
      for (const older of folders.slice(0, -1)) markSynced(older);
      return new OfflineRun(this.#context, path, folder, readFolder(folder));
    });
  }

  async create(
    path: RunPath,
    config: RunConfig,
    change: RunUpdate,
    startedAt: number,
  ): Promise<WandbReply<{ readonly storage: OfflineRun; readonly isNew: boolean }>> {
    return attempt(() => {
      const facts = { change, startedAt };
      const { folder, end } = newFolder(this.#context.dir, path, config, facts, 0, this.#context.clock.wallMs());
      const found = { config, facts, end, first: 0, lines: 0, exit: undefined, summary: new Map(), named: new Set<string>() };
      return { storage: new OfflineRun(this.#context, path, folder, found), isNew: true };
    });
  }

  async close(): Promise<void> {}
}

/** A run that is written to an offline folder. */
export class OfflineRun implements RunStorage {
  readonly path: RunPath;
  readonly config: RunConfig;
  readonly replaces = true;
  /** A folder needs no heartbeat. */
  readonly isBeatDue = false;
  readonly lastEventMs = 0;
  readonly #context: OfflineContext;
  readonly #writer = new RecordWriter();
  readonly #summary: Map<string, string>;
  /** Files that a record already names. */
  readonly #named: Set<string>;
  readonly #facts: RecordedFacts;
  #folder: Folder;
  #content: Pick<FolderContent, 'end' | 'first' | 'lines' | 'exit'>;
  /** The number of the next line, if it does not follow the last one. */
  #skipped = 0;
  #isSummaryWritten = true;
  #summaryMs = 0;

  /** Creates a run. `found`: the content of its last folder. */
  constructor(context: OfflineContext, path: RunPath, folder: Folder, found: FolderContent) {
    this.#context = context;
    this.path = { ...path, ...found.project };
    this.#folder = folder;
    this.config = found.config;
    this.#facts = found.facts;
    this.#content = found;
    this.#summary = found.summary;
    this.#named = found.named;
  }

  get summary(): Summary {
    return this.#summary;
  }

  get link(): string {
    return this.#folder.path;
  }

  /** True if its lines are waiting to be sent. */
  get isWaiting(): boolean {
    return !isSynced(this.#folder);
  }

  /**
   * True if its folders hold the whole run. A run with lines sent before its first folder began may have files and
   * params at the server, too.
   */
  get isWhole(): boolean {
    const [first] = recordedFolders(this.#context.dir, this.path.id);
    return first !== undefined && firstLineOf(fileIn(first)) === 0;
  }

  get firstLine(): number {
    return this.#content.first;
  }

  /**
   * Notes that lines up to this one are at the server, not in a folder: a sync appends a folder's lines to those that
   * the server has.
   */
  skipTo(line: number): WandbFailure | undefined {
    const { first, lines } = this.#content;
    if (lines > 0 && this.isWaiting) {
      const message =
        `${line} lines of the W&B run ${this.path.id} were sent, and ${this.#folder.path} has those up ` +
        `to ${first + lines}, which were never sent`;
      return failed('gone', message, { folder: this.#folder.path });
    }
    this.#skipped = line;
    return undefined;
  }

  markSynced(): void {
    markSynced(this.#folder);
  }

  async lineCount(_hoped: number): Promise<WandbReply<number | undefined>> {
    return { kind: 'ok', value: existsSync(fileIn(this.#folder)) ? this.#next : undefined };
  }

  /** Returns nothing: a run that another program opened is joined at the server. */
  async lastRow(): Promise<WandbReply<undefined>> {
    return { kind: 'ok', value: undefined };
  }

  get #next(): number {
    return Math.max(this.#content.first + this.#content.lines, this.#skipped);
  }

  async append(firstLine: number, lines: readonly string[], summary: Summary): Promise<WandbFailure | undefined> {
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
      if (this.#context.clock.steadyMs() - this.#summaryMs >= SUMMARY_MS) this.#addSummary(frames);
      this.#write(frames, Math.max(there, firstLine + lines.length) - this.#content.first);
    });
    return failureIn(await reply);
  }

  async *readLines(from: number, to: number, signal: AbortSignal = new AbortController().signal): AsyncGenerator<string, void, void> {
    const folders = recordedFolders(this.#context.dir, this.path.id);
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
    const { elsewhere } = this.#context;
    if (elsewhere !== undefined) yield* elsewhere(this.path, from, to, signal);
  }

  async putFiles(files: readonly StoredFile[]): Promise<WandbFailure | undefined> {
    if (files.length === 0) return undefined;
    return failureIn(
      await attempt(async () => {
        // Streams are written outside the folders, because another folder may be open when they end.
        const written = new Map<string, string>();
        for (const { path, data } of files)
          if ('read' in data) written.set(path, await writeStream(join(this.#context.dir, `.making-${this.#context.random.uuid()}`), data));
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

  async fileLengths(): Promise<WandbReply<ReadonlyMap<string, number>>> {
    return attempt(() => {
      const found = new Map<string, number>();
      for (const folder of foldersIn(this.#context.dir, this.path.id))
        for (const { path, name } of filesIn(folder)) found.set(name, statSync(path).size);
      return found;
    });
  }

  async readFile(name: string): Promise<WandbReply<Buffer | undefined>> {
    return attempt(() => {
      const file = this.#storedAt(name);
      return file === undefined ? undefined : readFileSync(file);
    });
  }

  /** Returns a stored file of any length as a stream. */
  stored(name: string): BodyStream | undefined {
    const file = this.#storedAt(name);
    return file === undefined ? undefined : { bytes: statSync(file).size, read: () => createReadStream(file) };
  }

  #storedAt(name: string): string | undefined {
    const files = foldersIn(this.#context.dir, this.path.id).map(({ path }) => join(path, 'files', name));
    return files.findLast((candidate) => existsSync(candidate));
  }

  async save(_change?: Omit<RunUpdate, 'config'>): Promise<WandbFailure | undefined> {
    return failureIn(
      await attempt(() => {
        this.#makeWritable();
        const frames = new FrameBuffer(this.#content.end);
        frames.add(this.#writer.config(this.config));
        this.#write(frames, this.#content.lines);
      }),
    );
  }

  async finish(end: RunEnd | undefined): Promise<WandbFailure | undefined> {
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

  async remove(): Promise<WandbFailure | undefined> {
    return failureIn(
      await attempt(() => {
        for (const { path } of foldersIn(this.#context.dir, this.path.id)) rmSync(path, { recursive: true, force: true });
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
   * Makes the folder writable. A file that has ended, or was sent, is not written to any more: a sync sends a file
   * only once, and appends its lines to those that the server has. After a file that was sent, the new folder begins
   * with the next line. If a file has ended and still waits, the new folder repeats it, and the old one is marked as
   * sent: two waiting folders could be sent in the wrong order.
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
      const created = newFolder(this.#context.dir, this.path, this.config, this.#facts, this.#next, this.#context.clock.wallMs());
      this.#content = { end: created.end, first: this.#next, lines: 0, exit: undefined };
      this.#folder = created.folder;
      this.#named.clear();
      if (isEmpty) rmSync(old.path, { recursive: true, force: true });
      return;
    }
    if (exit === undefined) return;
    const next = continuedFolder(this.#context.dir, this.#folder, exit.start, this.#context.clock.wallMs());
    markSynced(this.#folder);
    this.#folder = next;
    this.#content = { ...this.#content, end: exit.start, exit: undefined };
  }

  #addSummary(frames: FrameBuffer): void {
    if (this.#isSummaryWritten) return;
    frames.add(this.#writer.summary(this.#summary));
    this.#isSummaryWritten = true;
    this.#summaryMs = this.#context.clock.steadyMs();
  }

  #write(frames: FrameBuffer, lines: number): void {
    const { bytes } = frames;
    writeAt(fileIn(this.#folder), this.#content.end, bytes);
    this.#content = { ...this.#content, end: this.#content.end + bytes.length, lines };
  }
}
