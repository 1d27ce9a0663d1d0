/** What a feed keeps of a tracker run, and of the runs that go into it. */

import type { FileMarks } from '../backend-kit/identity/index.ts';
import type { FileMark, Handle } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { type Batch, keyOfRun, type RunRef } from '../model/index.ts';
import type { CachedBatch } from '../reading/index.ts';
import { type Directory, directoryOf, type RootDirectory } from '../untrusted/index.ts';
import type { RoutedRun } from './lane-routes.ts';
import type { ParamText } from './param-text.ts';
import type { SessionEnd } from './session-end.ts';

/** Where the root of a run lies. */
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
  /** Files that do not answer: asked again when something of their root does. */
  readonly silent = new Set<string>();
  /** When the first of its files was begun, as their names say; 0 if none does. */
  begunAtMs = 0;
  /** Files of the last turn: their pieces may not have gone out. */
  read: readonly string[] = [];
  /** It did not grow for long. */
  isQuiet = false;
  /** What its last points tell about the end of its session. */
  sessionEnd: SessionEnd | undefined;
  /** When its files are read for texts that were sent before anybody asked for params in them. */
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

  /** Hears of a file. */
  note(name: string): void {
    const seconds = /\.tfevents\.(\d{9,11})(?:\.|$)/.exec(name)?.[1];
    if (seconds === undefined) return;
    const atMs = Number(seconds) * 1000;
    this.begunAtMs = this.begunAtMs === 0 ? atMs : Math.min(this.begunAtMs, atMs);
  }

  /** A file as seen from the tracker run. */
  fileOf(name: string): string {
    return this.#seen(name);
  }

  /** A tag as seen from the tracker run: of several runs in it each may have the same. */
  pathOf(tag: string): string {
    return this.#seen(tag);
  }

  #seen(name: string): string {
    return this.#below === '' ? name : `${this.#below}/${name}`;
  }
}

/** A piece of a run, on its way into a tracker run. */
export interface SourcePiece extends CachedBatch {
  readonly file: string;
  /** Texts in it that say params. */
  readonly texts: readonly ParamText[];
}

/** A tracker run: made for a run, and for those that are folded into it. */
export class SyncedRun {
  readonly target: RunRef;
  readonly key: string;
  readonly directory: Directory;
  readonly sources = new Map<string, SyncedSource>();
  /** The group that a route drew for it, if one draws. */
  group: string | undefined;
  groupTag: string | undefined;
  handle: Handle | undefined;
  isBusy = false;
  /** Until then the tracker does not take it. */
  stoppedUntilMs = 0;
  /** The tracker takes nothing for it until a person does something there, or that is not known to be over. */
  isStopped = false;
  /** When the artifacts of the run are checked next. */
  artifactsDueMs = 0;
  /** Generations of files that were compared with what the tracker run is known by. */
  readonly compared = new Set<string>();
  /** When it was first heard of, by the steady clock. */
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

  /** When the first of its files was begun. */
  get begunAtMs(): number {
    const times = [...this.sources.values()].flatMap(({ begunAtMs }) => (begunAtMs === 0 ? [] : [begunAtMs]));
    return times.reduce((first, atMs) => Math.min(first, atMs), times[0] ?? 0);
  }

  /** None of its runs grew for long. */
  get isQuiet(): boolean {
    for (const source of this.sources.values()) if (!source.isQuiet) return false;
    return this.sources.size > 0;
  }
}

/** Of the first record with values in a batch; undefined if none has any. */
export function firstChecksum({ scalars, objects }: Batch): number | undefined {
  return scalars.count > 0 ? scalars.checksum[0] : objects[0]?.checksum;
}

/** So many files of a run are noted at its tracker run: one that is there suffices to recognise it. */
const MOST_FILES = 40;

/**
 * By what files of pieces that are about to be sent are to be known, if they are not yet: a record with values of
 * each, which is the first one that is sent of it. One that begins with another record than the known one has become
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
