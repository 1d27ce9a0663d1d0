/**
 * Changes what is known of roots and runs in state, store and trackers, so that a crash during a change leaves
 * nothing incomplete.
 */
import { existsSync } from 'node:fs';
import type { LocalBackend } from '../backends/local/index.ts';
import { type Clock, timeoutSignal } from '../clock.ts';
import type { Handle } from '../contract/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import type { Removal, Tidying } from '../model/index.ts';
import { realPath } from '../real-path.ts';
import type { StateFile, Task } from '../state/index.ts';

/** The state, store and trackers that a change affects. */
export interface TidyTargets {
  /** The state; undefined if there is only a store, which makes each change atomically. */
  readonly state: StateFile | undefined;
  readonly local: { readonly backend: LocalBackend; readonly path: string } | undefined;
  /** The available lanes. */
  readonly trackers: readonly Pick<TrackerLaneOptions, 'name' | 'target' | 'backend'>[];
  /** Called when something could not be done. The next start retries it. */
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** The outcome for the tracker runs that should be removed. */
export interface Removed {
  readonly removed: number;
  /** Tracker runs that are left for the next start. */
  readonly left: number;
}

/**
 * Makes changes everywhere. The state comes first, with notes of what must follow, so that the next start finishes it
 * (`finishTidying`). All changes are in the state before a tracker run is removed: one that is in use stays.
 */
export async function tidy(targets: TidyTargets, tidyings: readonly Tidying[], removals: readonly Removal[] = []): Promise<Removed> {
  const { state, local } = targets;
  if (state === undefined) {
    for (const tidying of tidyings) local?.backend.tidy(tidying);
    return { removed: 0, left: 0 };
  }
  const store = local === undefined ? undefined : realPath(local.path);
  for (const [i, tidying] of tidyings.entries()) state.tidy(tidying, store, i === 0 ? removals : []);
  return finishTidying(targets);
}

/** Finishes changes that were interrupted. Tasks for another store, or for a lane that is not available, wait. */
export async function finishTidying(targets: TidyTargets): Promise<Removed> {
  let [removed, left] = [0, 0];
  const removing = { failed: new Set<string>(), used: new Map<string, ReadonlySet<string>>() };
  for (const task of targets.state?.tasks() ?? []) {
    if (!updateStore(targets, task)) continue;
    const rest = await removeAll(targets, task.removals, removing);
    removed += task.removals.length - rest.length;
    left += rest.length;
    targets.state?.taskDone(task, rest);
  }
  return { removed, left };
}

/** Makes a task's change in the store. Returns false if the task belongs to another store. */
function updateStore({ local }: TidyTargets, { store, tidying }: Task): boolean {
  if (store === undefined) return true;
  if (local === undefined || realPath(local.path) !== store) {
    // A store that no longer exists needs no change.
    return !existsSync(store);
  }
  local.backend.tidy(tidying);
  return true;
}

/** The state of the lanes from which tracker runs are removed, by their names. */
interface Removing {
  /** Lanes that failed: their other runs are not tried. */
  readonly failed: Set<string>;
  /** The handles that each lane uses. */
  readonly used: Map<string, ReadonlySet<string>>;
}

/** Removes tracker runs. Returns those that could not be removed, and must be retried. */
async function removeAll(
  { state, trackers, warn, signal, clock }: TidyTargets,
  removals: readonly Removal[],
  { failed, used }: Removing,
): Promise<Removal[]> {
  const rest: Removal[] = [];
  for (const removal of removals) {
    const { lane, target, handle, label } = removal;
    const tracker = trackers.find((each) => each.name === lane && each.target === target);
    if (tracker === undefined || failed.has(lane)) {
      rest.push(removal);
      continue;
    }
    const handles = used.get(lane) ?? handlesOf(state, removal);
    used.set(lane, handles);
    // The tracker run was mirrored again meanwhile, and is in use.
    if (handles.has(handle)) continue;
    try {
      signal.throwIfAborted();
      await tracker.backend.remove?.(handle as Handle, AbortSignal.any([signal, timeoutSignal(REMOVE_MS, clock)]));
    } catch (error) {
      // This error is about this run alone: it no longer exists.
      if (error instanceof MirrorError && error.code === 'MB4006') continue;
      warn(`the tracker run of ${label} could not be deleted from ${lane}: ${messageOf(error)}`);
      rest.push(removal);
      failed.add(lane);
    }
  }
  return rest;
}

function handlesOf(state: StateFile | undefined, { lane, target }: Removal): ReadonlySet<string> {
  const handles = state?.lane(lane, target).handles() ?? [];
  return new Set(handles.map(([, handle]) => handle));
}

/** The time limit for one removal: a start waits for it. */
const REMOVE_MS = 15_000;
