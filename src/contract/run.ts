/** A run: how a backend opens it, reads it back and ends it. */
import type { RunRef } from '../model/index.ts';
import type { Handle } from './parcel.ts';

/** A run, the current path of its root, and how its tracker run should look. */
export interface RunSource {
  readonly run: RunRef;
  readonly rootPath: string;
  /** The hash (hex) of root name and path, which identifies the tracker run. */
  readonly key: string;
  /** The tracker run's name, as configured. */
  readonly name: string;
  /** Name of the experiment or project, as configured; empty: the tracker's own default. */
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * The parent run, if the run belongs to a study, for trackers that nest runs. With a `handle`, it is a mirrored run
   * that is open already. Without one, it only holds other runs: find or create it by its key, with these tags.
   */
  readonly parent?: {
    readonly key: string;
    readonly name: string;
    readonly tags?: Readonly<Record<string, string>>;
    readonly handle?: Handle;
  };
  /**
   * The key of a run that was created as a parent under this path before this run was known. That run becomes this
   * run.
   */
  readonly holderKey?: string;
  /** The tracker's own id of a run that another program opened: add points to it, but do not name, tag or end it. */
  readonly joins?: string;
  /**
   * The state's instance id, and a record with values for some of the run's files. They decide which run a tracker
   * run belongs to (`backend-kit`).
   */
  readonly instanceId: string;
  readonly fingerprint: readonly FileMark[];
  /** A reader of the files, if the fingerprint is not enough to decide. Missing if the files cannot be read. */
  readonly files?: RunFiles;
  /** True if this run gets a new tracker run when a tracker run holds the former content of a replaced file. */
  readonly leavesReplaced?: boolean;
  /**
   * True if the run exists only to test the tracker, and is removed afterwards. The backend then probes its tracker
   * again.
   */
  readonly isTrial?: boolean;
  /** The wall time of the first event that is about to be sent, in seconds; undefined if unknown. */
  readonly startedAt: number | undefined;
}

/** A mark that identifies an event file by one of its records with values, usually the first. */
export interface FileMark {
  /** The file's path as seen from the tracker run: `TrackerParcel.file`. */
  readonly file: string;
  /** The record's data checksum, as it is in the file. */
  readonly checksum: number;
}

/** The event files of a run that is about to be opened, as they are on disk. */
export interface RunFiles {
  /** True if the file exists and has a record with values and this checksum. */
  hasRecord(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /**
   * True if the file exists and has values, but not this record: it was replaced. If this call is missing, that is
   * unknown.
   */
  isReplaced?(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /** Returns every point, under the tag that it has in the tracker run, as `readBack` would return it. */
  points(signal: AbortSignal): AsyncIterable<{ readonly tag: string; readonly point: HeldPoint }>;
}

/** A point as a tracker holds it. */
export interface HeldPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  /** A scalar's number, or the value in its JSON form (`valueJson`, as text). */
  readonly value: number | bigint | string;
}

/** A point as a tracker returns it. */
export interface ReadBackPoint extends HeldPoint {
  /** The file it came from, as in `TrackerParcel.file`, if the tracker knows it. */
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

/** The selection of what to read back: by default all of a run. */
export interface ReadBackOptions {
  /** Returns true for the tags to read. */
  readonly isWanted?: (tag: string) => boolean;
  /** Returns tags that the tracker run may have, for a tracker that cannot list them all. */
  readonly tags?: () => Iterable<string>;
  readonly signal?: AbortSignal;
}

/** The end of a run: its status and time. */
export interface RunEnd {
  readonly status: 'finished' | 'failed';
  /** The wall time of the last event, in seconds. */
  readonly endedAt: number;
}

/** A tracker run that has a run's key, and what it records about its run. */
export interface FoundTrackerRun {
  /** The `RunSource.instanceId` of the state that created it; undefined if it has none. */
  readonly instanceId: string | undefined;
  /** The files that `open` and `noteFiles` gave it. */
  readonly fingerprint: readonly FileMark[];
  /** Returns all points it holds. mirrorboard reads them only if the rest is not enough to decide. */
  readonly readBack: (signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

/**
 * The decision which run a tracker run belongs to. `why` is reported if its name is taken; it continues the sentence
 * "a run of the same root and path is there,".
 */
export type Whose = { readonly kind: 'own' } | { readonly kind: 'other'; readonly why: string };
