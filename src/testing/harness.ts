import type { Backend, Handle } from '../contract/index.ts';
import type { Fault, FaultKind } from './fault.ts';

/** For requests over a stub: none ends on its own, so that what ends one is what the case is about. */
export const UNLIMITED_SECONDS = 3600;

/** What the contract suite needs to know of a backend, and how it comes by one. */
export interface Harness {
  /**
   * How a point that is sent again is recognised: by its key, by its line (`prepare`, `resolve`), or never, since the
   * position was stored with it.
   */
  readonly addressing: 'key' | 'line' | 'position';
  /** What the target can be made to do; cases about other faults are left out. */
  readonly faults: readonly FaultKind[];
  /** Only one process may have the target open. Default false. */
  readonly hasOneWriter?: boolean;
  /** True if tracker runs are told apart by their fingerprint. Default true. */
  readonly hasFingerprints?: boolean;
  /** True if the backend has `compareArtifacts`. Default false. */
  readonly comparesArtifacts?: boolean;
  /** Once, before the first case: a server is started here. */
  setUp?(): Promise<void>;
  tearDown?(): Promise<void>;
  /** An empty target, for one case. */
  start(): Promise<Target>;
}

/** A tracker, or the part of one that a case has for itself. It outlives the backends that are made over it. */
export interface Target {
  /** A backend as a process that starts makes one. The suite closes it. */
  connect(): Promise<Backend>;
  /** Makes the next writes of points fail. */
  fail?(fault: Fault, times: number): void;
  /** How many of those have not happened yet. */
  faultsLeft?(): number;
  /** Makes the tracker refuse points of a tag for good. */
  refuse?(tag: string): void;
  /** Removes a tracker run as a user does, in the tracker. */
  removeRun?(handle: Handle): Promise<void>;
  /** Tracker runs that are there and not removed. */
  runCount?(): Promise<number>;
  /** What the tracker says of a run. */
  statusOf?(handle: Handle): Promise<'running' | 'finished' | 'failed'>;
  /** A backend with wrong credentials. */
  connectWrongly?(): Promise<Backend>;
  /** Texts that no error, handle or probe may contain. */
  readonly secrets?: readonly string[];
  /** What the tracker saw that a good client never does; empty after every case. */
  complaints?(): readonly string[];
  close(): Promise<void>;
}
