/**
 * The facts about a backend: what it can hold, keep and accept. Delivery, `verify` and the loss table use these
 * facts, never a name.
 */

/** The way in which a backend holds a kind of values. */
export type Holding = 'native' | 'artifact' | 'none';

/** The facts about a backend that delivery, `verify` and the loss table use instead of its name. */
export interface Capabilities {
  /** The backend's type: `mlflow`. */
  readonly name: string;
  /** The way in which it holds each kind, by plugin name; `other` for tensors and unknown plugins. */
  readonly holds: Readonly<Record<string, Holding>>;
  readonly limits: Limits;
  /** True if the same point, sent again, replaces itself. */
  readonly replacesByKey: boolean;
  /** The parts of a point that survive bit for bit. */
  readonly keeps: {
    readonly step: boolean;
    readonly wallTime: boolean;
    readonly nan: boolean;
    /** True if infinities survive. Default: the same as `nan`. */
    readonly infinities?: boolean;
    /** True if integers that no double holds survive. Default true. */
    readonly wideIntegers?: boolean;
    readonly negativeZero: boolean;
    /** True if two points of one step survive. */
    readonly repeatedSteps: boolean;
    /** True if two points survive that are the same in tag, step, wall time (as held) and value. */
    readonly equalPoints: boolean;
  };
  readonly caps: { readonly seriesPerRun?: number; readonly pointsPerSeries?: number };
  readonly readBack: 'full' | 'sampled' | 'none';
  /** True if it commits points and position in one transaction, and returns them from `positions`. */
  readonly ownsPosition: boolean;
  /** True if it addresses points by line: it has `prepare` and `resolve`. */
  readonly needsJournal: boolean;
  /** Features for routes (`needs:`), in addition to the kinds it holds. Default: none. */
  readonly features?: readonly Feature[];
}

/** `artifacts`: files of a run; `registry`: versions of models; the others are general strengths of a tracker. */
export type Feature = 'visualization' | 'collaboration' | 'artifacts' | 'registry';

/** Limits of what mirrorboard sends to a backend. A batch with a single record may exceed them. */
export interface Limits {
  readonly pointsPerSend: number;
  /** Bytes of event files, not of requests. */
  readonly bytesPerSend: number;
  /** The most bytes of event files for one turn of a run: a lane keeps several turns in memory. Default 1 MiB. */
  readonly bytesPerTurn?: number;
  /** The number of runs whose parcels one `send` may have. */
  readonly runsPerSend: number;
  /** Concurrent sends. Those of one run always follow each other. Default 1. */
  readonly sendsAtOnce?: number;
  /** The time to wait for more data while a run grows, in ms. Default 0. */
  readonly gatherMs?: number;
  /** The sends per second for all runs together. Default: no limit. */
  readonly sendsPerSecond?: number;
}
