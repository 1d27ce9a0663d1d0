/**
 * What a backend is: the one interface between the pipeline and a tracker. Known to `deliver`, `verify` and every
 * backend; see docs/architecture.md for how the calls follow each other.
 */
import type { MirrorError } from '../errors.ts';
import type { Batch, FileState, RunRef, Series } from '../model/index.ts';

/** How a backend holds a kind of values. */
export type Holding = 'native' | 'artifact' | 'none';

/** A backend in facts: what `deliver`, `verify` and the loss table go by, never its name. */
export interface Capabilities {
  readonly name: string;
  /** By plugin name; `other` for tensors and plugins that are not known. */
  readonly holds: Readonly<Record<string, Holding>>;
  /** Bounds of one `send`. */
  readonly limits: { readonly pointsPerSend: number; readonly bytesPerSend: number; readonly runsPerSend: number };
  /** Whether the same point sent again falls on the same key. */
  readonly replacesByKey: boolean;
  /** What of a point survives, bit for bit. */
  readonly keeps: {
    readonly step: boolean;
    readonly wallTime: boolean;
    readonly nan: boolean;
    readonly negativeZero: boolean;
    readonly repeatedSteps: boolean;
  };
  readonly caps: { readonly seriesPerRun?: number; readonly pointsPerSeries?: number };
  readonly readBack: 'full' | 'sampled' | 'none';
  /** Commits points and position in one transaction, and answers `positions`. */
  readonly ownsPosition: boolean;
  /** Addresses by line or place: has `prepare` and `resolve`. */
  readonly needsJournal: boolean;
}

/** What a backend needs to find a tracker run again: opaque to everybody else, small, without secrets. */
export type Handle = string & { readonly brand: 'Handle' };

/** What leaves for a tracker run: points of one byte range of one file, and the file's whole state once they are accepted. */
export interface Parcel {
  readonly handle: Handle;
  readonly batch: Batch;
  /** Replaces what was noted of the file: generation, watermark, gaps, guard, damage. */
  readonly state: FileState;
}

/** A point a backend did not take. */
export interface Refusal {
  readonly offset: number;
  readonly index: number;
  readonly kind: 'unsupported' | 'refused';
  readonly reason: string;
}

/** What became of one parcel. Accepted means stored: it survives whatever happens next. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly points: number; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly error: MirrorError }
  /** Nothing more will be taken until somebody changes something: the lane is parked. */
  | { readonly kind: 'fatal'; readonly error: MirrorError };

/** A run and where its root lies at the moment. */
export interface RunSource {
  readonly run: RunRef;
  readonly rootPath: string;
}

/** A point as a tracker gives it back. */
export interface ReadBackPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  /** A scalar's number, or the value in its JSON form (`valueJson`). */
  readonly value: number | bigint | string;
  /** Where it came from, if the tracker knows. */
  readonly file?: string;
  readonly offset?: number;
  readonly index?: number;
}

/** Points of one series of a tracker run, in any order. */
export interface ReadBackChunk {
  readonly tag: string;
  readonly plugin: string;
  readonly points: readonly ReadBackPoint[];
}

/** What a backend that owns its positions knows of a run, without a look at points or series. */
export interface KnownRun {
  readonly files: readonly FileState[];
  readonly points: number;
  readonly tags: number;
  readonly lastStep: number | bigint | null;
}

/** Enough to send the very same lines again: committed to the state before they are sent. */
export type Intent = string & { readonly brand: 'Intent' };

/** One range of lines of a tracker run, and where they came from. */
export interface JournalEntry {
  readonly firstLine: number;
  readonly count: number;
  readonly file: string;
  readonly generation: number;
  readonly start: number;
  readonly end: number;
  /** A hash over the records' offsets and checksums: the same bytes in a later generation need not be sent again. */
  readonly hash: string;
  readonly mapping: string;
}

export type Resolution =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'resend' }
  | { readonly kind: 'from'; readonly line: number }
  | { readonly kind: 'unknown' };

export type RunStatus = 'finished' | 'failed';

export interface Backend {
  describe(): Capabilities;
  /** Finds or makes the tracker run of a run. */
  open(run: RunSource, known?: Handle): Promise<Handle>;
  /** One outcome per parcel, in their order. */
  send(parcels: readonly Parcel[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /** All points a tracker run holds now. */
  readBack(handle: Handle): AsyncIterable<ReadBackChunk>;
  finish(handle: Handle, status: RunStatus): Promise<void>;
  close(): Promise<void>;
}

/** The local store, and whoever else keeps position and points together. */
export interface PositionOwner extends Backend {
  positions(run: RunRef): KnownRun;
  /** The run's series so far, in the order of their numbers. */
  catalogue(run: RunRef): readonly Series[];
  /** The roots it holds runs of, and where each lay last. */
  roots(): readonly KnownRoot[];
  /** Every event file it holds of a root, as it was when it was last read. */
  knownFiles(root: string): Iterable<KnownFile>;
  /** Brings what arrived piece by piece together, for a run that has gone quiet. Changes nothing that can be read. */
  compact?(run: RunRef): void;
  /** Gives back memory that only speed needs. */
  rest?(): void;
  /** Event files it holds of a root whose runs are at or below a path (empty for all). */
  fileCount(root: string, below: string): number;
}

export interface KnownFile {
  readonly run: string;
  readonly name: string;
  readonly size: number;
  readonly stamp: string;
  /** Something of it can't be read, is not whole yet, or is owed. */
  readonly isDamaged: boolean;
}

export interface KnownRoot {
  readonly name: string;
  readonly path: string;
}

/** A backend that addresses by line. */
export interface JournalledBackend extends Backend {
  prepare(parcels: readonly Parcel[], journal: readonly JournalEntry[]): Promise<Intent>;
  sendPrepared(intent: Intent, parcels: readonly Parcel[], signal: AbortSignal): Promise<readonly Outcome[]>;
  resolve(handle: Handle, intent: Intent): Promise<Resolution>;
}
