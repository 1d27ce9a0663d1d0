/** The tracker run that a feed works on, and the runs that go into it. */

import type { FileMarks } from '../backend-kit/identity/index.ts';
import type { FileMark, Handle } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { type Batch, keyOfRun, type RunRef } from '../model/index.ts';
import type { CachedBatch } from '../reading/index.ts';
import { type Directory, directoryOf, type RootDirectory } from '../untrusted/index.ts';
import { FoundFiles } from './found-files.ts';
import type { RoutedRun } from './lane-routes.ts';
import type { ParamText } from './param-text.ts';
import type { SessionEnd } from './session-end.ts';

/** Returns the directory of a run's root. */
export function rootDirectory(places: ReadonlyMap<string, RootDirectory>, { root }: RunRef): RootDirectory {
  const directory = places.get(root);
  if (directory === undefined) throw new MirrorError('MB9001', `the path of the root ${root} is unknown`);
  return directory;
}

/** A run with event files of its own. */
export class SyncedSource {
  readonly ref: RunRef;
  readonly directory: Directory;
  readonly dirty = new Set<string>();
  readonly toRetry = new Set<string>();
  /** The files to read, as they were found. */
  readonly found = new FoundFiles();
  /** Files that do not answer. They are retried when something in their root answers again. */
  readonly silent = new Set<string>();
  /** The time when the first of its files was begun, by their names; 0 if no name has a time. */
  startedAtMs = 0;
  /** Files of the last turn: their pieces may not have been sent. */
  read: readonly string[] = [];
  /** True if the run has not grown for long. */
  isQuiet = false;
  /** The end of its session, as its last points show it. */
  sessionEnd: SessionEnd | undefined;
  /**
   * The time when its files are next read for texts that were sent before the configuration asked for params in them.
   */
  pastTextsDueMs = 0;
  readonly #below: string;

  constructor({ run, below }: RoutedRun, root: RootDirectory) {
    this.ref = run;
    this.directory = directoryOf(root, run.path);
    this.#below = below;
  }

  get hasWork(): boolean {
    return this.dirty.size + this.toRetry.size > 0;
  }

  /** Notes a file, and the time in its name. */
  note(name: string): void {
    const seconds = /\.tfevents\.(\d{9,11})(?:\.|$)/.exec(name)?.[1];
    if (seconds === undefined) return;
    const atMs = Number(seconds) * 1000;
    this.startedAtMs = this.startedAtMs === 0 ? atMs : Math.min(this.startedAtMs, atMs);
  }

  /** Returns the path of a file, relative to the tracker run. */
  fileOf(name: string): string {
    return this.#seen(name);
  }

  /** Returns a tag with the run's path, relative to the tracker run: several runs in it may have the same tag. */
  pathOf(tag: string): string {
    return this.#seen(tag);
  }

  #seen(name: string): string {
    return this.#below === '' ? name : `${this.#below}/${name}`;
  }
}

/** A piece of a run, on its way to a tracker run. */
export interface SourcePiece extends CachedBatch {
  readonly file: string;
  /** Texts in the piece that contain params. */
  readonly texts: readonly ParamText[];
}

/** A tracker run for a run and those that are folded into it. */
export class SyncedRun {
  readonly target: RunRef;
  readonly key: string;
  readonly directory: Directory;
  readonly sources = new Map<string, SyncedSource>();
  /** The group that a route has chosen for the run, if a route does. */
  group: string | undefined;
  groupTag: string | undefined;
  handle: Handle | undefined;
  isBusy = false;
  /** Until this time, the tracker does not accept the run. */
  stoppedUntilMs = 0;
  /**
   * True if the tracker accepts nothing for the run until a person changes something there, or if that may still be
   * so.
   */
  isStopped = false;
  /** The time of the next check of the run's artifacts. */
  artifactsDueMs = 0;
  /** Generations of files that were compared with the files by which the tracker run is known. */
  readonly compared = new Set<string>();
  /** The time when mirrorboard first noticed the run, by the steady clock. */
  readonly seenAtMs: number;

  constructor(target: RunRef, root: RootDirectory, seenAtMs: number) {
    this.target = target;
    this.seenAtMs = seenAtMs;
    this.key = keyOfRun(target);
    this.directory = directoryOf(root, target.path);
  }

  get hasWork(): boolean {
    for (const source of this.sources.values()) if (source.hasWork) return true;
    return false;
  }

  /** The time when the first of its files was begun. */
  get startedAtMs(): number {
    const times = [...this.sources.values()].flatMap(({ startedAtMs }) => (startedAtMs === 0 ? [] : [startedAtMs]));
    return times.reduce((first, atMs) => Math.min(first, atMs), times[0] ?? 0);
  }

  /** True if none of its runs has grown for long. */
  get isQuiet(): boolean {
    for (const source of this.sources.values()) if (!source.isQuiet) return false;
    return this.sources.size > 0;
  }
}

/** Returns the checksum of the first record with values in a batch; undefined if no record has any. */
export function firstChecksum({ scalars, objects }: Batch): number | undefined {
  return scalars.count > 0 ? scalars.checksum[0] : objects[0]?.checksum;
}

/** The most files of a run that are noted at its tracker run: one that still exists suffices to recognise it. */
const MOST_FILES = 40;

/**
 * Returns marks for files of pieces that are about to be sent, if the files have none yet. A mark is a record with
 * values: the first one that is sent of the file. A file that begins with another record than its mark has become
 * another file.
 */
export function newMarks(known: FileMarks, pieces: readonly SourcePiece[]): FileMark[] {
  const found = new Map<string, number>();
  for (const { file, batch } of pieces) {
    const checksum = firstChecksum(batch);
    if (checksum === undefined || found.has(file)) continue;
    const isKnown = known.knows(file) ? batch.start > 0 || known.has({ file, checksum }) : known.size + found.size >= MOST_FILES;
    if (!isKnown) found.set(file, checksum);
  }
  return [...found].map(([file, checksum]) => ({ file, checksum }));
}
