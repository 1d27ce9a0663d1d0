import type { Clock } from '../clock.ts';
import type { Backend } from '../contract/index.ts';
import type { LaneRouting, TrackerLaneOptions } from '../lanes/index.ts';
import type { Random } from '../random.ts';
import type { BatchCache, JobReader } from '../reading/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import type { RootDirectory } from '../untrusted/index.ts';
import type { SyncEvents, SyncStatus } from './lane-sync.ts';

/** The tracker that is kept up to date. */
export interface TrackerSyncOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly namesOf: TrackerLaneOptions['namesOf'];
  readonly routing?: LaneRouting;
  /** Every run that is known. */
  readonly tree: RunTree;
  readonly state: StateFile;
  readonly laneState: LaneState;
  readonly status: SyncStatus;
  readonly events: SyncEvents;
  readonly places: ReadonlyMap<string, RootDirectory>;
  readonly reader: JobReader;
  readonly cache: BatchCache;
  /** Comes when every run of a root that is there has been heard of once. */
  readonly allHeard: (root: string) => Promise<void>;
  /**
   * How long a run of the root that lies there must not have grown to have ended, in milliseconds. Default: half an
   * hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** No process writes to the files: the sync searches incomplete ends, and does not wait for more. */
  readonly isSettled: boolean;
  /** True if every run is known by now: before, what lies below a run may be another one's. Default: it is. */
  readonly isTreeWhole?: () => boolean;
  readonly signal: AbortSignal;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** Chance. Default: the system's. */
  readonly random?: Random;
}
