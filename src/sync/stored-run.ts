import type { Handle } from '../contract/index.ts';
import { keyOfRun, type RunRef, type Series, type WrittenPoint, weightOfSeries } from '../model/index.ts';
import type { Directory } from '../untrusted/index.ts';

/** What is known of a run of the local store that did something while we watched. */
export class SyncedStoreRun {
  readonly ref: RunRef;
  readonly key: string;
  readonly directory: Directory;
  readonly handle: Handle;
  /** Files to read, by name. */
  readonly dirty = new Set<string>();
  /** Files whose gaps are to be tried again. */
  readonly toRetry = new Set<string>();
  /** Files of the jobs whose parcels are not all accepted yet. */
  readonly unsettled = new Set<string>();
  /** The catalogue as the session has it, for those who take its batches from the cache. */
  series: Series[] = [];
  /**
   * Files that hold a beginning of what was read, with the points of their last record: whether those are old ones is
   * looked up.
   */
  readonly cutShort = new Map<string, readonly WrittenPoint[]>();
  /** Files that hold something else behind such a beginning. */
  readonly others = new Set<string>();
  /** Of these, those whose new content is read, and not stored yet. */
  readonly replaced = new Set<string>();
  /** Files that do not answer: asked again when something does. */
  readonly silent = new Set<string>();
  /** About what its session takes in memory. */
  weight = 0;
  /** A job of it is with the reader. */
  isRead = false;
  /** Parcels that are with the lane. */
  inFlight = 0;
  hasSession = false;
  isQuiet = false;

  constructor(ref: RunRef, directory: Directory) {
    this.ref = ref;
    this.key = keyOfRun(ref);
    this.directory = directory;
    this.handle = this.key as Handle;
  }

  /** Nothing of it is on its way. */
  get isIdle(): boolean {
    return !this.isRead && this.inFlight === 0;
  }

  /** Its session knows these series from here on. */
  addSeries(series: readonly Series[]): void {
    this.weight += weightOf(series);
  }

  /** Its session begins with a catalogue. */
  beginSession(series: readonly Series[]): void {
    this.hasSession = true;
    this.series = [...series];
    this.weight = weightOf(series);
  }

  /** Its session ended. */
  endSession(): void {
    this.hasSession = false;
    this.series = [];
    this.weight = 0;
  }
}

function weightOf(series: readonly Series[]): number {
  return series.reduce(
    (sum, { tag, description, displayName, metadata }) => sum + weightOfSeries(tag, description, displayName, metadata.length),
    0,
  );
}
