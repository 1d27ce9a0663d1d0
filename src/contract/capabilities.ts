/** What a backend can hold, keep and accept: delivery, `verify` and the loss table use these facts, never a name. */

/** How a backend holds a kind of values. */
export type Holding = 'native' | 'artifact' | 'none';

/** The facts about a backend that delivery, `verify` and the loss table use instead of its name. */
export interface Capabilities {
  /** The backend's type: `mlflow`. */
  readonly name: string;
  /** By plugin name; `other` for tensors and unknown plugins. */
  readonly holds: Readonly<Record<string, Holding>>;
  readonly limits: Limits;
  /** Whether the same point, sent again, replaces itself. */
  readonly replacesByKey: boolean;
  /** Which parts of a point survive bit for bit. */
  readonly keeps: {
    readonly step: boolean;
    readonly wallTime: boolean;
    readonly nan: boolean;
    /** Default: the same as `nan`. */
    readonly infinities?: boolean;
    /** Integers that no double holds. Default true. */
    readonly wideIntegers?: boolean;
    readonly negativeZero: boolean;
    /** Two points of one step. */
    readonly repeatedSteps: boolean;
    /** Two points that are the same in tag, step, wall time (as held) and value. */
    readonly equalPoints: boolean;
  };
  readonly caps: { readonly seriesPerRun?: number; readonly pointsPerSeries?: number };
  readonly readBack: 'full' | 'sampled' | 'none';
  /** Commits points and position in one transaction, and returns them from `positions`. */
  readonly ownsPosition: boolean;
  /** Addresses points by line: has `prepare` and `resolve`. */
  readonly needsJournal: boolean;
  /** Features for routes (`needs:`), in addition to the kinds it holds. Default: none. */
  readonly features?: readonly Feature[];
}

/** `artifacts`: files of a run; `registry`: versions of models; the others are general strengths of a tracker. */
export type Feature = 'visualization' | 'collaboration' | 'artifacts' | 'registry';

/** Limits of what a backend is sent. A batch with a single record may exceed them. */
export interface Limits {
  readonly pointsPerSend: number;
  /** Counted in event files, not in requests. */
  readonly bytesPerSend: number;
  /** The number of runs whose parcels one `send` may have. */
  readonly runsPerSend: number;
  /** Concurrent sends. Those of one run always follow each other. Default 1. */
  readonly sendsAtOnce?: number;
  /** How long to wait for more data while a run grows, in ms. Default 0. */
  readonly gatherMs?: number;
  /** Sends per second for all runs together. Default: no limit. */
  readonly sendsPerSecond?: number;
}
