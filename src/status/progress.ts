import type { RefusedFile } from '../contract/index.ts';
import type { Damage, DamageReason, RunRef } from '../model/index.ts';
import type { LaneProgress } from './lane-progress.ts';

/**
 * Something that is not a record but worth a line: a file that vanished, cannot be read, does not answer, was
 * replaced; a folder that cannot be read; a root of which nothing is left; a store that is damaged; a run that lies
 * elsewhere.
 */
export interface Incident {
  readonly kind:
    | 'vanished'
    | 'unreadable'
    | 'silent'
    | 'replaced'
    | 'shortened'
    | 'folder'
    | 'link'
    | 'lost'
    | 'emptied'
    | 'store'
    | 'moved';
  /** Empty for the store. */
  readonly root: string;
  /** Relative to the root; of the store its own path. */
  readonly path: string;
  readonly reason?: string;
}

/** Damage, and the file it was found in. */
export interface FoundDamage extends Damage {
  readonly run: RunRef;
  readonly file: string;
}

/** How far a backfill is; a live object that the display checks whenever it likes. */
export interface Progress {
  readonly phase: 'scanning' | 'mirroring' | 'comparing' | 'looking' | 'draining' | 'done';
  readonly startedAtMs: number;
  readonly runs: { readonly total: number; readonly done: number };
  readonly files: { readonly total: number; readonly done: number };
  /** Of the files found; `read` counts those a lane has accepted, and those that were there already. */
  readonly bytes: { readonly total: number; readonly read: number; readonly alreadyThere: number };
  /** Points accepted since the start, and records they came from. */
  readonly points: number;
  readonly records: number;
  readonly damaged: number;
  /** The run being read, as a label. */
  readonly current: string;
  /** The lanes that lead to trackers. Default: none. */
  readonly lanes?: readonly LaneProgress[];
  /** Whether bytes and points are those of the local store, in addition to the lanes. */
  readonly hasStore?: boolean;
  /** Whom something is asked that has no answer for long, and the words for it. */
  readonly unanswered?: { readonly lane: string; readonly words: string } | undefined;
  /** Of a look for what is not of event files: how much was found so far. */
  readonly found?: number;
}

/** Points of one run accepted in this pass, by kind; kinds are plugin names, `other` for those without. */
export interface RunReport {
  readonly run: RunRef;
  readonly files: number;
  readonly tags: number;
  readonly newPoints: Readonly<Record<string, number>>;
  readonly pointsBefore: number;
  readonly bytes: number;
  readonly lastStep: number | bigint | null;
}

/** What both a watch and a pass know of lanes and files. */
export interface LiveFacts {
  readonly lanes: readonly LaneProgress[];
  readonly incidentCounts: ReadonlyMap<Incident['kind'], number>;
  /** What does not answer now. */
  readonly silences: readonly unknown[];
  readonly knownDamage: {
    /** Damaged places that were found, by the reason; those known before are none. */
    readonly found: ReadonlyMap<DamageReason, number>;
    /** Places that are damaged or pending now. */
    readonly places: ReadonlyMap<DamageReason, number>;
    readonly damagedFiles: number;
  };
}

/** What a pass came to for a lane that leads to a tracker. */
export interface LaneReport {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  /**
   * `parked`: a person must repair something. `stuck`: it got nowhere for too long. `incomplete`: all but the
   * stopped runs.
   */
  readonly state: 'done' | 'incomplete' | 'parked' | 'paused' | 'stuck' | 'interrupted';
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** Accepted in this pass. */
  readonly points: number;
  readonly refused: number;
  /** Those of earlier passes included, as far as the files still hold them. */
  readonly refusedInAll: number;
  /** Files and params next to the event files that it was asked to take in this pass or earlier, and did not. */
  readonly refusedFiles: readonly RefusedFile[];
  /** The same that it has no place for, or not for the model or dataset that was to be made of them. */
  readonly unsupportedFiles: readonly RefusedFile[];
  /** Why a point was; undefined if none was in this pass. */
  readonly refusal: string | undefined;
  readonly unsupported: number;
  /** Points that routes keep from the lane. */
  readonly leftOut: number;
  readonly pendingBytes: number;
  readonly stoppedRuns: readonly { readonly run: RunRef; readonly reason: string; readonly remedy: string | undefined }[];
  readonly links: readonly { readonly run: RunRef; readonly url: string }[];
}

/** What a pass came to. */
export interface Report {
  readonly runs: readonly RunReport[];
  readonly totals: {
    readonly runs: number;
    readonly files: number;
    readonly filesUnchanged: number;
    readonly bytes: number;
    readonly bytesRead: number;
    readonly records: number;
    readonly newPoints: number;
    readonly newPointsByKind: Readonly<Record<string, number>>;
    readonly pointsBefore: number;
    /** Files mirrored earlier that are gone; what was mirrored of them is kept. */
    readonly filesGone: number;
  };
  /** What cannot be read now, found in this pass or before; pending ends included. */
  readonly damage: readonly FoundDamage[];
  readonly incidents: readonly Incident[];
  readonly elapsedMs: number;
  readonly interrupted: boolean;
  /** The lanes that lead to trackers. */
  readonly lanes: readonly LaneReport[];
  readonly stores: readonly { readonly lane: string; readonly where: string; readonly bytes: number }[];
}
