import type { Clock } from '../clock.ts';
import type { Backend } from '../contract/index.ts';
import type { LaneRouting, TrackerLaneOptions } from '../lanes/index.ts';
import type { Random } from '../random.ts';
import type { BatchCache, JobReader } from '../reading/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import type { RootDirectory } from '../untrusted/index.ts';
import type { SyncEvents, SyncStatus } from './lane-sync.ts';

/** The tracker that is kept up to date, and what that needs. */
export interface TrackerSyncOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly namesOf: TrackerLaneOptions['namesOf'];
  readonly routing?: LaneRouting;
  /** Every known run. */
  readonly tree: RunTree;
  readonly state: StateFile;
  readonly laneState: LaneState;
  readonly status: SyncStatus;
  readonly events: SyncEvents;
  readonly places: ReadonlyMap<string, RootDirectory>;
  readonly reader: JobReader;
  readonly cache: BatchCache;
  /** Resolves when every existing run of a root has been reported once. */
  readonly allReported: (root: string) => Promise<void>;
  /**
   * Returns how long a run of the root at this path must not have grown to have ended, in milliseconds. Default: half
   * an hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** True if no process writes to the files: the sync searches incomplete ends, and does not wait for more. */
  readonly isSettled: boolean;
  /** True if every run is known by now. Before that, files below a run may belong to another run. Default: true. */
  readonly isTreeWhole?: () => boolean;
  readonly signal: AbortSignal;
  /** The clock and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** The source of random numbers. Default: the system's. */
  readonly random?: Random;
}
