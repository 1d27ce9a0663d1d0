/** A directory in which something may be created. */
interface Candidate {
  readonly path: string;
  readonly depth: number;
  /** True if event files are in it. */
  hasFiles: boolean;
  /** True if a directory with event files is below it: the next run tends to appear next to an existing one. */
  isAbove: boolean;
  /** The time when the newest event file in it or below it was written. */
  writtenMs: number;
}

/**
 * The directories of a root that are most worth a notification, collected during a scan. It holds no more of them
 * than there may be notifications, however many the root has. Paths are relative to the root, which is not among
 * them.
 */
export class DirectoryCandidates {
  readonly #most: number;
  #kept = new Map<string, Candidate>();

  constructor(most: number) {
    this.#most = most;
  }

  clear(): void {
    this.#kept.clear();
  }

  /** Adds a directory that exists. */
  add(path: string): void {
    this.#at(path);
  }

  /** Adds a directory with event files, the newest of which was written at `writtenMs`. */
  addRun(path: string, writtenMs: number): void {
    const run = this.#at(path);
    if (run !== undefined) {
      run.hasFiles = true;
      run.writtenMs = Math.max(run.writtenMs, writtenMs);
    }
    for (const above of directoriesAbove(path)) {
      const candidate = this.#at(above);
      if (candidate === undefined || (candidate.isAbove && candidate.writtenMs >= writtenMs)) break;
      candidate.isAbove = true;
      candidate.writtenMs = Math.max(candidate.writtenMs, writtenMs);
    }
  }

  /**
   * Returns the directories with runs below them: shallow ones first, and at equal depth those with the newest files.
   */
  above(): string[] {
    return this.#sorted()
      .filter(({ isAbove }) => isAbove)
      .map(({ path }) => path);
  }

  /** Returns all others, in the same order. */
  others(): string[] {
    return this.#sorted()
      .filter(({ isAbove }) => !isAbove)
      .map(({ path }) => path);
  }

  #at(path: string): Candidate | undefined {
    if (path === '' || path === '.') return undefined;
    let candidate = this.#kept.get(path);
    if (candidate === undefined) {
      candidate = { path, depth: path.split('/').length, hasFiles: false, isAbove: false, writtenMs: 0 };
      this.#kept.set(path, candidate);
      // Picks out the best from time to time, which costs less than keeping an order all the time.
      if (this.#kept.size > 2 * this.#most + 64) this.#kept = new Map(this.#sorted().map((kept) => [kept.path, kept]));
    }
    return candidate;
  }

  #sorted(): Candidate[] {
    return [...this.#kept.values()].sort(byWorth).slice(0, this.#most);
  }
}

/** Yields the directories above a path, the nearest first, without the root itself. */
export function* directoriesAbove(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end);
}

/**
 * Compares two directories by worth. At the same depth, one without files may get new runs; one with files seldom
 * gets a new file.
 */
function byWorth(a: Candidate, b: Candidate): number {
  return (
    Number(b.isAbove) - Number(a.isAbove) ||
    a.depth - b.depth ||
    Number(a.hasFiles) - Number(b.hasFiles) ||
    b.writtenMs - a.writtenMs ||
    (a.path < b.path ? -1 : 1)
  );
}
