import type { LinkRule } from '../untrusted/index.ts';
import type { RunChange } from './root-watch.ts';
import type { RunGlobs } from './run-rules.ts';
import type { WalkObstacle } from './walk.ts';

/** A root that the discovery thread watches. */
export interface WatchedRoot extends RunGlobs {
  readonly name: string;
  readonly path: string;
  /** Only runs at or below this directory, relative to the root; empty for all. */
  readonly below: string;
  /** The rule for following links below it. */
  readonly links: LinkRule;
}

/** A file that was read before: nothing happened to it while size and stamp are the same. */
export interface SeenFile {
  readonly run: string;
  readonly name: string;
  readonly size: number;
  readonly stamp: string;
}

/** A request to the discovery thread. It first receives the files seen before, in pieces, then `begin`. */
export type DiscoverRequest =
  | { readonly kind: 'seed'; readonly root: string; readonly files: readonly SeenFile[] }
  | { readonly kind: 'begin' }
  /** All roots should be scanned soon. */
  | { readonly kind: 'scan' }
  /** A path that was passed over answers again. */
  | { readonly kind: 'answers'; readonly path: string };

/** The input that a discovery thread starts with. */
export interface DiscoverWork extends DiscoverSettings {
  /** The memory where it notes its current call: see `CallMark`. */
  readonly mark: SharedArrayBuffer;
  /** Paths that hung an earlier thread, and why they are passed over. */
  readonly passedOver: readonly (readonly [path: string, reason: string])[];
  readonly mostWatches: number;
}

/** The roots that a discovery thread watches, and its settings. */
export interface DiscoverSettings {
  readonly roots: readonly WatchedRoot[];
  /** Time between two scans, varied by up to a fifth: see `nextScanDelay`. */
  readonly scanIntervalMs: number;
  /** True if notifications may be used on file systems that have them. */
  readonly notify: boolean;
  /**
   * The number of directories that may be watched, for all roots together. Default: what the system has, within
   * bounds.
   */
  readonly mostWatches?: number;
}

/** A report from the discovery thread, in the past tense. */
export type DiscoverFact =
  | { readonly kind: 'filesChanged'; readonly root: string; readonly changes: readonly RunChange[] }
  | { readonly kind: 'filesGone'; readonly root: string; readonly files: readonly { readonly run: string; readonly name: string }[] }
  | {
      readonly kind: 'rootScanned';
      readonly root: string;
      readonly directories: number;
      readonly files: number;
      /** By `machineMs`. */
      readonly startedAtMs: number;
      readonly tookMs: number;
      readonly obstacles: readonly WalkObstacle[];
      readonly isMissing: boolean;
      readonly isEmptied: boolean;
    }
  /** A call to the root's file system does not return; everything else continues. */
  | { readonly kind: 'fellSilent'; readonly root: string; readonly path: string; readonly sinceMs: number }
  | { readonly kind: 'answersAgain'; readonly root: string; readonly path: string }
  /** The number of watched directories changed. `reason` says why the system gives no more, if it does not. */
  | { readonly kind: 'notificationsChanged'; readonly root: string; readonly directories: number; readonly reason: string };
