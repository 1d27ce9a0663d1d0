/** A run: how a backend opens it, reads it back and ends it. */
import type { RunRef } from '../model/index.ts';
import type { Handle } from './parcel.ts';

/** A run, the present path of its root, and how its tracker run should look. */
export interface RunSource {
  readonly run: RunRef;
  readonly rootPath: string;
  /** Hash (hex) of root name and path, which identifies the tracker run. */
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
  /** The key of a run that was created as a parent under this path before this run was known. It becomes this run. */
  readonly holderKey?: string;
  /** The tracker's own id of a run that another program opened: add points to it, but do not name, tag or end it. */
  readonly joins?: string;
  /**
   * The state's instance id, and for some of the run's files a record with values. They decide which run a tracker run
   * belongs to (`backend-kit`).
   */
  readonly instanceId: string;
  readonly fingerprint: readonly FileMark[];
  /** Reads the files, if the fingerprint is not enough to decide. If missing, the files cannot be read. */
  readonly files?: RunFiles;
  /** If a tracker run holds the former content of a replaced file, this run gets a new tracker run. */
  readonly leavesReplaced?: boolean;
  /** Created to learn what the tracker does, then removed. The backend learns again what it knows of its tracker. */
  readonly isTrial?: boolean;
  /** Wall time of the first event that is about to be sent, seconds; undefined if unknown. */
  readonly startedAt: number | undefined;
}

/** Identifies an event file by one of its records with values, usually the first. */
export interface FileMark {
  /** The file's path as seen from the tracker run: `TrackerParcel.file`. */
  readonly file: string;
  /** The record's data checksum, as it is in the file. */
  readonly checksum: number;
}

/** The event files of a run that is about to be opened, as they are on disk. */
export interface RunFiles {
  /** Whether the file exists and has a record with values and this checksum. */
  hasRecord(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /** Whether the file exists and has values, but not this record: it was replaced. Unknown if missing. */
  isReplaced?(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /** Every point, under the tag that it has in the tracker run, as `readBack` would return it. */
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

/** What to read back: by default all of a run. */
export interface ReadBackOptions {
  /** Only these tags. */
  readonly isWanted?: (tag: string) => boolean;
  /** Tags that the tracker run may have, for a tracker that cannot list them all. */
  readonly tags?: () => Iterable<string>;
  readonly signal?: AbortSignal;
}

/** How and when a run ended. */
export interface RunEnd {
  readonly status: 'finished' | 'failed';
  /** Wall time of the last event, seconds. */
  readonly endedAt: number;
}

/** A tracker run that has a run's key, and what it records about the run it belongs to. */
export interface FoundTrackerRun {
  /** `RunSource.instanceId` of the state that created it; undefined if it does not say. */
  readonly instanceId: string | undefined;
  /** The files that `open` and `noteFiles` gave it. */
  readonly fingerprint: readonly FileMark[];
  /** All points it holds. mirrorboard reads them only if the rest is not enough to decide. */
  readonly readBack: (signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

/**
 * Which run a tracker run belongs to. `why` is reported if its name is taken; it continues the sentence "a run of the
 * same root and path is there,".
 */
export type Whose = { readonly kind: 'own' } | { readonly kind: 'other'; readonly why: string };
