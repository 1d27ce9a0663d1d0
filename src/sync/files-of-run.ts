/**
 * Reads the event files of a run from their beginnings, whatever the lane's positions are. This decides which run a
 * tracker run belongs to.
 */
import { lstat } from 'node:fs/promises';
import { posix } from 'node:path';
import { inTime } from '../calls/index.ts';
import { withSignal } from '../concurrency/index.ts';
import type { Backend, FileMark, HeldPoint, RunFiles } from '../contract/index.ts';
import { isEventFileName } from '../discover/index.ts';
import { systemCode } from '../errors.ts';
import type { RunRef } from '../model/index.ts';
import { systemPath } from '../name-bytes.ts';
import { type CachedBatch, type JobReader, piecesFromStart } from '../reading/index.ts';
import type { LaneView } from '../state/index.ts';
import { directoryOf, type RootDirectory } from '../untrusted/index.ts';
import { filePoints, heldBy } from '../verify/compare/index.ts';
import type { LaneRoutes } from './lane-routes.ts';
import { rootDirectory, type SyncedRun } from './synced-run.ts';

/** The reader, state and directories with which the files of a run are read. */
interface FilesOfRunOptions {
  readonly backend: Backend;
  readonly routes: LaneRoutes;
  readonly laneState: LaneView;
  readonly reader: JobReader;
  readonly places: ReadonlyMap<string, RootDirectory>;
  readonly allReported: (root: string) => Promise<void>;
  readonly isSettled: boolean;
}

async function isGone(path: string): Promise<boolean> {
  try {
    await inTime(path, () => lstat(systemPath(path)));
    return false;
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}

/** Bytes that are read, and held, at a time. */
const READ_BYTES = 1024 * 1024;
const BATCH_POINTS = 10_000;

/** The event files of a run, for a backend that decides which run a tracker run belongs to. */
export class FilesOfRun implements RunFiles {
  readonly #run: SyncedRun;
  readonly #options: FilesOfRunOptions;

  constructor(run: SyncedRun, options: FilesOfRunOptions) {
    this.#run = run;
    this.#options = options;
  }

  async hasRecord(mark: FileMark, signal: AbortSignal): Promise<boolean> {
    return (await this.#look(mark, signal)) === 'there';
  }

  async isReplaced(mark: FileMark, signal: AbortSignal): Promise<boolean> {
    return (await this.#look(mark, signal)) === 'other';
  }

  /** True if no file has any of these names. A file that cannot be checked does not count as gone. */
  async areGone(files: Iterable<string>, signal: AbortSignal): Promise<boolean> {
    const { path } = this.#run.target;
    const { path: rootPath } = rootDirectory(this.#options.places, this.#run.target);
    for (const file of files) {
      const place = posix.join(rootPath, path, file);
      if (!(await withSignal(isGone(place), signal))) return false;
    }
    return true;
  }

  /** Looks for a record in a file. Returns `other` if the file has values, but not this record. */
  async #look({ file, checksum }: FileMark, signal: AbortSignal): Promise<'there' | 'other' | 'nothing'> {
    const { root, path } = this.#run.target;
    // The names come from a tracker: they must not lead out of the root.
    const place = posix.join(path, file);
    if (posix.isAbsolute(file) || place.startsWith('..') || !isEventFileName(posix.basename(place))) return 'nothing';
    const run = { root, path: posix.dirname(place) };
    let found: 'other' | 'nothing' = 'nothing';
    for await (const { batch } of this.#read(run, [posix.basename(place)], signal)) {
      const { scalars, objects } = batch;
      if (scalars.checksum.subarray(0, scalars.count).includes(checksum)) return 'there';
      if (objects.some((point) => point.checksum === checksum)) return 'there';
      if (scalars.count + objects.length > 0) found = 'other';
    }
    return found;
  }

  async *points(signal: AbortSignal): AsyncGenerator<{ readonly tag: string; readonly point: HeldPoint }, void, void> {
    const { backend, routes, laneState, allReported } = this.#options;
    // mirrorboard may not have found all runs that are part of this run yet.
    await withSignal(allReported(this.#run.target.root), signal);
    for (const source of this.#run.sources.values()) {
      const known = laneState.known(source.ref).files.map(({ name }) => name);
      const names = [...new Set([...known, ...source.read, ...source.dirty, ...source.toRetry])].sort();
      for await (const piece of this.#read(source.ref, names, signal)) {
        const { batch, series } = routes.apply(source.ref, piece);
        const capabilities = backend.describe();
        for (const each of filePoints(batch, series)) {
          const held = heldBy(backend, capabilities, each, each.point);
          if (held !== undefined) yield { tag: each.tag, point: held };
        }
      }
    }
  }

  /** Yields all batches of some files, each file from its beginning. */
  #read(run: RunRef, names: readonly string[], signal: AbortSignal): AsyncGenerator<CachedBatch, void, void> {
    const { reader, places, isSettled } = this.#options;
    return piecesFromStart(reader, {
      run,
      directory: directoryOf(rootDirectory(places, run), run.path),
      files: names.map((name) => ({ name })),
      mostBytes: READ_BYTES,
      batchPoints: BATCH_POINTS,
      settled: isSettled,
      signal,
    });
  }
}
