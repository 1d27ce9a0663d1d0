/**
 * Runs whose places were taken: what is new there waits until it is known whether what was there is elsewhere now.
 */
import { machineMs } from '../clock.ts';
import type { RunChange } from '../discover/index.ts';
import { type FileState, keyOfRun, type RunRef } from '../model/index.ts';
import { isOther, isThere, type Knower, sizeNow } from './moved-files.ts';

/** What is known of files, and where it was known from. */
interface TakenPathsOptions {
  readonly helds: readonly Knower[];
  /** Where a root lies. */
  readonly pathOf: (root: string) => string | undefined;
  /** The roots that a run may have been moved to, as far as they answer. */
  readonly roots: () => Iterable<string>;
  /** Asks for a scan of every root. */
  readonly scanSoon: () => void;
  /** Default: `machineMs`. */
  readonly now?: () => number;
}

/**
 * So long a run waits at most: the scan of a very large root takes minutes, and it rests for longer between two
 * scans.
 */
const MOST_WAIT_MS = 60_000;

type KnownFile = Pick<FileState, 'name' | 'stamp' | 'size'>;

interface Waiting {
  readonly run: RunRef;
  /** By `machineMs`. */
  readonly sinceMs: number;
  readonly changes: RunChange[];
}

/**
 * A file that is read in a taken place before the run that left it was found would make that run a part of itself,
 * and no move.
 */
export class TakenPaths {
  readonly #options: TakenPathsOptions;
  readonly #now: () => number;
  readonly #waiting = new Map<string, Waiting>();
  /** When the last scan of each root began. */
  readonly #scannedAtMs = new Map<string, number>();
  /** The last reported file of each run: if it is still there, the place was not taken. */
  readonly #witnesses = new Map<string, KnownFile>();
  /** Roots of which something is known from before. */
  readonly #known: ReadonlySet<string>;

  constructor(options: TakenPathsOptions) {
    this.#options = options;
    this.#now = options.now ?? machineMs;
    this.#known = new Set(options.helds.flatMap((held) => held.roots().map(({ name }) => name)));
  }

  /** The changes without those of runs that have to wait: `due` has them later. */
  sift(root: string, changes: readonly RunChange[]): readonly RunChange[] {
    const sifted = changes.filter((change) => !this.#waits({ root, path: change.run }, change));
    return sifted.length === changes.length ? changes : sifted;
  }

  /** A scan of a root that began at a moment of `machineMs` is over, and all that it found was told. */
  scanned(root: string, startedAtMs: number): void {
    this.#scannedAtMs.set(root, startedAtMs);
  }

  /**
   * Changes that need not wait any more: all roots were scanned since, so the run is nowhere else; or they waited long.
   */
  due(): { readonly root: string; readonly changes: readonly RunChange[] }[] {
    if (this.#waiting.size === 0) return [];
    let scannedAtMs = Number.POSITIVE_INFINITY;
    for (const root of this.#options.roots()) scannedAtMs = Math.min(scannedAtMs, this.#scannedAtMs.get(root) ?? 0);
    const nowMs = this.#now();
    return [...this.#waiting].flatMap(([key, { run, sinceMs, changes }]) => {
      if (sinceMs > scannedAtMs && nowMs - sinceMs < MOST_WAIT_MS) return [];
      this.#waiting.delete(key);
      const last = changes.at(-1)?.files.at(-1);
      if (last !== undefined) this.#witnesses.set(key, last);
      return [{ root: run.root, changes }];
    });
  }

  #waits(run: RunRef, change: RunChange): boolean {
    const key = keyOfRun(run);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.changes.push(change);
      return true;
    }
    if (!change.files.some(({ before, isOther }) => before === 0 || isOther === true)) return false;
    if (this.#isTaken(run, key, change)) {
      this.#waiting.set(key, { run, sinceMs: this.#now(), changes: [change] });
      this.#options.scanSoon();
      return true;
    }
    const last = change.files.at(-1);
    if (last !== undefined) this.#witnesses.set(key, last);
    return false;
  }

  /**
   * Whether all that was known of a run is gone, or other files: at least one of them gone, or shorter than what was
   * read, as a file that was copied there once more is not.
   */
  #isTaken(run: RunRef, key: string, { files }: RunChange): boolean {
    const rootPath = this.#options.pathOf(run.root);
    const isAway = (file: KnownFile): boolean => !isThere(rootPath, run.path, file.name) || isOther(rootPath, run.path, file);
    const witness = this.#witnesses.get(key);
    if (witness !== undefined && !isAway(witness)) return false;
    const held = this.#known.has(run.root) ? this.#options.helds.flatMap((each) => each.positions(run).files) : [];
    // What was told of may be on its way.
    const known: readonly KnownFile[] = witness === undefined ? held : [...held, witness];
    if (!known.every(isAway)) return false;
    return known.some(({ name, size }) => {
      const now = files.find((file) => file.name === name);
      // One that this change does not tell of was replaced at about the same time.
      return now === undefined ? (sizeNow(rootPath, run.path, name) ?? size) < size : now.size < now.before;
    });
  }
}
