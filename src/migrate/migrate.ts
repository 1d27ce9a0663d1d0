import { openStore } from '../backends/local/index.ts';
import type { RootRequest } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { closeLanes, type StoreOptions, type TrackerLaneOptions } from '../lanes/index.ts';
import { StateFile } from '../state/index.ts';
import type { Progress, Report } from '../status/index.ts';
import { type BackfillOptions, backfill } from '../sync/index.ts';
import type { Verification } from '../verify/compare/index.ts';
import { type ForeignFindings, foreignIn, type VerifyLanesOptions, verifyBetween, verifyLanes } from '../verify/index.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** The options of a migration. */
export interface MigrateOptions extends Pick<BackfillOptions, 'rules' | 'linksOf' | 'moved' | 'runEndedAfterOf' | 'patienceMs' | 'signal'> {
  /** The lane that may be switched off: `local`, or a tracker's lane. */
  readonly from: string;
  /** The lane that gets everything. */
  readonly to: string;
  /** Losses that are not a reason to keep the first lane, in the words of `--accept-losses`. Default: none. */
  readonly accepted?: readonly string[];
  /** The log directories. Default: all roots of which the first lane has runs, at their last place. */
  readonly roots?: readonly RootRequest[];
  /** The local store; required if one of the lanes is `local`. */
  readonly store?: StoreOptions | undefined;
  readonly statePath: string;
  /** Makes the lanes of these names that lead to trackers. Called several times; `migrate` closes the backends. */
  readonly makeLanes: (names: readonly string[]) => Promise<readonly TrackerLaneOptions[]>;
  /** Called as each part begins, with counters that a display can check. */
  readonly onStart?: (progress: Progress) => void;
  /** Called once everything is mirrored, before anything is compared. */
  readonly onMirrored?: (report: Report) => void;
  readonly onDifference?: VerifyLanesOptions['onDifference'];
}

/** The result of a migration. */
export interface Migration {
  readonly roots: readonly RootRequest[];
  readonly report: Report;
  /**
   * The second lane compared with the event files, then the first lane with the second. Fewer if the signal ended it
   * early.
   */
  readonly verifications: readonly Verification[];
  /** The data of the first lane that never was in event files; undefined: unknown, or the lane is the store. */
  readonly foreign: ForeignFindings | undefined;
  readonly verdict: Verdict;
}

/**
 * Mirrors everything into one lane, compares it with the event files and with another lane, and judges whether that
 * other one can be switched off. Changes nothing in the first lane. Throws MB3008 before any work if nothing was
 * mirrored into it.
 */
export async function migrate(options: MigrateOptions): Promise<Migration> {
  const { from, to, accepted = [], statePath, makeLanes, signal, onMirrored } = options;
  const roots = await knownRoots(options);
  const store = [from, to].includes('local') ? options.store : undefined;
  const { rules, linksOf, moved, runEndedAfterOf, patienceMs, onStart, onDifference } = options;
  const shared = {
    roots,
    statePath,
    signal,
    ...(rules === undefined ? {} : { rules }),
    ...(linksOf === undefined ? {} : { linksOf }),
    ...(onStart === undefined ? {} : { onStart }),
  };
  // `backfill` closes its backends at the end; verification makes new ones.
  const report = await backfill({
    ...shared,
    store: to === 'local' ? store : undefined,
    trackers: await makeLanes([to]),
    ...(moved === undefined ? {} : { moved }),
    ...(runEndedAfterOf === undefined ? {} : { runEndedAfterOf }),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  onMirrored?.(report);
  const verifications: Verification[] = [];
  let foreign: ForeignFindings | undefined;
  if (!signal.aborted) {
    const trackers = await makeLanes([from, to]);
    const compared = { ...shared, ...(onDifference === undefined ? {} : { onDifference }) };
    try {
      const only = trackers.filter(({ name }) => name === to);
      const own = await verifyLanes({ ...compared, store: to === 'local' ? store : undefined, trackers: only });
      for (const verification of own) verifications.push(verification);
      if (!signal.aborted) verifications.push(await verifyBetween([from, to], { ...compared, store, trackers }));
      const old = trackers.find(({ name }) => name === from);
      if (!signal.aborted && old !== undefined) foreign = await foreignIn(old, shared);
    } finally {
      await closeLanes(trackers);
    }
  }
  return { roots, report, verifications, foreign, verdict: verdictOf({ from, to, accepted }, report, verifications, foreign) };
}

/**
 * Returns the roots of the caller, else those that the first lane has. A lane without any proves nothing: that is
 * reported before hours of work.
 */
async function knownRoots(options: MigrateOptions): Promise<readonly RootRequest[]> {
  const { from, store, roots = [] } = options;
  const isStore = from === 'local' && store !== undefined;
  const isEmpty = isStore ? rootsIn(store.path).length === 0 : await isEmptyLane(options);
  if (isEmpty) {
    throw new MirrorError('MB3008', `nothing is mirrored into ${from} yet, so there is nothing to migrate`, {
      command: `mirrorboard backfill LOGDIR --to ${from}`,
    });
  }
  if (roots.length > 0) return roots;
  if (isStore) return rootsIn(store.path);
  const state = StateFile.openForReading(options.statePath);
  try {
    return state.roots().map(({ name, path }) => ({ name, path }));
  } finally {
    state.close();
  }
}

function rootsIn(path: string): readonly RootRequest[] {
  const reader = openStore(path);
  try {
    return reader.rootsWithRuns().map(({ name, path: place }) => ({ name, path: place }));
  } finally {
    reader.close();
  }
}

async function isEmptyLane({ from, statePath, makeLanes }: MigrateOptions): Promise<boolean> {
  const [made] = await makeLanes([from]);
  if (made === undefined) return false;
  try {
    const state = StateFile.openForReading(statePath);
    try {
      for (const [, { points, files }] of state.lane(made.name, made.target).knownRuns()) if (points > 0 || files.length > 0) return false;
      return true;
    } finally {
      state.close();
    }
  } finally {
    await closeLanes([made]);
  }
}
