/** The files of offline runs: folders that are complete before they get their names, and their content. */
import {
  constants,
  copyFileSync,
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
import { MirrorError, messageOf } from '../../errors.ts';
import type { BodyStream } from '../../http/index.ts';
import { flushFolder, makeOwnFolder, ownFileMode, ownFolderMode, replaceOwnFile } from '../../own-files/index.ts';
import type { WandbFailure, WandbReply } from './answers.ts';
import { type Folder, fileIn, nextFolder } from './offline-folders.ts';
import { itemsOf, Kind, kindOf, type RecordedFacts, RecordWriter, readFiles, readRun } from './records.ts';
import { RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';
import { FrameBuffer, scanRecords, writeAt } from './wandb-file.ts';

/** The content of a folder's file. */
export interface FolderContent {
  readonly config: RunConfig;
  readonly facts: RecordedFacts;
  readonly summary: Map<string, string>;
  /** Files that a record names. */
  readonly named: Set<string>;
  readonly end: number;
  /** The number of its first line: earlier lines are in other folders, or at the server. */
  readonly first: number;
  readonly lines: number;
  readonly exit: { readonly code: number; readonly start: number } | undefined;
  /** The entity and project, if the file names them. */
  readonly project?: Partial<Pick<RunPath, 'entity' | 'project'>>;
}

/** Reads the file of a folder. */
export function readFolder(folder: Folder): FolderContent {
  const config = new RunConfig();
  const summary = new Map<string, string>();
  const named = new Set<string>();
  let [end, first, lines] = [0, 0, 0];
  let exit: FolderContent['exit'];
  let path: Pick<RunPath, 'entity' | 'project'> | undefined;
  let facts: RecordedFacts = { change: {}, startedAt: 0 };
  for (const { data, start, end: behind } of scanRecords(fileIn(folder))) {
    end = behind;
    const kind = kindOf(data);
    if (kind === Kind.history) lines++;
    else if (kind === Kind.run) {
      const run = readRun(data);
      path = run;
      facts = { change: run.change, startedAt: run.startedAt };
      first = run.firstLine;
      for (const [key, value] of run.config) config.set(key, value);
    } else if (kind === Kind.config) for (const [key, value] of itemsOf(data, kind)) config.set(key, value);
    else if (kind === Kind.summary) for (const [key, value] of itemsOf(data, kind)) summary.set(key, value);
    else if (kind === Kind.files) for (const name of readFiles(data)) named.add(name);
    else if (kind === Kind.exit) exit = { code: exitCodeOf(data), start };
  }
  const project = { ...(path?.entity ? { entity: path.entity } : {}), ...(path?.project ? { project: path.project } : {}) };
  return { config, facts, summary, named, end, first, lines, exit, project };
}

/** Starts a folder: its file is complete before it gets its name. */
export function newFolder(
  dir: string,
  path: RunPath,
  config: RunConfig,
  facts: RecordedFacts,
  firstLine: number,
  nowMs: number,
): { readonly folder: Folder; readonly end: number } {
  const folder = nextFolder(dir, path.id, nowMs);
  const frames = new FrameBuffer(0);
  const writer = new RecordWriter();
  frames.add(writer.header());
  frames.add(writer.run(path, config, facts, firstLine));
  for (const record of writer.metrics()) frames.add(record);
  const making = join(dir, `.making-${folder.started}-${folder.id}`);
  recreate(making);
  writeAt(join(making, `run-${folder.id}.wandb`), 0, frames.bytes);
  flushFolder(making);
  renameSync(making, folder.path);
  flushFolder(dir);
  return { folder, end: frames.bytes.length };
}

/** Starts a folder with the content of an earlier one of the run, up to a position in its file. */
export function continuedFolder(dir: string, before: Folder, end: number, nowMs: number): Folder {
  const next = nextFolder(dir, before.id, nowMs);
  const making = join(dir, `.making-${next.started}-${next.id}`);
  recreate(making);
  const file = join(making, `run-${next.id}.wandb`);
  copyFileSync(fileIn(before), file, constants.COPYFILE_EXCL);
  truncateSync(file, end);
  for (const { path, name } of filesIn(before)) {
    const to = join(making, 'files', name);
    makeOwnFolder(dirname(to));
    shareFile(path, to);
  }
  renameSync(making, next.path);
  flushFolder(dir);
  return next;
}

/** Returns the files of a folder, with their names in the run. */
export function filesIn(folder: Pick<Folder, 'path'>): readonly { readonly path: string; readonly name: string }[] {
  const root = join(folder.path, 'files');
  const entries = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, name: relative(root, path).split(sep).join('/') }));
}

/**
 * Creates a folder that becomes a run's. It removes what a killed process left under the name, and never follows a
 * link that others put there.
 */
function recreate(making: string): void {
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { mode: ownFolderMode() });
  makeOwnFolder(join(making, 'files'));
}

/** Returns the number of the first line in a folder's file. */
export function firstLineOf(file: string): number {
  for (const { data } of scanRecords(file)) if (kindOf(data) === Kind.run) return readRun(data).firstLine;
  return 0;
}

/** Returns the number in the first field of the message; 0 if it is missing. */
function exitCodeOf(record: Uint8Array): number {
  // Kind and length take three bytes; a nonzero code follows its tag.
  const at = record.indexOf(8, 3);
  return at === 3 ? (record[4] ?? 0) : 0;
}

/** Writes a file of a run, unless it already exists with this content. */
export function writeWhole(path: string, data: Uint8Array): void {
  if (existsSync(path) && statSync(path).size === data.length && readFileSync(path).equals(data)) return;
  makeOwnFolder(dirname(path));
  replaceOwnFile(path, data, { flush: true });
  flushFolder(dirname(path));
}

/**
 * Gives one content a second name, by a hard link if the file system supports it; these files are never changed, only
 * replaced.
 */
function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** Writes a stream into a file that has no final name yet. */
export async function writeStream(making: string, data: BodyStream): Promise<string> {
  makeOwnFolder(dirname(making));
  try {
    await pipeline(data.read(), createWriteStream(making, { flags: 'wx', mode: ownFileMode(), flush: true }));
  } catch (error) {
    rmSync(making, { force: true });
    throw error;
  }
  return making;
}

/** Gives a file its final name. */
export function moveInto(path: string, from: string): void {
  makeOwnFolder(dirname(path));
  renameSync(from, path);
  flushFolder(dirname(path));
}

/** Returns the result of work with files, as a reply. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<WandbReply<T>> {
  try {
    return { kind: 'ok', value: await work() };
  } catch (cause) {
    if (cause instanceof MirrorError) return { kind: 'failed', cause: 'gone', error: cause };
    const error = new MirrorError('MB4004', `writing an offline run: ${messageOf(cause)}`, { retry: 'later', cause });
    return { kind: 'failed', cause: 'transient', error };
  }
}

/** Returns the failure of a reply, if it is one. */
export function failureIn(reply: WandbReply<unknown>): WandbFailure | undefined {
  return reply.kind === 'ok' ? undefined : reply;
}

/**
 * Returns the line at which the content of each folder ends: a later folder repeats that of an earlier one from the
 * later folder's first line on.
 */
export function endsOf(firsts: readonly number[], to: number): number[] {
  const ends: number[] = [];
  for (let i = firsts.length - 1, end = to; i >= 0; i--) {
    ends[i] = end;
    end = Math.min(end, firsts[i] ?? end);
  }
  return ends;
}
