/**
 * Runs that a lane does not hear of yet, because it depends on their neighbours what becomes of them: whole trees are
 * copied in any order.
 */
import type { Clock } from '../clock.ts';
import type { ChangedFile, RunChange } from '../discover/index.ts';
import type { RunRef } from '../model/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneSync } from './lane-sync.ts';

/** Files that a lane is not told of yet. */
interface HeldFiles {
  readonly sync: LaneSync;
  readonly run: RunRef;
  readonly sinceMs: number;
  readonly files: (readonly ChangedFile[])[];
}

/** Which lanes wait, and how long. */
interface HeldBackOptions {
  /** Lanes whose folding depends on which runs there are. */
  readonly lanes: ReadonlySet<string>;
  /** Whether the first scan of a root is over. */
  readonly wasScanned: (root: string) => boolean;
  /** Every run that is known. */
  readonly tree: RunTree;
  /** So long nothing new comes to a root before a lane decides. Default 5000. */
  readonly quietMs: () => number | undefined;
  readonly clock: Clock;
}

const QUIET_MS = 5000;
/** At most so many times that delay. */
const MOST_TIMES = 12;

/**
 * A lane that asks who else lies next to a run hears of those of a first scan when it is over, and all are known; of
 * a run that would be the first of its kind when nothing new came to its root for a moment.
 */
export class HeldBackRuns {
  readonly #options: HeldBackOptions;
  /** By lane and run. */
  readonly #held = new Map<string, HeldFiles>();
  /** When a run was heard of last that is new, by root and the steady clock. */
  readonly #newAtMs = new Map<string, number>();

  constructor(options: HeldBackOptions) {
    this.#options = options;
  }

  /** True if a lane is not to hear of some files yet; then they are kept. */
  holds(sync: LaneSync, run: RunRef, files: readonly ChangedFile[]): boolean {
    const { lanes, clock } = this.#options;
    if (!lanes.has(sync.lane)) return false;
    const key = JSON.stringify([sync.lane, run.root, run.path]);
    const held = this.#held.get(key);
    const nowMs = clock.steadyMs();
    // What came first is told first.
    if (held === undefined && !this.#isToWait(sync, run, nowMs)) return false;
    if (held === undefined) this.#held.set(key, { sync, run, sinceMs: nowMs, files: [files] });
    else held.files.push(files);
    return true;
  }

  /** Tells the lanes what need not wait any more. */
  tellDue(): void {
    for (const [key, { sync, run, sinceMs, files }] of this.#held) {
      if (this.#isToWait(sync, run, sinceMs)) continue;
      this.#held.delete(key);
      for (const each of files) sync.filesChanged(run, each);
    }
  }

  /** Notes when something new came to a root. */
  noteNew(root: string, changes: readonly RunChange[]): void {
    const { tree, clock } = this.#options;
    if (changes.some(({ run: path, files }) => files.some(({ before }) => before === 0) && !tree.has({ root, path })))
      this.#newAtMs.set(root, clock.steadyMs());
  }

  /** Forgets what was kept: the next round hears of it again. */
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
