/** Verifies the lanes of a configuration, one after the other, or two of them against each other. */

import { existsSync } from 'node:fs';
import { type Clock, steadyMs } from '../clock.ts';
import type { RootRequest, RunRules } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import type { StoreOptions, TrackerLaneOptions } from '../lanes/index.ts';
import { FileLock, StateFile, type StateReader } from '../state/index.ts';
import type { Progress } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import type { Difference, Sample, Verification } from './compare/index.ts';
import type { LaneSource } from './lane-source.ts';
import { StateRepairer } from './state-repairer.ts';
import { StoreRepairer } from './store-repairer.ts';
import { isUnreachable, openStoreSource } from './store-source.ts';
import { type StateView, trackerSource } from './tracker-source.ts';
import { type VerifyLaneOptions, verifyLane } from './verify-pass.ts';

/** The lanes to verify. */
export interface VerifyLanesOptions {
  /** Empty: everything that the lanes know, at its last known path. */
  readonly roots: readonly RootRequest[];
  /** The rules for the runs that are compared. Default: all runs. */
  readonly rules?: RunRules | undefined;
  /** Undefined if the caller does not ask for the local lane. */
  readonly store: StoreOptions | undefined;
  /** Tells how the links of each root are followed. Default: `owner`. */
  readonly linksOf?: LinkRules;
  /** The trackers' lanes. The caller closes their backends. */
  readonly trackers: readonly TrackerLaneOptions[];
  readonly statePath: string;
  /** A share of whole series, chosen by a seed; default: all series. */
  readonly sample?: Sample;
  /** True to note what must become pending, so that the next pass repairs it. Default false: nothing is written. */
  readonly repair?: boolean;
  /** How many runs of the local store are compared at the same time. Default: one. */
  readonly jobs?: number;
  readonly signal: AbortSignal;
  /** Measures how long a tracker has not answered. */
  readonly clock?: Clock;
  readonly onStart?: (progress: Progress) => void;
  readonly onDifference?: (difference: Difference, lane: string, other?: string) => void;
}

/**
 * Compares every lane with the event files, the local one first, and returns one verification for each lane. The
 * `obstacles` name the reason if a lane cannot be compared. Throws MB3106 before any work if `repair` is set while
 * another process writes to the state.
 */
export async function verifyLanes(options: VerifyLanesOptions): Promise<Verification[]> {
  const { store, trackers, statePath, signal } = options;
  // Takes the lock before comparing: it would be too late to learn hours later that another process writes.
  const isRepaired = options.repair === true && trackers.length > 0 && existsSync(statePath);
  const writing = isRepaired ? StateFile.open(statePath, { now: Date.now }) : undefined;
  try {
    const done: Verification[] = [];
    if (store !== undefined) done.push(await verifyStore(store, options));
    let reading: StateReader | undefined;
    try {
      for (const tracker of trackers) {
        if (signal.aborted) break;
        done.push(
          await orObstacle(tracker.name, tracker.target, ifUnmirrored(tracker.name), options, async () => {
            if (writing === undefined) reading ??= StateFile.openForReading(statePath);
            const view = (writing ?? reading) as StateView;
            const source = trackerSource(tracker, view, statePath, options.clock);
            const repairer =
              writing === undefined
                ? undefined
                : new StateRepairer({
                    state: writing,
                    lane: writing.lane(tracker.name, tracker.target),
                    canSendAgain: source.canSendAgain,
                  });
            return verifyLane({ ...shared(options, tracker.name), source, repairer });
          }),
        );
      }
    } finally {
      reading?.close();
    }
    return done;
  } finally {
    writing?.close();
  }
}

async function verifyStore(store: StoreOptions, options: VerifyLanesOptions): Promise<Verification> {
  // A repair writes positions, so no other process may move them meanwhile.
  const lock = options.repair === true ? FileLock.acquire(store.path) : undefined;
  try {
    return await orObstacle('local', store.path, ifUnreachable(store.path), options, async () => {
      using source = openStoreSource(store);
      using repairer = options.repair === true ? new StoreRepairer(store) : undefined;
      const threads = { store, jobs: options.jobs ?? 1 };
      return await verifyLane({ ...shared(options, 'local'), source, repairer, threads });
    });
  } finally {
    lock?.release();
  }
}

/** Compares two lanes, each in the form in which the other one would hold its points. `mine` is the first one's. */
export async function verifyBetween(names: readonly [string, string], options: VerifyLanesOptions): Promise<Verification> {
  const { store, trackers, statePath } = options;
  const state = names.some((name) => name !== 'local') ? StateFile.openForReading(statePath) : undefined;
  try {
    const trackerNamed = (name: string): LaneSource => {
      const tracker = trackers.find((lane) => lane.name === name);
      if (tracker === undefined || state === undefined) throw new MirrorError('MB4010', `no such lane: ${name}`);
      return trackerSource(tracker, state, statePath, options.clock);
    };
    const isLocal = (name: string): boolean => name === 'local' && store !== undefined;
    const sources = names.map((name) => (isLocal(name) ? undefined : trackerNamed(name)));
    const where = sources[0]?.where ?? store?.path ?? '';
    const whatFailed = (error: unknown): string | undefined =>
      ifUnmirrored(names[0])(error) ?? (store === undefined ? undefined : ifUnreachable(store.path)(error));
    return await orObstacle(names[0], where, whatFailed, options, async () => {
      using local = store !== undefined && names.some(isLocal) ? openStoreSource(store) : undefined;
      const [source, other] = sources.map((known) => known ?? local) as [LaneSource, LaneSource];
      return await verifyLane({ ...shared(options, names[0], names[1]), source, other });
    });
  } finally {
    state?.close();
  }
}

/** Returns the same options, with the lanes that a difference is about. */
function shared(options: VerifyLanesOptions, lane: string, other?: string): Omit<VerifyLaneOptions, 'source'> {
  return { ...options, onDifference: (difference) => options.onDifference?.(difference, lane, other) };
}

/** Names what an error makes incomparable; undefined for any other error. */
type WhatFailed = (error: unknown) => string | undefined;

/** Names the lane if nothing is known of it yet: that proves nothing. */
function ifUnmirrored(lane: string): WhatFailed {
  return (error) => (error instanceof MirrorError && (error.code === 'MB3105' || error.code === 'MB3008') ? lane : undefined);
}

/** Names the store if it cannot be read: it then says nothing about what it should hold. */
function ifUnreachable(path: string): WhatFailed {
  return (error) => (isUnreachable(error) ? path : undefined);
}

/**
 * Turns such an error into an obstacle: a lane that cannot be compared must not keep the others from being compared.
 */
async function orObstacle(
  lane: string,
  where: string,
  whatFailed: WhatFailed,
  { sample }: Pick<VerifyLanesOptions, 'sample'>,
  work: () => Promise<Verification>,
): Promise<Verification> {
  const startedAtMs = steadyMs();
  try {
    return await work();
  } catch (error) {
    const what = whatFailed(error);
    if (what === undefined || !(error instanceof MirrorError)) throw error;
    return {
      lane,
      where,
      roots: [],
      sample,
      runs: [],
      troubled: [],
      damagedFiles: [],
      obstacles: [{ what, reason: `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}` }],
      repairs: undefined,
      bytes: 0,
      elapsedMs: steadyMs() - startedAtMs,
      interrupted: false,
    };
  }
}
