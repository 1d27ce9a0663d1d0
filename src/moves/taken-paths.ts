/**
 * Holds back runs at paths of other runs: new files there wait until it is known whether the earlier run has moved.
 */
import { machineMs } from '../clock.ts';
import type { RunChange } from '../discover/index.ts';
import { type FileState, keyOfRun, type RunRef } from '../model/index.ts';
import { isOther, isThere, type Knower, sizeNow } from './moved-files.ts';

/** The sources of known files, and the roots. */
interface TakenPathsOptions {
  readonly helds: readonly Knower[];
  /** Returns the path of a root; undefined if the root does not answer: nothing counts as gone there. */
  readonly pathOf: (root: string) => string | undefined;
  /** Returns the roots to which a run may have been moved, without those that do not answer. */
  readonly roots: () => Iterable<string>;
  /** Asks for a scan of every root. */
  readonly scanSoon: () => void;
  /** Default: `machineMs`. */
  readonly now?: () => number;
}

/**
 * The longest wait of a run: the scan of a very large root takes minutes, and the pause between two scans is even
 * longer.
 */
const MOST_WAIT_MS = 60_000;

type KnownFile = Pick<FileState, 'name' | 'stamp' | 'size'>;

interface Waiting {
  readonly run: RunRef;
  /** The start of the wait, by `machineMs`. */
  readonly sinceMs: number;
  readonly changes: RunChange[];
}

/**
 * Runs at paths that belonged to others. If a file there were read before the earlier run is found elsewhere, that
 * run would count as split, not as moved.
 */
export class TakenPaths {
  readonly #options: TakenPathsOptions;
  readonly #now: () => number;
  readonly #waiting = new Map<string, Waiting>();
  /** The start of the last scan of each root. */
  readonly #scannedAtMs = new Map<string, number>();
  /** The last reported file of each run: if it still exists, the path was not taken. */
  readonly #witnesses = new Map<string, KnownFile>();
  /** Roots of which runs were known before. */
  readonly #known: ReadonlySet<string>;

  constructor(options: TakenPathsOptions) {
    this.#options = options;
    this.#now = options.now ?? machineMs;
    this.#known = new Set(options.helds.flatMap((held) => held.roots().map(({ name }) => name)));
  }

  /** Returns the changes without those of runs that must wait: `due` returns these later. */
  sift(root: string, changes: readonly RunChange[]): readonly RunChange[] {
    const sifted = changes.filter((change) => !this.#waits({ root, path: change.run }, change));
    return sifted.length === changes.length ? changes : sifted;
  }

  /**
   * Notes that a scan of a root is over, and everything that it found was reported. `startedAtMs`: by `machineMs`.
   */
  scanned(root: string, startedAtMs: number): void {
    this.#scannedAtMs.set(root, startedAtMs);
  }

  /** Notes that files are gone, so they wait no more. If they come back, they are reported again. */
  filesGone(root: string, files: readonly { readonly run: string; readonly name: string }[]): void {
    if (this.#waiting.size === 0) return;
    for (const { run: path, name } of files) {
      const changes = this.#waiting.get(keyOfRun({ root, path }))?.changes ?? [];
      for (const [i, change] of changes.entries()) changes[i] = { ...change, files: change.files.filter((file) => file.name !== name) };
    }
  }

  /**
   * Returns changes that need not wait any more: all roots were scanned since, so the run is nowhere else; or they
   * waited long.
   */
  due(): { readonly root: string; readonly changes: readonly RunChange[] }[] {
    if (this.#waiting.size === 0) return [];
    let scannedAtMs = Number.POSITIVE_INFINITY;
    for (const root of this.#options.roots()) scannedAtMs = Math.min(scannedAtMs, this.#scannedAtMs.get(root) ?? 0);
    const nowMs = this.#now();
    return [...this.#waiting].flatMap(([key, { run, sinceMs, changes }]) => {
      if (sinceMs > scannedAtMs && nowMs - sinceMs < MOST_WAIT_MS) return [];
      this.#waiting.delete(key);
      const left = changes.filter(({ files }) => files.length > 0);
      const last = left.at(-1)?.files.at(-1);
      if (last === undefined) return [];
      this.#witnesses.set(key, last);
      return [{ root: run.root, changes: left }];
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
   * True if all known files of a run are gone or replaced, and at least one is gone, or shorter than what was read. A
   * file that was only copied there again is not shorter.
   */
  #isTaken(run: RunRef, key: string, { files }: RunChange): boolean {
    const rootPath = this.#options.pathOf(run.root);
    const isAway = (file: KnownFile): boolean => !isThere(rootPath, run.path, file.name) || isOther(rootPath, run.path, file);
    const witness = this.#witnesses.get(key);
    if (witness !== undefined && !isAway(witness)) return false;
    const held = this.#known.has(run.root) ? this.#options.helds.flatMap((each) => each.positions(run).files) : [];
    // Reported files may not be stored yet.
    const known: readonly KnownFile[] = witness === undefined ? held : [...held, witness];
    if (!known.every(isAway)) return false;
    return known.some(({ name, size }) => {
      const now = files.find((file) => file.name === name);
      // A file that is not in this change was replaced at about the same time.
      return now === undefined ? (sizeNow(rootPath, run.path, name) ?? size) < size : now.size < now.before;
    });
  }
}
