import type { Backend, Handle } from '../contract/index.ts';
import type { Fault, FaultKind } from './fault.ts';

/** The time limit of requests over a stub: no request ends by it, so that the case itself ends the request. */
export const UNLIMITED_SECONDS = 3600;

/** The facts about a backend that the contract suite needs, and the calls that make one. */
export interface Harness {
  /**
   * The way in which a repeated point is recognised: by its key, by its line (`prepare`, `resolve`), or never, since
   * the position was stored with it.
   */
  readonly addressing: 'key' | 'line' | 'position';
  /** The faults that the target can produce; cases about others are left out. */
  readonly faults: readonly FaultKind[];
  /** True if only one process may have the target open. Default false. */
  readonly hasOneWriter?: boolean;
  /** True if a fingerprint tells tracker runs apart. Default true. */
  readonly hasFingerprints?: boolean;
  /** True if the backend has `compareArtifacts`. Default false. */
  readonly comparesArtifacts?: boolean;
  /** Called once, before the first case: it may start a server. */
  setUp?(): Promise<void>;
  tearDown?(): Promise<void>;
  /** Returns an empty target, for one case. */
  start(): Promise<Target>;
}

/** A tracker, or the part of one that a case has for itself. It outlives the backends that are made over it. */
export interface Target {
  /** Makes a backend as a starting process does. The suite closes it. */
  connect(): Promise<Backend>;
  /** Makes the next writes of points fail. */
  fail?(fault: Fault, times: number): void;
  /** Returns how many of those faults have not happened yet. */
  faultsLeft?(): number;
  /** Makes the tracker refuse points of a tag permanently. */
  refuse?(tag: string): void;
  /** Removes a tracker run as a user does, in the tracker. */
  removeRun?(handle: Handle): Promise<void>;
  /** Returns the number of tracker runs that exist and are not removed. */
  runCount?(): Promise<number>;
  /** Returns the tracker's status of a run. */
  statusOf?(handle: Handle): Promise<'running' | 'finished' | 'failed'>;
  /** Makes a backend with wrong credentials. */
  connectWrongly?(): Promise<Backend>;
  /** Texts that no error, handle or probe may contain. */
  readonly secrets?: readonly string[];
  /** Returns requests that the tracker saw and a good client never sends; empty after every case. */
  complaints?(): readonly string[];
  close(): Promise<void>;
}
