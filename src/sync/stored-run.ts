import type { Handle } from '../contract/index.ts';
import { keyOfRun, type RunRef, type Series, type WrittenPoint, weightOfSeries } from '../model/index.ts';
import type { Directory } from '../untrusted/index.ts';
import { FoundFiles } from './found-files.ts';

/** The state of a run of the local store that changed during the watch. */
export class SyncedStoreRun {
  readonly ref: RunRef;
  readonly key: string;
  readonly directory: Directory;
  readonly handle: Handle;
  /** Files to read, by name. */
  readonly dirty = new Set<string>();
  /** The files to read, as they were found. */
  readonly found = new FoundFiles();
  /** Files whose gaps must be retried. */
  readonly toRetry = new Set<string>();
  /** Files of jobs with parcels that are not all accepted yet. */
  readonly unsettled = new Set<string>();
  /** The catalogue as the session has it, for lanes that take its batches from the cache. */
  series: Series[] = [];
  /**
   * Files that hold only a beginning of what was read, with the points of their last record. mirrorboard checks if
   * those points are already stored.
   */
  readonly cutShort = new Map<string, readonly WrittenPoint[]>();
  /** Files with other content after such a beginning. */
  readonly others = new Set<string>();
  /** Those of these files whose new content was read, but is not stored yet. */
  readonly replaced = new Set<string>();
  /** Files that do not answer. They are retried when something answers again. */
  readonly silent = new Set<string>();
  /** The memory that its session takes, approximately. */
  weight = 0;
  /** True if the reader works on a job of this run. */
  isRead = false;
  /** Parcels of the run that the lane has. */
  inFlight = 0;
  /** Parcels that the store accepted since it merged the run's recent points. */
  recentParcels = 0;
  hasSession = false;
  isQuiet = false;
  /** When it may be read again, by the steady clock. */
  notBeforeMs = 0;

  constructor(ref: RunRef, directory: Directory) {
    this.ref = ref;
    this.key = keyOfRun(ref);
    this.directory = directory;
    this.handle = this.key as Handle;
  }

  /** True if no data of the run is under way. */
  get isIdle(): boolean {
    return !this.isRead && this.inFlight === 0;
  }

  /** Adds series that its session knows from now on. */
  addSeries(series: readonly Series[]): void {
    this.weight += weightOf(series);
  }

  /** Begins its session with a catalogue. */
  beginSession(series: readonly Series[]): void {
    this.hasSession = true;
    this.series = [...series];
    this.weight = weightOf(series);
  }

  /** Ends its session. */
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
