/** Verifies the lanes of a configuration, one after the other, or two of them against each other. */

import { existsSync } from 'node:fs';
import { openStore } from '../backends/local/index.ts';
import { type Clock, steadyMs } from '../clock.ts';
import type { RootRequest, RunRules } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import type { StoreOptions, TrackerLaneOptions } from '../lanes/index.ts';
import { StateFile, type StateReader } from '../state/index.ts';
import type { Progress } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import type { Difference, Sample, Verification } from './compare/index.ts';
import { verifyLane } from './verify-lane.ts';
import { verify } from './verify-pass.ts';
import { type LaneSource, localSource, type StateView, trackerSource } from './verify-source.ts';

/** The lanes that are verified. */
export interface VerifyLanesOptions {
  /** None: all that the lanes know, where they lay last. */
  readonly roots: readonly RootRequest[];
  /** Which runs are compared. Default: all. */
  readonly rules?: RunRules | undefined;
  /** Undefined where the local lane is not asked for. */
  readonly store: StoreOptions | undefined;
  /** The caller closes their backends. */
  /** How links of each root are followed. Default: `owner`. */
  readonly linksOf?: LinkRules;
  readonly trackers: readonly TrackerLaneOptions[];
  readonly statePath: string;
  /** Whole series by lot; all of them by default. */
  readonly sample?: Sample;
  /** Note what is pending, so that the next pass repairs it. Default false: nothing is written. */
  readonly repair?: boolean;
  readonly signal: AbortSignal;
  /** By which it is told how long a tracker has not answered. */
  readonly clock?: Clock;
  readonly onStart?: (progress: Progress) => void;
  readonly onDifference?: (difference: Difference, lane: string, other?: string) => void;
}

/**
 * Compares every lane with the event files, the local one first; one verification for each lane. A lane that can't be compared has the
 * reason in `obstacles`. Throws MB3106 before any work if `repair` is asked for while another process writes to the state.
 */
export async function verifyLanes(options: VerifyLanesOptions): Promise<Verification[]> {
  const { store, trackers, statePath, signal } = options;
  // Locked before anything is compared: hours later would be too late to hear that another process writes.
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
          await orObstacle(tracker.name, tracker.target, async () => {
            if (writing === undefined) reading ??= StateFile.openForReading(statePath);
            const view = (writing ?? reading) as StateView;
            const source = trackerSource(tracker, view, statePath, options.clock);
            const repair = writing === undefined ? {} : { repair: { state: writing, lane: writing.lane(tracker.name, tracker.target) } };
            return verifyLane({ ...shared(options, tracker.name), source, ...repair });
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

function verifyStore(store: StoreOptions, options: VerifyLanesOptions): Promise<Verification> {
  return verify({ ...shared(options, 'local'), store, repair: options.repair === true });
}

/** Compares what two lanes hold, each as the other one would hold it. `mine` is the first one's. */
export async function verifyBetween(names: readonly [string, string], options: VerifyLanesOptions): Promise<Verification> {
  const { store, trackers, statePath } = options;
  const state = names.some((name) => name !== 'local') ? StateFile.openForReading(statePath) : undefined;
  const reader = names.includes('local') && store !== undefined ? openStore(store.path) : undefined;
  try {
    const [source, other] = names.map((name): LaneSource => {
      if (name === 'local' && reader !== undefined && store !== undefined) return localSource(reader, store.path);
      const tracker = trackers.find((lane) => lane.name === name);
      if (tracker === undefined || state === undefined) throw new MirrorError('MB4010', `no such lane: ${name}`);
      return trackerSource(tracker, state, statePath, options.clock);
    });
    const [first, second] = [source as LaneSource, other as LaneSource];
    return await orObstacle(names[0], first.where, () =>
      verifyLane({ ...shared(options, names[0], names[1]), source: first, other: second }),
    );
  } finally {
    state?.close();
    reader?.close();
  }
}

type Shared = Pick<VerifyLanesOptions, 'roots' | 'rules' | 'linksOf' | 'sample' | 'signal' | 'onStart'> & {
  readonly onDifference: (difference: Difference) => void;
};

function shared(
  { roots, rules, linksOf, sample, signal, onStart, onDifference }: VerifyLanesOptions,
  lane: string,
  other?: string,
): Shared {
  return {
    roots,
    rules,
    signal,
    ...(linksOf === undefined ? {} : { linksOf }),
    ...(sample === undefined ? {} : { sample }),
    ...(onStart === undefined ? {} : { onStart }),
    onDifference: (difference) => onDifference?.(difference, lane, other),
  };
}

/** A lane of which nothing is known yet proves nothing, and must not keep the others from being looked at. */
async function orObstacle(lane: string, where: string, work: () => Promise<Verification>): Promise<Verification> {
  const startedAtMs = steadyMs();
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MirrorError) || (error.code !== 'MB3105' && error.code !== 'MB3008')) throw error;
    return {
      lane,
      where,
      roots: [],
      sample: undefined,
      runs: [],
      troubled: [],
      damagedFiles: [],
      obstacles: [{ what: lane, reason: `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}` }],
      repairs: undefined,
      bytes: 0,
      elapsedMs: steadyMs() - startedAtMs,
      interrupted: false,
    };
  }
}
