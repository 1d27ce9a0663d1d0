/** What a backend does that keeps points and positions in one transaction: the local store. */
import type { FileState, RunRef, Series, WrittenPoint } from '../model/index.ts';
import type { Capabilities } from './capabilities.ts';
import type { Outcome } from './outcome.ts';
import type { Handle, Parcel } from './parcel.ts';
import type { ReadBackChunk, RunSource } from './run.ts';

/** What a backend that owns its positions knows of a run, without a check of points or series. */
export interface KnownRun {
  readonly files: readonly FileState[];
  readonly points: number;
  readonly tags: number;
  readonly lastStep: number | bigint | null;
}

/** The local store, and any other that keeps position and points together. */
export interface PositionOwner {
  describe(): Capabilities;
  open(run: Pick<RunSource, 'run' | 'rootPath'>): Promise<Handle>;
  /** One outcome per parcel, in their order. */
  send(parcels: readonly Parcel[]): Promise<readonly Outcome[]>;
  readBack(handle: Handle): AsyncIterable<ReadBackChunk>;
  close(): Promise<void>;
  positions(run: RunRef): KnownRun;
  /** What `positions` says of one file, without looking at the others of its run. */
  position(run: RunRef, file: string): FileState | undefined;
  /** Whether it holds these points of a file, at their places. */
  holds?(run: RunRef, file: string, points: readonly WrittenPoint[]): boolean;
  /** The run's series so far, in the order of their numbers. */
  catalogue(run: RunRef): readonly Series[];
  /** The roots it holds runs of, and where each lay last. */
  roots(): readonly KnownRoot[];
  /** Every event file it holds of a root, as it was when it was last read. */
  knownFiles(root: string): Iterable<KnownFile>;
  /**
   * Brings what arrived piece by piece together, for a run that has gone quiet, and drops what the present files hold
   * once more: a part of it, about a tenth of a second, and true while more is left. Changes nothing that can be
   * read.
   */
  compact?(run: RunRef): boolean;
  /**
   * The part of `compact` that drops what files held before they were written again, where they hold all of that now,
   * too.
   */
  dropOlder?(run: RunRef): boolean;
  /** Gives back memory that only speed needs. */
  rest?(): void;
  /** Event files it holds of a root whose runs are at or below a path (empty for all). */
  fileCount(root: string, below: string): number;
}

/** An event file as it was when it was last read. */
export interface KnownFile {
  readonly run: string;
  readonly name: string;
  readonly size: number;
  readonly stamp: string;
  /** Something of it cannot be read, is not whole yet, or is pending. */
  readonly isDamaged: boolean;
  /** Other bytes were mirrored of it before. */
  readonly wasRewritten: boolean;
}

/** A root by its name, and its path when it was last read. */
export interface KnownRoot {
  readonly name: string;
  readonly path: string;
}
