import type { LinkRule } from '../untrusted/index.ts';
import type { RunChange } from './root-watch.ts';
import type { RunGlobs } from './run-rules.ts';
import type { WalkObstacle } from './walk.ts';

/** What the discovery thread is to watch. */
export interface WatchedRoot extends RunGlobs {
  readonly name: string;
  readonly path: string;
  /** Only runs at or below this directory, relative to the root; empty for all. */
  readonly below: string;
  /** Which links below it are followed. */
  readonly links: LinkRule;
}

/** A file that was read before: nothing happened to it while size and stamp are the same. */
export interface SeenFile {
  readonly run: string;
  readonly name: string;
  readonly size: number;
  readonly stamp: string;
}

/** What the discovery thread is told, in this order: files seen before, piece by piece, then to begin. */
export type DiscoverRequest =
  | { readonly kind: 'seed'; readonly root: string; readonly files: readonly SeenFile[] }
  | { readonly kind: 'begin' }
  /** All roots are to be scanned soon. */
  | { readonly kind: 'scan' }
  /** What was passed over answers again. */
  | { readonly kind: 'answers'; readonly path: string };

/** What the discovery thread begins with. */
export interface DiscoverWork extends DiscoverSettings {
  /** Where it notes the call it is in: see `CallMark`. */
  readonly mark: SharedArrayBuffer;
  /** Paths that hung a thread before it, and why they are passed over. */
  readonly passedOver: readonly (readonly [path: string, reason: string])[];
  readonly mayHear: number;
}

/** What a discovery thread watches, and how. */
export interface DiscoverSettings {
  readonly roots: readonly WatchedRoot[];
  /** Between two scans, a fifth more or less: see `nextScanDelay`. */
  readonly scanIntervalMs: number;
  /** True if notifications may be used where the file system has them. */
  readonly notify: boolean;
  /** Directories that may be listened to, of all roots together. Default: what the system has, within bounds. */
  readonly mayHear?: number;
}

/** What the discovery thread tells, in the past tense. */
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
  /** A call to its file system does not come back; the rest continues without it. */
  | { readonly kind: 'fellSilent'; readonly root: string; readonly path: string; readonly sinceMs: number }
  | { readonly kind: 'answersAgain'; readonly root: string; readonly path: string }
  /** So many directories are listened to; `reason`: why the system gives no more, where it does not. */
  | { readonly kind: 'notificationsChanged'; readonly root: string; readonly directories: number; readonly reason: string };
