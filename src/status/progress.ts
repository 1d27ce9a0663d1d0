import type { RefusedFile } from '../contract/index.ts';
import type { Damage, DamageReason, RunRef } from '../model/index.ts';
import type { LaneProgress } from './lane-progress.ts';

/**
 * An event that is not a record but worth a line: a file that vanished, cannot be read, does not answer, or was
 * replaced; a folder that cannot be read; a root that has become empty; a damaged store; a run that is at another
 * path.
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
  /** The root; empty for the store. */
  readonly root: string;
  /** The path relative to the root; for the store its own path. */
  readonly path: string;
  readonly reason?: string;
}

/** Damage, and the file that contains it. */
export interface FoundDamage extends Damage {
  readonly run: RunRef;
  readonly file: string;
}

/** The progress of a backfill: a live object that the display reads at any time. */
export interface Progress {
  readonly phase: 'scanning' | 'mirroring' | 'comparing' | 'looking' | 'draining' | 'done';
  readonly startedAtMs: number;
  readonly runs: { readonly total: number; readonly done: number };
  readonly files: { readonly total: number; readonly done: number };
  /** Bytes of the files found. `read` counts those that a lane has accepted, and those that were already mirrored. */
  readonly bytes: { readonly total: number; readonly read: number; readonly alreadyThere: number };
  /** Points accepted since the start, and the records that contained them. */
  readonly points: number;
  readonly records: number;
  readonly damaged: number;
  /** The run being read, as a label. */
  readonly current: string;
  /** The lanes that lead to trackers. Default: none. */
  readonly lanes?: readonly LaneProgress[];
  /** True if bytes and points are those of the local store, in addition to the lanes. */
  readonly hasStore?: boolean;
  /** The lane whose request has had no answer for long, and the words for it. */
  readonly unanswered?: { readonly lane: string; readonly words: string } | undefined;
  /** For a search outside event files: the number of results so far. */
  readonly found?: number;
}

/** Points of one run accepted in this pass, by kind. Kinds are plugin names, `other` for points without one. */
export interface RunReport {
  readonly run: RunRef;
  readonly files: number;
  readonly tags: number;
  readonly newPoints: Readonly<Record<string, number>>;
  readonly pointsBefore: number;
  readonly bytes: number;
  readonly lastStep: number | bigint | null;
}

/** The facts about lanes and files that both a watch and a pass know. */
export interface LiveFacts {
  readonly lanes: readonly LaneProgress[];
  readonly incidentCounts: ReadonlyMap<Incident['kind'], number>;
  /** The files and trackers that do not answer now. */
  readonly silences: readonly unknown[];
  readonly knownDamage: {
    /** Damaged places that were found, by the reason, without those known before. */
    readonly found: ReadonlyMap<DamageReason, number>;
    /** Places that are damaged or pending now. */
    readonly places: ReadonlyMap<DamageReason, number>;
    readonly damagedFiles: number;
  };
}

/** The result of a pass for a lane that leads to a tracker. */
export interface LaneReport {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  /**
   * `parked`: a person must repair something. `stuck`: the lane made no progress for too long. `incomplete`:
   * everything but the stopped runs.
   */
  readonly state: 'done' | 'incomplete' | 'parked' | 'paused' | 'stuck' | 'interrupted';
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** Points accepted in this pass. */
  readonly points: number;
  readonly refused: number;
  /** Refused points, including those of earlier passes that the files still hold. */
  readonly refusedInAll: number;
  /** Files and params next to the event files that the tracker refused in this pass or earlier. */
  readonly refusedFiles: readonly RefusedFile[];
  /**
   * Files and params for which the tracker has no place, or none for the model or dataset that should be made of
   * them.
   */
  readonly unsupportedFiles: readonly RefusedFile[];
  /** The reason why a point was refused; undefined if none was in this pass. */
  readonly refusal: string | undefined;
  readonly unsupported: number;
  /** Points that routes exclude from the lane. */
  readonly leftOut: number;
  readonly pendingBytes: number;
  readonly stoppedRuns: readonly { readonly run: RunRef; readonly reason: string; readonly remedy: string | undefined }[];
  readonly links: readonly { readonly run: RunRef; readonly url: string }[];
}

/** The result of a pass. */
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
    /** Files mirrored earlier that are gone; their mirrored data is kept. */
    readonly filesGone: number;
  };
  /** Data that cannot be read now, found in this pass or before; pending ends included. */
  readonly damage: readonly FoundDamage[];
  readonly incidents: readonly Incident[];
  readonly elapsedMs: number;
  readonly interrupted: boolean;
  /** The lanes that lead to trackers. */
  readonly lanes: readonly LaneReport[];
  readonly stores: readonly { readonly lane: string; readonly where: string; readonly bytes: number }[];
}
