import type { Clock } from '../clock.ts';
import type { RootRequest, RunRules } from '../discover/index.ts';
import type { StoreOptions, TrackerLaneOptions } from '../lanes/index.ts';
import type { Random } from '../random.ts';
import type { FactLog, WatchStatus } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';

/** What is watched, and where it is mirrored to. */
export interface WatchOptions {
  readonly roots: readonly RootRequest[];
  /** Which links of each root are followed. Default: `owner`. */
  readonly linksOf?: LinkRules;
  /** Undefined if nothing is mirrored into a local store. */
  readonly store: StoreOptions | undefined;
  /** Closed in the end. Default: none. */
  readonly trackers?: readonly TrackerLaneOptions[];
  /** The state file. */
  readonly statePath: string;
  /** Which runs are mirrored. Default: all. */
  readonly rules?: RunRules;
  /** What becomes of runs that lie elsewhere now. Default: follow. */
  readonly moved?: 'follow' | 'new';
  /** Between two scans of a root, a fifth more or less. Default 60,000. */
  readonly scanIntervalMs?: number;
  /**
   * How long a run of the root that lies there must not have grown to have ended, in milliseconds: incomplete ends are
   * searched, trackers hear of it. Default: half an hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** How long a root must be quiet before a fold looks at the siblings of a run. Milliseconds, default 5000. */
  readonly quietRootMs?: number;
  /** Use notifications where the file system has them. Default true. */
  readonly notify?: boolean;
  /** The status of the previous watch in the same process. Its counters continue. */
  readonly before?: WatchStatus | undefined;
  /** Ends the watch: what was read is stored first. */
  readonly signal: AbortSignal;
  readonly log?: FactLog;
  /** Called, and waited for, before anything is read. */
  readonly onStart?: (status: WatchStatus) => Promise<void>;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** Chance. Default: the system's. */
  readonly random?: Random;
}
