import type { Clock } from '../clock.ts';
import type { RootRequest, RunRules } from '../discover/index.ts';
import type { StoreOptions, TrackerLaneOptions } from '../lanes/index.ts';
import type { Random } from '../random.ts';
import type { FactLog, WatchStatus } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';

/** The roots of a watch, and the lanes it mirrors them to. */
export interface WatchOptions {
  readonly roots: readonly RootRequest[];
  /** The rules for following links in each root. Default: `owner`. */
  readonly linksOf?: LinkRules;
  /** The local store; undefined if there is none. */
  readonly store: StoreOptions | undefined;
  /** The trackers. The watch closes them at its end. Default: none. */
  readonly trackers?: readonly TrackerLaneOptions[];
  /** The state file. */
  readonly statePath: string;
  /** The rules that select runs. Default: all. */
  readonly rules?: RunRules;
  /** The treatment of runs that are at another path now. Default: follow. */
  readonly moved?: 'follow' | 'new';
  /** Milliseconds between two scans of a root, a fifth more or less. Default 60,000. */
  readonly scanIntervalMs?: number;
  /**
   * Returns how long a run of the root at this path must not have grown to have ended, in milliseconds. Then
   * incomplete ends are searched, and trackers learn that it ended. Default: half an hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** Milliseconds for which a root must be quiet before a fold considers the siblings of a run. Default 5000. */
  readonly quietRootMs?: number;
  /** True to use notifications if the file system has them. Default true. */
  readonly notify?: boolean;
  /** The status of the previous watch in the same process. Its counters continue. */
  readonly before?: WatchStatus | undefined;
  /** Ends the watch; data that was read is stored first. */
  readonly signal: AbortSignal;
  readonly log?: FactLog;
  /** Called, and awaited, before anything is read. */
  readonly onStart?: (status: WatchStatus) => Promise<void>;
  /** The clock and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** The source of random numbers. Default: the system's. */
  readonly random?: Random;
}
