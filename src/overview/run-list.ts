/** Lists the runs, and their state in each lane: only from store and state, so that it is quick. */
import type { StoreReader } from '../backends/local/index.ts';
import { keyOfRun, type RunRef } from '../model/index.ts';
import type { ListedInState, StateReader } from '../state/index.ts';

/** The states of a run, which a listing shows and can select. */
export const RUN_STATES = ['done', 'behind', 'refused', 'damaged', 'left-out', 'not-begun', 'kept', 'gone'] as const;
/** One of `RUN_STATES`. */
export type RunState = (typeof RUN_STATES)[number];

/** The state of a run in a lane. */
export interface ListedLane {
  readonly lane: string;
  readonly state: Extract<RunState, 'done' | 'behind' | 'refused' | 'left-out' | 'not-begun'>;
  /** Bytes of its files that other lanes have read, or saw, and this lane has not. */
  readonly behind: number;
  readonly refused: number;
  /** Refused files and params next to the event files. */
  readonly refusedFiles: number;
}

/** A run, and its state in each lane. */
export interface ListedRun {
  readonly run: RunRef;
  readonly points: number;
  readonly tags: number;
  readonly files: number;
  readonly bytes: number;
  readonly lastStep: number | bigint | null;
  /** The wall time, in seconds. */
  readonly lastWallTime: number | null;
  /** True if part of its files cannot be read, is incomplete, or is pending. */
  readonly isDamaged: boolean;
  /** True if its files are not expected any more. */
  readonly isKept: boolean;
  readonly lanes: readonly ListedLane[];
}

/** The sources of a listing; undefined: there is none, or the caller does not want it. */
interface ListSources {
  readonly store: StoreReader | undefined;
  readonly state: StateReader | undefined;
  /** The lanes that lead to trackers. */
  readonly trackers: readonly { readonly name: string; readonly target: string }[];
}

/** Returns the runs in the order of their names. `root`: only the runs of one root. */
export function listAllRuns({ store, state, trackers }: ListSources, root?: string): ListedRun[] {
  const runs = new Map<string, ListedRun>();
  const read = new Map<string, number>();
  for (const listed of store?.listed(root) ?? []) {
    const key = keyOfRun(listed.run);
    const { read: bytesRead, ...facts } = listed;
    read.set(key, bytesRead);
    runs.set(key, { ...facts, lanes: [] });
  }
  // None of the trackers has begun an unknown run.
  const unknown = trackers.map(({ name: lane }): ListedLane => ({ lane, state: 'not-begun', behind: 0, refused: 0, refusedFiles: 0 }));
  for (const [key, run] of runs) runs.set(key, { ...run, lanes: unknown });
  for (const [at, { name, target }] of trackers.entries()) {
    for (const listed of state?.listed(name, target, root) ?? []) {
      const key = keyOfRun(listed.run);
      const known = runs.get(key) ?? ofState(listed, unknown);
      const lane = laneListing(name, listed, read.get(key) ?? 0);
      const lanes = known.lanes.with(at, lane);
      // Without a store, the first lane's state counts.
      runs.set(key, store === undefined && at === 0 ? ofState(listed, lanes) : { ...known, lanes });
    }
  }
  return [...runs.values()].toSorted((a, b) => compare(a.run.root, b.run.root) || compare(a.run.path, b.run.path));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function ofState(
  { run, points, tags, files, bytes, lastStep, lastWallTime, isDamaged }: ListedInState,
  lanes: readonly ListedLane[],
): ListedRun {
  return { run, points, tags, files, bytes, lastStep, lastWallTime, isDamaged, isKept: false, lanes };
}

function laneListing(lane: string, { isOut, read, delivered, gaps, refused, refusedFiles }: ListedInState, stored: number): ListedLane {
  const behind = Math.max(0, Math.max(read, stored) - delivered);
  const state = isOut
    ? 'left-out'
    : delivered === 0 && behind > 0
      ? 'not-begun'
      : behind > 0 || gaps > 0
        ? 'behind'
        : refused + refusedFiles > 0
          ? 'refused'
          : 'done';
  return { lane, state, behind: isOut ? 0 : behind, refused, refusedFiles };
}

/** True if a run is in a state, for one lane or for any. `gone` is unknown here. */
export function isInState(run: ListedRun, state: RunState, lane: string | undefined): boolean {
  const lanes = run.lanes.filter((each) => lane === undefined || each.lane === lane);
  switch (state) {
    case 'damaged':
      return run.isDamaged;
    case 'kept':
      return run.isKept;
    case 'done':
      return lanes.every((each) => each.state === 'done' || each.state === 'left-out');
    case 'gone':
      return true;
    case 'behind':
      return lanes.some((each) => each.state === 'behind' || each.state === 'not-begun');
    case 'refused':
      return lanes.some((each) => each.refused + each.refusedFiles > 0);
    default:
      return lanes.some((each) => each.state === state);
  }
}
