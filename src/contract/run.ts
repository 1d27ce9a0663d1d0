/** A run as a backend opens it, reads it back and ends it. */
import type { RunRef } from '../model/index.ts';
import type { Handle } from './parcel.ts';

/** A run, where its root lies at the moment, and what its tracker run is to be. */
export interface RunSource {
  readonly run: RunRef;
  readonly rootPath: string;
  /** Hash (hex) of root name and path: by it a tracker run is found again. */
  readonly key: string;
  /** The tracker run's name, as configured. */
  readonly name: string;
  /** Of the experiment or project, as configured; empty: the tracker's own default. */
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * The run above this one, where a study has several: trackers that nest runs show it so. With a `handle` it is a
   * run of its own, which is open already; without, one that holds others and nothing else, found or made by its key,
   * with these tags.
   */
  readonly parent?: {
    readonly key: string;
    readonly name: string;
    readonly tags?: Readonly<Record<string, string>>;
    readonly handle?: Handle;
  };
  /**
   * The key of a run that was made to hold others under this one's path, before this one was known: it is this one
   * from now on.
   */
  readonly holderKey?: string;
  /**
   * The tracker's own id of a run that something else opened: points are added to it; it is not named, tagged or
   * ended by us.
   */
  readonly joins?: string;
  /**
   * The state's instance id, and of some of the run's files a record with values: whose run a tracker run is
   * (`backend-kit`).
   */
  readonly instanceId: string;
  readonly fingerprint: readonly FileMark[];
  /** Looks into the files, where that does not tell. Missing: nobody can. */
  readonly files?: RunFiles;
  /**
   * A tracker run that holds what a file had before its content was replaced is not continued: this run gets one
   * beside it.
   */
  readonly leavesReplaced?: boolean;
  /** Made to see what the tracker does, and removed again: what a backend remembers of its tracker is learned again. */
  readonly isTrial?: boolean;
  /** Wall time of the first event that is about to be sent, seconds; undefined if it is not known. */
  readonly startedAt: number | undefined;
}

/** By what an event file is known: one of its records with values, most often the first. */
export interface FileMark {
  /** As seen from the tracker run: `TrackerParcel.file`. */
  readonly file: string;
  /** The record's data checksum, as it is in the file. */
  readonly checksum: number;
}

/** The event files of a run that is about to be opened, as they are there. */
export interface RunFiles {
  /** Whether a file is there, named as in a fingerprint, and has a record with values and this checksum. */
  hasRecord(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /**
   * Whether a file is there that has values, and not this record: its content is another one now. Missing: nobody can
   * tell.
   */
  isReplaced?(mark: FileMark, signal: AbortSignal): Promise<boolean>;
  /** Every point, under the tag it has in the tracker run, as `readBack` would give it. */
  points(signal: AbortSignal): AsyncIterable<{ readonly tag: string; readonly point: HeldPoint }>;
}

/** A point as a tracker holds it. */
export interface HeldPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  /** A scalar's number, or the value in its JSON form (`valueJson`, as text). */
  readonly value: number | bigint | string;
}

/** A point as a tracker gives it back. */
export interface ReadBackPoint extends HeldPoint {
  /** Where it came from, if the tracker knows: the file as `TrackerParcel.file` names it. */
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

/** What is read back: all of a run by default. */
export interface ReadBackOptions {
  /** Only these tags. */
  readonly isWanted?: (tag: string) => boolean;
  /** Tags that the tracker run may hold, for a tracker that does not list all of its own. */
  readonly tags?: () => Iterable<string>;
  readonly signal?: AbortSignal;
}

/** How and when a run ended. */
export interface RunEnd {
  readonly status: 'finished' | 'failed';
  /** Wall time of the last event, seconds. */
  readonly endedAt: number;
}

/** A tracker run that has a run's key, as far as it says whose it is. */
export interface FoundTrackerRun {
  /** `RunSource.instanceId` of the state that made it; undefined if it does not say. */
  readonly instanceId: string | undefined;
  /** What it was given by `open` and `noteFiles`. */
  readonly fingerprint: readonly FileMark[];
  /** All points it holds: asked for only if the rest does not tell. */
  readonly readBack: (signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

/**
 * Whose a tracker run is. `why`: what is reported about it where its name is taken; continues from "a run of the same
 * root and path is there,".
 */
export type Whose = { readonly kind: 'own' } | { readonly kind: 'other'; readonly why: string };
