/** What a backend can hold, keep and take: facts that delivery, `verify` and the loss table go by, never a name. */

/** How a backend holds a kind of values. */
export type Holding = 'native' | 'artifact' | 'none';

/** A backend in facts: what `deliver`, `verify` and the loss table go by, never its name. */
export interface Capabilities {
  /** The backend's type: `mlflow`. */
  readonly name: string;
  /** By plugin name; `other` for tensors and plugins that are not known. */
  readonly holds: Readonly<Record<string, Holding>>;
  readonly limits: Limits;
  /** Whether the same point sent again falls on the same key. */
  readonly replacesByKey: boolean;
  /** What of a point survives, bit for bit. */
  readonly keeps: {
    readonly step: boolean;
    readonly wallTime: boolean;
    readonly nan: boolean;
    /** Default: as `nan`. */
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
  /** Commits points and position in one transaction, and answers `positions`. */
  readonly ownsPosition: boolean;
  /** Addresses by line or place: has `prepare` and `resolve`. */
  readonly needsJournal: boolean;
  /** What a tracker is chosen for by a route (`needs:`), beside the kinds it holds. Default: none. */
  readonly features?: readonly Feature[];
}

/** `artifacts`: files of a run; `registry`: models by version; the others as people say them of a tracker. */
export type Feature = 'visualization' | 'collaboration' | 'artifacts' | 'registry';

/** Bounds of what a backend is sent. A batch of one record may be larger than any of them. */
export interface Limits {
  readonly pointsPerSend: number;
  /** Of event files, not of the wire. */
  readonly bytesPerSend: number;
  /** Of how many runs one `send` may have parcels. */
  readonly runsPerSend: number;
  /** Sends under way at the same time; those of one run always follow each other. Default 1. */
  readonly sendsAtOnce?: number;
  /** While a run grows, so long is waited for more of it before it is read. Milliseconds, default 0. */
  readonly gatherMs?: number;
  /** Sends a second, of all runs together. Default: no bound. */
  readonly sendsPerSecond?: number;
}
