import { basename, dirname, relative, sep } from 'node:path';
import { existsSync, lstatSync, readlinkSync } from '../calls/index.ts';
import { asWallMs, steadyMs } from '../clock.ts';
import { changedMsOf, compareNames, filePathOf, inodeOf } from '../model/index.ts';
import { systemPath } from '../name-bytes.ts';
import { DEFAULT_LINKS, directoryOf, fullPath, inDirectory, type LinkRule, lookNow } from '../untrusted/index.ts';
import { DirectoryCache } from './directory-cache.ts';
import { DirectoryCandidates, directoriesAbove } from './directory-candidates.ts';
import { isApart, isCompanion, isEventFileName } from './event-file-name.ts';
import { HOT_MS, pollInterval, WARM_MS } from './heat.ts';
import { KnownFiles } from './known-files.ts';
import type { RunFilter } from './run-filter.ts';
import { type FoundFile, type Visited, visit, type WalkObstacle, type WalkOptions } from './walk.ts';

/** Changed files of one run. */
export interface RunChange {
  readonly run: string;
  readonly files: readonly ChangedFile[];
}

/** A file that is new or differs from when it was last seen. */
export interface ChangedFile extends FoundFile {
  /** The size at the previous check; 0 for a new file. */
  readonly before: number;
  /** Set if another file had the name at the previous check. */
  readonly isOther?: true;
}

/** The differences that a scan found. */
interface ScanResult {
  readonly changes: readonly RunChange[];
  /** Files that are gone. */
  readonly gone: readonly { readonly run: string; readonly name: string }[];
  readonly obstacles: readonly WalkObstacle[];
  readonly directories: number;
  readonly files: number;
  /**
   * True if the root itself is missing, or cannot be checked, which is then an obstacle. Nothing below it counts as
   * gone.
   */
  readonly isMissing: boolean;
  /** True if the root exists, but every file disappeared at once: most likely its file system is not mounted. */
  readonly isEmptied: boolean;
}

/** A file that grew recently. */
interface Active {
  readonly run: string;
  readonly name: string;
  grewAtMs: number;
  dueAtMs: number;
}

/** Every so many scans, directories are read again whatever their time says. */
const UNCONDITIONAL_EVERY = 10;
/** The largest number of links that are checked between scans. */
const MOST_LINKS = 1000;
/** During a scan, results are reported in pieces of this many runs, or after this time. */
const REPORT_RUNS = 256;
const REPORT_MS = 200;
/** The largest number of directories of a root that are watched: each costs the system and mirrorboard memory. */
export const MOST_WATCHES = 2000;
/** The largest number of new directories that are remembered: a user may unpack a whole tree. */
const MOST_NEW_DIRECTORIES = 10_000;

/**
 * Knows the event files of one root and reports their changes. It scans everything, checks files that grew recently,
 * and checks paths named by notifications. It keeps a few numbers a file, and never opens one.
 */
export class RootWatch {
  readonly #path: string;
  readonly #below: string;
  /** The rule for following links. */
  readonly #rule: LinkRule;
  readonly #filter: RunFilter | undefined;
  readonly #cache = new DirectoryCache();
  readonly #files = new KnownFiles();
  /** The files that grew in the last hour, as observed: only these are checked between scans. */
  readonly #active = new Map<string, Active>();
  readonly #newDirectories = new Map<string, number>();
  /** Directories as the last scan found them, inactive ones too. */
  readonly #places = new DirectoryCandidates(MOST_WATCHES);
  /** Targets of links to directories in the last scan, by the link's path. */
  readonly #links = new Map<string, string>();
  #scans = 0;
  /** The number of files before all disappeared at once; 0 while there are any. */
  #lostAll = 0;

  constructor({
    path,
    below,
    links = DEFAULT_LINKS,
    filter,
  }: {
    readonly path: string;
    readonly below: string;
    readonly links?: LinkRule;
    readonly filter?: RunFilter | undefined;
  }) {
    this.#path = path;
    this.#rule = links;
    this.#below = below;
    this.#filter = filter;
  }

  /** Loads files known from before: only a difference from them is a change. */
  seed(
    files: Iterable<{ readonly run: string; readonly name: string; readonly size: number; readonly stamp: string }>,
    nowMs = steadyMs(),
  ): void {
    for (const { run, ...file } of files) {
      const { name, stamp } = file;
      // Ignores files that only an older version or another setting took for event files: they are neither watched
      // nor gone.
      if (!this.#isOurs(run) || !isEventFileName(name) || isApart(filePathOf(run, name), this.#filter)) continue;
      this.#files.set(this.#files.find(run, name) ?? this.#files.add(run, name), file, this.#scans);
      this.#activate(run, name, writtenAt(stamp, nowMs), nowMs);
    }
  }

  /** Scans the root. `onChanges` receives what was found so far during the scan; the result has the rest. */
  scan(nowMs: number, onChanges?: (changes: readonly RunChange[]) => void): ScanResult {
    if (this.#scans++ % UNCONDITIONAL_EVERY === 0) this.#cache.clear();
    this.#links.clear();
    this.#places.clear();
    const changes: RunChange[] = [];
    const before = this.#files.size;
    let reportedAtMs = steadyMs();
    const onRun = (): void => {
      if (onChanges === undefined || (changes.length < REPORT_RUNS && steadyMs() - reportedAtMs < REPORT_MS)) return;
      onChanges(changes.splice(0));
      reportedAtMs = steadyMs();
    };
    const onDirectory = (path: string): void => this.#places.add(path);
    const found = this.#visit(this.#below, nowMs, changes, { onRun, onDirectory });
    if (found.missing !== undefined) {
      // A missing root, or one that does not answer, is reported separately.
      const obstacles = found.missing === 'shut' ? found.obstacles : [];
      return { changes: [], gone: [], obstacles, directories: 0, files: this.#files.size, isMissing: true, isEmptied: false };
    }
    const hidden = new Set(found.obstacles.map(({ path }) => path));
    const gone: { run: string; name: string }[] = [];
    for (const file of this.#files.unseenIn(this.#scans)) {
      const { run, name } = file;
      // A file below something that cannot be read now does not count as gone.
      if (isHidden(run, name, hidden)) continue;
      this.#files.delete(file);
      this.#active.delete(keyOf(run, name));
      gone.push({ run, name });
    }
    if (this.#files.size > 0) this.#lostAll = 0;
    else if (before > 0) this.#lostAll = before;
    return {
      changes,
      gone,
      obstacles: found.obstacles,
      directories: found.directories,
      files: this.#files.size,
      isMissing: false,
      isEmptied: this.#lostAll > 0,
    };
  }

  /**
   * True if a link to a directory has another target than in the last scan, or none: then other files are below it.
   */
  hasMovedLink(): boolean {
    for (const [path, target] of this.#links) if (targetOf(path) !== target) return true;
    return false;
  }

  /** Checks recently grown files that are due. */
  poll(nowMs: number): RunChange[] {
    const changes = new Map<string, ChangedFile[]>();
    for (const [key, known] of this.#active) {
      if (nowMs - known.grewAtMs >= WARM_MS) this.#active.delete(key);
      if (known.dueAtMs > nowMs) continue;
      known.dueAtMs = nowMs + (pollInterval(nowMs - known.grewAtMs) ?? 0);
      this.#look(known.run, known.name, nowMs, changes);
    }
    return asChanges(changes);
  }

  /** Checks paths that a notification named: files, or new directories. */
  look(paths: Iterable<string>, nowMs: number): RunChange[] {
    const changes = new Map<string, ChangedFile[]>();
    for (const path of paths) {
      const run = relative(this.#path, dirname(path)).split(sep).join('/') || '.';
      if (isEventFileName(basename(path)) && this.#isOurs(run) && !isApart(filePathOf(run, basename(path)), this.#filter))
        this.#look(run, basename(path), nowMs, changes);
    }
    return asChanges(changes);
  }

  /**
   * Checks a new or changed directory, and watches the directories in it for an hour. `onNew` receives each by its
   * absolute path.
   */
  lookBelow(path: string, nowMs: number, onNew?: (path: string) => void): RunChange[] {
    const below = relative(this.#path, path).split(sep).join('/');
    if (this.#filter?.prunes(below) || !this.#isBelow(below) || isApart(below, this.#filter)) return [];
    const changes: RunChange[] = [];
    const onDirectory = (directory: string): void => {
      const found = this.#absolute(directory);
      if (directory !== '') {
        // Moves the newest to the end.
        this.#newDirectories.delete(found);
        if (this.#newDirectories.size < MOST_NEW_DIRECTORIES) this.#newDirectories.set(found, nowMs);
      }
      onNew?.(found);
    };
    this.#visit(below, nowMs, changes, { onDirectory, isPartial: true });
    return changes;
  }

  /**
   * Returns the directories worth a notification, at most `most`. One half is for the root and those with runs below
   * them, shallow ones first, because the next run appears there. The other half is for the runs that grew in the
   * last hour, with the directories above them, and for new directories. All others share the rest.
   */
  directoriesToWatch(nowMs: number, most: number): string[] {
    for (const [path, sinceMs] of this.#newDirectories) if (nowMs - sinceMs >= WARM_MS) this.#newDirectories.delete(path);
    const wanted = new Set([this.#path]);
    const want = (paths: Iterable<string>, upTo = most): void => {
      for (const path of paths) {
        if (wanted.size >= upTo) return;
        wanted.add(path);
      }
    };
    const above = this.#places.above().map((path) => this.#absolute(path));
    want(above, Math.max(wanted.size, Math.ceil(most / 2)));
    for (const run of this.#grownRuns(nowMs)) want([run, ...directoriesAbove(run)].map((path) => this.#absolute(path)));
    want([...this.#newDirectories.keys()].reverse());
    want(above);
    want(this.#places.others().map((path) => this.#absolute(path)));
    return [...wanted];
  }

  /** Returns the runs that grew in the last hour, the latest first. */
  #grownRuns(nowMs: number): string[] {
    const runs = new Map<string, number>();
    for (const { run, grewAtMs } of this.#active.values()) {
      if (nowMs - grewAtMs < WARM_MS) runs.set(run, Math.max(runs.get(run) ?? 0, grewAtMs));
    }
    return [...runs].sort(([, a], [, b]) => b - a).map(([run]) => run);
  }

  #absolute(path: string): string {
    return path === '' || path === '.' ? this.#path : inDirectory(this.#path, path);
  }

  #visit(
    below: string,
    nowMs: number,
    changes: RunChange[],
    { onRun, ...how }: Pick<WalkOptions, 'onDirectory' | 'isPartial'> & { readonly onRun?: () => void },
  ): Visited {
    const onLink = (link: string): void => {
      const path = this.#absolute(link);
      if (this.#links.size < MOST_LINKS) this.#links.set(path, targetOf(path));
    };
    const options = {
      cache: this.#cache,
      links: this.#rule,
      onLink,
      ...how,
      ...(this.#filter === undefined ? {} : { filter: this.#filter }),
    };
    const linked: { readonly run: string; readonly file: FoundFile }[] = [];
    const visited = visit(this.#path, below, options, ({ path: run, files }) => {
      const changed: ChangedFile[] = [];
      this.#places.addRun(run, newestOf(files));
      for (const file of files) {
        // A new name may be another name of a known file, perhaps of one whose name comes later.
        if (file.id !== undefined && this.#files.find(run, file.name) === undefined) {
          linked.push({ run, file });
          continue;
        }
        const before = this.#change(run, file, nowMs);
        if (before !== undefined) changed.push({ ...file, ...before });
      }
      if (changed.length > 0) changes.push({ run, files: changed });
      onRun?.();
    });
    this.#visitLinked(linked, nowMs, changes);
    return visited;
  }

  /**
   * Adds files with several names, except those already known under another name. Of several new names it takes the
   * first by run and name.
   */
  #visitLinked(linked: { readonly run: string; readonly file: FoundFile }[], nowMs: number, changes: RunChange[]): void {
    if (linked.length === 0) return;
    const sorted = linked.toSorted((a, b) => compareNames(a.run, b.run) || compareNames(a.file.name, b.file.name));
    const inodes = new Set(linked.map(({ file }) => inodeOf(file.stamp)));
    // Goes through all files once; their stamps contain the inodes. There may be as many links as files.
    const known = new Map<string, { readonly run: string; readonly name: string }[]>();
    for (const file of this.#files.all()) {
      const inode = this.#files.inodeOf(file.place);
      if (inodes.has(inode)) known.set(inode, [...(known.get(inode) ?? []), file]);
    }
    for (const { run, file } of sorted) {
      const inode = inodeOf(file.stamp);
      const others = known.get(inode) ?? [];
      if (this.#isOneOf(file, others)) continue;
      const before = this.#change(run, file, nowMs);
      known.set(inode, [...others, { run, name: file.name }]);
      if (before !== undefined) changes.push({ run, files: [{ ...file, ...before }] });
    }
  }

  /** True if a file is one of the known ones with its inode; they may be on other devices. */
  #isOneOf({ id }: FoundFile, known: readonly { readonly run: string; readonly name: string }[]): boolean {
    for (const { run, name } of known) {
      const found = lookNow(directoryOf({ path: this.#path, links: this.#rule }, run), name);
      if (found.kind === 'file' && found.id === id) return true;
    }
    return false;
  }

  #look(run: string, name: string, nowMs: number, changes: Map<string, ChangedFile[]>): void {
    const place = directoryOf({ path: this.#path, links: this.#rule }, run);
    let file: FoundFile;
    try {
      const found = lookNow(place, name);
      if (found.kind !== 'file' || isCompanion(name, (other) => existsSync(systemPath(fullPath(place, other))))) return;
      file = { name, size: found.bytes, stamp: found.stamp };
      // Only a full scan can tell if a new name belongs to a new file.
      if (this.#files.find(run, name) === undefined && mayHaveOtherNames(fullPath(place, name))) return;
    } catch {
      return; // gone or out of reach: the scan reports it
    }
    const before = this.#change(run, file, nowMs);
    if (before === undefined) return;
    const files = changes.get(run);
    if (files === undefined) changes.set(run, [{ ...file, ...before }]);
    else files.push({ ...file, ...before });
  }

  /** Updates a file and returns what it was before; undefined if it did not change. */
  #change(run: string, file: FoundFile, nowMs: number): Omit<ChangedFile, keyof FoundFile> | undefined {
    const { name, size, stamp } = file;
    const files = this.#files;
    const place = files.find(run, name);
    if (place === undefined) {
      files.set(files.add(run, name), file, this.#scans);
      // A file that is new to the watch may be old: its own time tells if it is being written.
      this.#activate(run, name, writtenAt(stamp, nowMs), nowMs);
      return { before: 0 };
    }
    if (files.is(place, size, stamp)) {
      files.sawAgain(place, name, this.#scans);
      return undefined;
    }
    const [before, inode] = [files.sizeOf(place), files.inodeOf(place)];
    files.set(place, file, this.#scans);
    this.#activate(run, name, nowMs, nowMs);
    const inodeNow = inodeOf(stamp);
    const isOther = inode !== '' && inodeNow !== '' && inode !== inodeNow;
    return { before, ...(isOther ? { isOther } : {}) };
  }

  /** Has a file checked again soon if it was written in the last minute. */
  #activate(run: string, name: string, grewAtMs: number, nowMs: number): void {
    if (nowMs - grewAtMs < HOT_MS) this.#active.set(keyOf(run, name), { run, name, grewAtMs, dueAtMs: 0 });
  }

  /** True if a run is watched. */
  #isOurs(run: string): boolean {
    return this.#isBelow(run) && this.#filter?.accepts(run) !== false;
  }

  #isBelow(path: string): boolean {
    return this.#below === '' || path === this.#below || path.startsWith(`${this.#below}/`);
  }
}

function keyOf(run: string, name: string): string {
  return `${run}\0${name}`;
}

/** Returns the target text of a link; empty if it is not a link, or gone. */
function targetOf(path: string): string {
  try {
    return readlinkSync(systemPath(path), { encoding: 'latin1' });
  } catch {
    return '';
  }
}

function newestOf(files: readonly FoundFile[]): number {
  let newest = 0;
  for (const { stamp } of files) newest = Math.max(newest, changedMsOf(stamp));
  return newest;
}

/**
 * Returns when a new file was written, on the scale of `nowMs`. Takes the age from the file's time, which may be
 * ahead of our clock.
 */
function writtenAt(stamp: string, nowMs: number): number {
  return nowMs - Math.max(0, asWallMs(nowMs) - changedMsOf(stamp));
}

/** True if something unreadable, or a link that is not followed, is between the root and a file. */
export function isHidden(run: string, name: string, obstacles: ReadonlySet<string>): boolean {
  return obstacles.size > 0 && ['.', filePathOf(run, name), run, ...directoriesAbove(run)].some((path) => obstacles.has(path));
}

function mayHaveOtherNames(path: string): boolean {
  const stat = lstatSync(systemPath(path));
  return stat.isSymbolicLink() || stat.nlink > 1;
}

function asChanges(changes: ReadonlyMap<string, ChangedFile[]>): RunChange[] {
  return [...changes].map(([run, files]) => ({ run, files }));
}
