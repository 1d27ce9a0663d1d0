/**
 * Holds back runs that a lane does not get yet, because their neighbours decide how they are treated: whole trees are
 * copied in any order.
 */
import type { Clock } from '../clock.ts';
import type { ChangedFile, RunChange } from '../discover/index.ts';
import type { RunRef } from '../model/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneSync } from './lane-sync.ts';

/** Files that are held back from a lane. */
interface HeldFiles {
  readonly sync: LaneSync;
  readonly run: RunRef;
  readonly sinceMs: number;
  readonly files: (readonly ChangedFile[])[];
}

/** The lanes that wait, and how long. */
interface HeldBackOptions {
  /** Lanes whose folding depends on the existing runs. */
  readonly lanes: ReadonlySet<string>;
  /** True if the first scan of a root is over. */
  readonly wasScanned: (root: string) => boolean;
  /** Every known run. */
  readonly tree: RunTree;
  /** Milliseconds without new files in a root before a lane decides. Default 5000. */
  readonly quietMs: () => number | undefined;
  readonly clock: Clock;
}

const QUIET_MS = 5000;
/** The longest wait, as a multiple of that delay. */
const MOST_TIMES = 12;

/**
 * Holds back runs from a lane whose folding depends on neighbours. Such a lane gets the runs of a first scan when the
 * scan is over, and all are known. It gets a run that would be the first of its kind when nothing new has come to the
 * root for a moment.
 */
export class HeldBackRuns {
  readonly #options: HeldBackOptions;
  /** Files that are held back, by lane and run. */
  readonly #held = new Map<string, HeldFiles>();
  /** The time when the last new run was noticed, by root and the steady clock. */
  readonly #newAtMs = new Map<string, number>();

  constructor(options: HeldBackOptions) {
    this.#options = options;
  }

  /** Returns true, and keeps the files, if a lane must not get them yet. */
  holds(sync: LaneSync, run: RunRef, files: readonly ChangedFile[]): boolean {
    const { lanes, clock } = this.#options;
    if (!lanes.has(sync.lane)) return false;
    const key = JSON.stringify([sync.lane, run.root, run.path]);
    const held = this.#held.get(key);
    const nowMs = clock.steadyMs();
    // Files are passed on in the order in which they came.
    if (held === undefined && !this.#isToWait(sync, run, nowMs)) return false;
    if (held === undefined) this.#held.set(key, { sync, run, sinceMs: nowMs, files: [files] });
    else held.files.push(files);
    return true;
  }

  /** Passes on to the lanes what need not wait any more. */
  releaseDue(): void {
    for (const [key, { sync, run, sinceMs, files }] of this.#held) {
      if (this.#isToWait(sync, run, sinceMs)) continue;
      this.#held.delete(key);
      for (const each of files) sync.filesChanged(run, each);
    }
  }

  /** Notes when a new run came to a root. */
  noteNew(root: string, changes: readonly RunChange[]): void {
    const { tree, clock } = this.#options;
    if (changes.some(({ run: path, files }) => files.some(({ before }) => before === 0) && !tree.has({ root, path })))
      this.#newAtMs.set(root, clock.steadyMs());
  }

  /** Forgets the files that are held back: the next round reports them again. */
  clear(): void {
    this.#held.clear();
  }

  #isToWait(sync: LaneSync, run: RunRef, sinceMs: number): boolean {
    const { wasScanned, clock } = this.#options;
    const quietMs = this.#options.quietMs() ?? QUIET_MS;
    if (!wasScanned(run.root)) return true;
    const nowMs = clock.steadyMs();
    if (nowMs - sinceMs >= MOST_TIMES * quietMs || nowMs - (this.#newAtMs.get(run.root) ?? 0) >= quietMs) return false;
    return sync.waitsForOthers?.(run) === true;
  }
}
