/** The calls that a backend adds if it keeps points and positions in one transaction: the local store. */
import type { FileState, RunRef, Series, WrittenPoint } from '../model/index.ts';
import type { Capabilities } from './capabilities.ts';
import type { Outcome } from './outcome.ts';
import type { Handle, Parcel } from './parcel.ts';
import type { ReadBackChunk, RunSource } from './run.ts';

/** The facts that such a backend has about a run without reading points or series. */
export interface KnownRun {
  readonly files: readonly FileState[];
  readonly points: number;
  readonly tags: number;
  readonly lastStep: number | bigint | null;
}

/** The local store, or another backend that keeps points and positions together. */
export interface PositionOwner {
  describe(): Capabilities;
  open(run: Pick<RunSource, 'run' | 'rootPath'>): Promise<Handle>;
  /** Returns one outcome per parcel, in their order. */
  send(parcels: readonly Parcel[]): Promise<readonly Outcome[]>;
  readBack(handle: Handle): AsyncIterable<ReadBackChunk>;
  close(): Promise<void>;
  positions(run: RunRef): KnownRun;
  /** Returns what `positions` returns for one file, without reading the others of its run. */
  position(run: RunRef, file: string): FileState | undefined;
  /** True if the backend holds these points of a file, at their places. */
  holds?(run: RunRef, file: string, points: readonly WrittenPoint[]): boolean;
  /** Returns the run's series so far, in the order of their numbers. */
  catalogue(run: RunRef): readonly Series[];
  /** Returns the roots of the runs that it has, and the last known path of each. */
  roots(): readonly KnownRoot[];
  /** Returns every event file of a root that it has, as the file was at its last read. */
  knownFiles(root: string): Iterable<KnownFile>;
  /**
   * Compacts the points of a quiet run, and drops older generations that the current one contains. Works for about a
   * tenth of a second, and returns true if more is left. Changes nothing that can be read.
   */
  compact?(run: RunRef): boolean;
  /**
   * Merges what was stored last of growing runs, so that each further point changes little of what is stored. Works
   * for about a tenth of a second, in the order of the runs, and returns how many of them are done. Changes nothing
   * that can be read.
   */
  mergeRecent?(runs: readonly RunRef[]): number;
  /** Does the part of `compact` that drops older generations that the current one contains. */
  dropOlder?(run: RunRef): boolean;
  /** Frees memory that is only needed for speed. */
  rest?(): void;
  /** Returns the number of event files of a root that it has, in runs at or below a path (empty for all). */
  fileCount(root: string, below: string): number;
}

/** An event file as it was at its last read. */
export interface KnownFile {
  readonly run: string;
  readonly name: string;
  readonly size: number;
  readonly stamp: string;
  /** True if part of it is corrupt, incomplete or pending. */
  readonly isDamaged: boolean;
  /** True if other bytes of it were mirrored before. */
  readonly wasRewritten: boolean;
}

/** A root by its name, and its path at its last read. */
export interface KnownRoot {
  readonly name: string;
  readonly path: string;
}
