import { basename, dirname, relative, sep } from 'node:path';
import { existsSync, lstatSync, readlinkSync } from '../calls/index.ts';
import { asWallMs, steadyMs } from '../clock.ts';
import { changedMsOf, compareNames, filePathOf, inodeOf, systemPath } from '../model/index.ts';
import { DEFAULT_LINKS, directoryOf, fullPath, inDirectory, type LinkRule, lookNow } from '../untrusted/index.ts';
import { DirectoryCache } from './directory-cache.ts';
import { DirectoryCandidates, directoriesAbove } from './directory-candidates.ts';
import { isApart, isCompanion, isEventFileName } from './event-file-name.ts';
import { HOT_MS, pollInterval, WARM_MS } from './heat.ts';
import type { RunFilter } from './run-filter.ts';
import { type FoundFile, type Visited, visit, type WalkObstacle, type WalkOptions } from './walk.ts';

/** Files of one run to which something happened. */
export interface RunChange {
  readonly run: string;
  readonly files: readonly ChangedFile[];
}

/** A file that is new or differs from when it was last seen. */
export interface ChangedFile extends FoundFile {
  /** The size it had when it was checked before; 0 for a file that is new. */
  readonly before: number;
  /** Another file had the name when it was checked before. */
  readonly isOther?: true;
}

/** What a scan found to be different. */
interface ScanResult {
  readonly changes: readonly RunChange[];
  /** Files that are gone. */
  readonly gone: readonly { readonly run: string; readonly name: string }[];
  readonly obstacles: readonly WalkObstacle[];
  readonly directories: number;
  readonly files: number;
  /**
   * The root itself is not there, or cannot be checked, which is an obstacle then: nothing below it is treated as
   * gone.
   */
  readonly isMissing: boolean;
  /** It is there, and every file went away at once: most likely its file system is not mounted. */
  readonly isEmptied: boolean;
}

/** A file that grew lately. */
interface Active {
  readonly run: string;
  readonly name: string;
  grewAtMs: number;
  dueAtMs: number;
}

/** Directories read again whatever their time says, every so many scans. */
const UNCONDITIONAL_EVERY = 10;
/** Links that are checked between scans. */
const MOST_LINKS = 1000;
/** While a scan continues, it reports results in pieces of this many runs, or after this long. */
const TELL_RUNS = 256;
const TELL_MS = 200;
/** Most directories of a root that are watched: each costs the system and us memory. */
export const MOST_HEARD = 2000;
/** Empty directories that are remembered: a whole tree may be unpacked. */
const MOST_NEW_DIRECTORIES = 10_000;

/**
 * Knows the event files of one root and says what happened to them: by scans of everything, by checks of files that
 * grew lately, and by checks of paths that were pointed out. It keeps a few numbers a file, and never opens one.
 */
export class RootWatch {
  readonly #path: string;
  readonly #below: string;
  /** How links are followed. */
  readonly #rule: LinkRule;
  readonly #filter: RunFilter | undefined;
  readonly #cache = new DirectoryCache();
  /** Places in the two lists below, by run and name: there can be a hundred thousand. */
  readonly #files = new Map<string, number>();
  /** Size and stamp as one text. */
  readonly #states: string[] = [];
  /** The scan that saw it last. */
  readonly #seenIn: number[] = [];
  /** Those that grew in the last hour, as far as we saw: the only ones that are checked between scans. */
  readonly #active = new Map<string, Active>();
  readonly #newDirectories = new Map<string, number>();
  /** Directories as the last scan found them, quiet ones too. */
  readonly #places = new DirectoryCandidates(MOST_HEARD);
  /** Where links to directories led in the last scan, by their path. */
  readonly #links = new Map<string, string>();
  #scans = 0;
  /** How many files there were before all went away at once; 0 while any is there. */
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

  /** Takes up what was known before: only what differs from it is a change. */
  seed(
    files: Iterable<{ readonly run: string; readonly name: string; readonly size: number; readonly stamp: string }>,
    nowMs = steadyMs(),
  ): void {
    for (const { run, name, size, stamp } of files) {
      // What an older version, or another setting, took for an event file is neither watched nor gone.
      if (!this.#isOurs(run) || !isEventFileName(name) || isApart(filePathOf(run, name), this.#filter)) continue;
      const key = keyOf(run, name);
      this.#keep(key, `${size}.${stamp}`);
      this.#activate(key, run, name, writtenAt(stamp, nowMs), nowMs);
    }
  }

  /** `onChanges` hears of what was found so far, while the scan continues; the result has the rest. */
  scan(nowMs: number, onChanges?: (changes: readonly RunChange[]) => void): ScanResult {
    if (this.#scans++ % UNCONDITIONAL_EVERY === 0) this.#cache.clear();
    this.#links.clear();
    this.#places.clear();
    const changes: RunChange[] = [];
    const before = this.#files.size;
    let toldAtMs = steadyMs();
    const onRun = (): void => {
      if (onChanges === undefined || (changes.length < TELL_RUNS && steadyMs() - toldAtMs < TELL_MS)) return;
      onChanges(changes.splice(0));
      toldAtMs = steadyMs();
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
    for (const [key, place] of this.#files) {
      if (this.#seenIn[place] === this.#scans) continue;
      const [run = '', name = ''] = key.split('\0');
      // What is below something that cannot be read now is not gone for that.
      if (isHidden(run, name, hidden)) continue;
      this.#files.delete(key);
      this.#active.delete(key);
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
   * Whether a link to a directory leads elsewhere since the last scan, or nowhere: what is below it is other files
   * then.
   */
  hasMovedLink(): boolean {
    for (const [path, target] of this.#links) if (targetOf(path) !== target) return true;
    return false;
  }

  /** Looks at files that grew lately and are due. */
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

  /** Looks at paths that a notification named: files, or directories that are new. */
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
   * Checks a new or changed directory, and listens to its directories for an hour. `onNew` gets each, by absolute path.
   */
  lookBelow(path: string, nowMs: number, onNew?: (path: string) => void): RunChange[] {
    const below = relative(this.#path, path).split(sep).join('/');
    if (this.#filter?.prunes(below) || !this.#isBelow(below) || isApart(below, this.#filter)) return [];
    const changes: RunChange[] = [];
    const onDirectory = (directory: string): void => {
      const found = this.#absolute(directory);
      if (directory !== '') {
        // What is new comes last.
        this.#newDirectories.delete(found);
        if (this.#newDirectories.size < MOST_NEW_DIRECTORIES) this.#newDirectories.set(found, nowMs);
      }
      onNew?.(found);
    };
    this.#visit(below, nowMs, changes, { onDirectory, isPartial: true });
    return changes;
  }

  /**
   * Directories worth a notification, no more than `most`. Half of them are those with runs below them, for there the
   * next run comes: the root, then the shallow ones first. The other half is for those of runs that grew in the last
   * hour, with what lies above them, and for new ones. All others share the rest.
   */
  directoriesToHear(nowMs: number, most: number): string[] {
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

  /** Runs that grew in the last hour, the latest first. */
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
        // A name that is new may be another one of a file that is known, perhaps under a name that comes later.
        if (file.id !== undefined && !this.#files.has(keyOf(run, file.name))) {
          linked.push({ run, file });
          continue;
        }
        const before = this.#change(keyOf(run, file.name), run, file, nowMs);
        if (before !== undefined) changed.push({ ...file, ...before });
      }
      if (changed.length > 0) changes.push({ run, files: changed });
      onRun?.();
    });
    this.#visitLinked(linked, nowMs, changes);
    return visited;
  }

  /** Of files with several names those that are not known under another one, the first of them by run and name. */
  #visitLinked(linked: { readonly run: string; readonly file: FoundFile }[], nowMs: number, changes: RunChange[]): void {
    if (linked.length === 0) return;
    const sorted = linked.toSorted((a, b) => compareNames(a.run, b.run) || compareNames(a.file.name, b.file.name));
    const inodes = new Set(linked.map(({ file }) => inodeOf(file.stamp)));
    // One check of all files, whose inodes are in their states: there may be as many links as files.
    const known = new Map<string, string[]>();
    for (const [key, place] of this.#files) {
      const inode = inodeOf(this.#states[place] ?? '');
      if (inodes.has(inode)) known.set(inode, [...(known.get(inode) ?? []), key]);
    }
    for (const { run, file } of sorted) {
      const inode = inodeOf(file.stamp);
      const others = known.get(inode) ?? [];
      if (this.#isOneOf(file, others)) continue;
      const key = keyOf(run, file.name);
      const before = this.#change(key, run, file, nowMs);
      known.set(inode, [...others, key]);
      if (before !== undefined) changes.push({ run, files: [{ ...file, ...before }] });
    }
  }

  /** True if a file is one of those that are known with its inode; they may lie on other devices. */
  #isOneOf({ id }: FoundFile, known: readonly string[]): boolean {
    for (const key of known) {
      const [run = '', name = ''] = key.split('\0');
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
      // Whether a name that is new is that of its own file, a scan of all can tell.
      if (!this.#files.has(keyOf(run, name)) && mayHaveOtherNames(fullPath(place, name))) return;
    } catch {
      return; // gone or out of reach: the scan says so
    }
    const before = this.#change(keyOf(run, name), run, file, nowMs);
    if (before === undefined) return;
    const files = changes.get(run);
    if (files === undefined) changes.set(run, [{ ...file, ...before }]);
    else files.push({ ...file, ...before });
  }

  /** What a file was before; undefined if nothing happened to it. */
  #change(key: string, run: string, { name, size, stamp }: FoundFile, nowMs: number): Omit<ChangedFile, keyof FoundFile> | undefined {
    const place = this.#files.get(key);
    const known = place === undefined ? undefined : this.#states[place];
    const now = `${size}.${stamp}`;
    this.#keep(key, now);
    if (known === now) return undefined;
    // A file that is new to us may be old: its own time says whether it is being written.
    const grewAtMs = known === undefined ? writtenAt(stamp, nowMs) : nowMs;
    this.#activate(key, run, name, grewAtMs, nowMs);
    if (known === undefined) return { before: 0 };
    const [inode, inodeNow] = [inodeOf(known), inodeOf(now)];
    const isOther = inode !== '' && inodeNow !== '' && inode !== inodeNow;
    return { before: Number(known.slice(0, known.indexOf('.'))), ...(isOther ? { isOther } : {}) };
  }

  /** A file that was written in the last minute is checked again soon. */
  #activate(key: string, run: string, name: string, grewAtMs: number, nowMs: number): void {
    if (nowMs - grewAtMs < HOT_MS) this.#active.set(key, { run, name, grewAtMs, dueAtMs: 0 });
  }

  /** Whether a run is one of those that are watched. */
  #isOurs(run: string): boolean {
    return this.#isBelow(run) && this.#filter?.accepts(run) !== false;
  }

  #isBelow(path: string): boolean {
    return this.#below === '' || path === this.#below || path.startsWith(`${this.#below}/`);
  }

  #keep(key: string, state: string): void {
    let place = this.#files.get(key);
    if (place === undefined) {
      place = this.#states.length;
      this.#files.set(key, place);
    }
    this.#seenIn[place] = this.#scans;
    if (this.#states[place] !== state) this.#states[place] = state;
  }
}

function keyOf(run: string, name: string): string {
  return `${run}\0${name}`;
}

/** What a link says, as text; empty if it is none, or gone. */
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
 * When a file that is new to us was written, among our intervals: as long ago as its time says, which may lie ahead
 * of our clock.
 */
function writtenAt(stamp: string, nowMs: number): number {
  return nowMs - Math.max(0, asWallMs(nowMs) - changedMsOf(stamp));
}

/** Whether something that cannot be read, or is not followed, is between the root and a file. */
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
