/** A directory in which something may be made. */
interface Candidate {
  readonly path: string;
  readonly depth: number;
  /** Whether event files are in it. */
  hasFiles: boolean;
  /** True if a directory with event files is below it: where one run is, the next one comes. */
  isAbove: boolean;
  /** When the newest event file in it or below it was written. */
  writtenMs: number;
}

/**
 * The directories of a root that are most worth a notification, as a scan meets them: no more are held than there may
 * be notifications, however many the root has. Paths are relative to the root, which is not among them.
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

  /** A directory that exists. */
  add(path: string): void {
    this.#at(path);
  }

  /** A directory with event files, the newest of which was written then. */
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

  /** Those with runs below them: the shallow ones first, and among them those with the newest files. */
  above(): string[] {
    return this.#sorted()
      .filter(({ isAbove }) => isAbove)
      .map(({ path }) => path);
  }

  /** All others, in the same order. */
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
      // The best so far are picked out now and then, which costs less than keeping an order all the time.
      if (this.#kept.size > 2 * this.#most + 64) this.#kept = new Map(this.#sorted().map((kept) => [kept.path, kept]));
    }
    return candidate;
  }

  #sorted(): Candidate[] {
    return [...this.#kept.values()].sort(byWorth).slice(0, this.#most);
  }
}

/** What lies above a path, the nearest first; the root itself is not named. */
export function* directoriesAbove(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end);
}

/** At the same depth, one without files may become the place of new runs; one with files gets a new file seldom. */
function byWorth(a: Candidate, b: Candidate): number {
  return (
    Number(b.isAbove) - Number(a.isAbove) ||
    a.depth - b.depth ||
    Number(a.hasFiles) - Number(b.hasFiles) ||
    b.writtenMs - a.writtenMs ||
    (a.path < b.path ? -1 : 1)
  );
}
