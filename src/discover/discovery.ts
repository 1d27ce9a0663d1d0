/**
 * The work of a discovery thread: scans and polls the roots, and receives notifications, which only make it check
 * earlier.
 */
import { basename, dirname } from 'node:path';
import { answersAgain, lstatSync, statSync } from '../calls/index.ts';
import { machineMs, steadyMs } from '../clock.ts';
import { systemPath } from '../name-bytes.ts';
import { DirectoryNotifications } from './directory-notifications.ts';
import { isEventFileName } from './event-file-name.ts';
import { hasNotifications } from './file-system.ts';
import { nextScanDelay } from './heat.ts';
import type { DiscoverFact, DiscoverRequest, DiscoverWork, SeenFile, WatchedRoot } from './protocol.ts';
import { MOST_WATCHES, RootWatch, type RunChange } from './root-watch.ts';
import { runFilter } from './run-filter.ts';

const TICK_MS = 250;
/** Time in which notifications are collected: one write can cause several. */
const GATHER_MS = 10;
/**
 * A new directory is checked once more after this time: the system does not report everything if very much happens at
 * once.
 */
const LOOK_AGAIN_MS = 5000;
/** A directory that did not change for this long before the check is not checked again because of it. */
const SETTLED_MS = 2000;
/** Interval for checking links to directories (`current`): moving a link need not touch its target. */
const LINKS_MS = 2000;
/** A root that is missing or unreadable is checked at this interval, which may be shorter than that of scans. */
const MISSING_INTERVAL_MS = 5000;

/** What the roots of one thread share. */
interface Surroundings {
  readonly settings: DiscoverWork;
  readonly report: (fact: DiscoverFact) => void;
  /** Returns how many directories a root may watch. */
  readonly roomFor: (root: DiscoveredRoot) => number;
}

/** One root, as a thread discovers it. */
class DiscoveredRoot {
  readonly #surroundings: Surroundings;
  readonly #root: WatchedRoot;
  readonly #watch: RootWatch;
  #nextScanMs = 0;
  /**
   * The time before which no requested scan begins: scans take no more than about a fifth of the time, however often
   * one is requested.
   */
  #restedMs = 0;
  #linksAtMs = 0;
  readonly #notifications: DirectoryNotifications;
  /** Names that notifications reported; `#lost` has those of directories that were replaced or are gone. */
  readonly #pointed = new Set<string>();
  readonly #lost = new Set<string>();
  #gathering = false;

  constructor(root: WatchedRoot, surroundings: Surroundings) {
    this.#root = root;
    this.#surroundings = surroundings;
    const { path, below, links, include, exclude, ignore, shard } = root;
    this.#watch = new RootWatch({ path, below, links, filter: runFilter(include, exclude, ignore, shard) });
    this.#notifications = new DirectoryNotifications({
      watch: this.#watch,
      most: () => surroundings.roomFor(this),
      onName: (named, isWrite) => {
        if (!isWrite || isEventFileName(basename(named))) this.#point(named);
      },
      onLost: (directory) => {
        this.#lost.add(directory);
        this.#point(directory);
      },
      onChanged: (directories, reason) => surroundings.report({ kind: 'notificationsChanged', root: root.name, directories, reason }),
    });
  }

  /** The number of directories that it watches. */
  get watchedDirectories(): number {
    return this.#notifications.size;
  }

  seed(files: readonly SeenFile[]): void {
    this.#watch.seed(files, steadyMs());
  }

  tick(nowMs: number): void {
    if (nowMs - this.#linksAtMs >= LINKS_MS) {
      this.#linksAtMs = nowMs;
      if (this.#watch.hasMovedLink()) this.scanSoon();
    }
    if (nowMs >= this.#nextScanMs) this.#scan();
    else this.#report(this.#watch.poll(nowMs));
  }

  #scan(): void {
    const { settings, report } = this.#surroundings;
    const machineAtMs = machineMs();
    const startedAtMs = steadyMs();
    // Sends what was found before the scan is over: a large root takes minutes.
    const result = this.#watch.scan(startedAtMs, (changes) => this.#report(changes));
    const tookMs = Math.round(steadyMs() - startedAtMs);
    this.#nextScanMs =
      steadyMs() +
      (result.isMissing || result.isEmptied || result.obstacles.some(({ path }) => path === '.')
        ? Math.min(settings.scanIntervalMs, MISSING_INTERVAL_MS)
        : nextScanDelay(settings.scanIntervalMs, tookMs, Math.random()));
    this.#restedMs = steadyMs() + 4 * tookMs;
    this.#report(result.changes);
    if (result.gone.length > 0) report({ kind: 'filesGone', root: this.#root.name, files: result.gone });
    const { directories, files, obstacles, isMissing, isEmptied } = result;
    const fact = { directories, files, startedAtMs: machineAtMs, tookMs, obstacles, isMissing, isEmptied };
    report({ kind: 'rootScanned', root: this.#root.name, ...fact });
    // Its path may have been that of another, watched file system before.
    if (!isMissing && settings.notify && hasNotifications(this.#root.path)) this.#listen(startedAtMs);
    else this.#notifications.close();
  }

  /**
   * Moves the notifications to where they are worth most. Checks those places again, to find what arrived there since
   * `lookedAtMs`.
   */
  #listen(lookedAtMs: number): void {
    this.#lookBelow(this.#notifications.arrange().filter((path) => changedWithin(path, steadyMs() - lookedAtMs + SETTLED_MS)));
  }

  #point(path: string): void {
    this.#pointed.add(path);
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      this.#lookAt([...this.#pointed]);
    }, GATHER_MS);
  }

  #lookAt(paths: readonly string[]): void {
    const lost = new Set(this.#lost);
    this.#pointed.clear();
    this.#lost.clear();
    const files: string[] = [];
    const directories: string[] = [];
    for (const path of paths) {
      const kind = kindOf(path);
      const isEventFile = isEventFileName(basename(path));
      if (kind === 'directory') directories.push(path);
      else if (isEventFile && kind !== undefined) files.push(path);
      // A full scan names what is behind a link, and reports what is gone.
      if (kind === 'link' || (kind === undefined && (isEventFile || lost.has(path) || this.#notifications.has(path)))) this.scanSoon();
      if (kind === undefined) this.#notifications.forget(path);
    }
    this.#report(this.#watch.look(files, steadyMs()));
    if (directories.length === 0) return;
    this.#lookBelow(directories);
    setTimeout(() => this.#lookBelow(directories), LOOK_AGAIN_MS).unref();
  }

  /**
   * Checks directories, watches the new ones, and checks those again that are only watched since, until nothing is
   * new. Handles all directories at once: if there is no room for more notifications, all of them are rearranged each
   * time something is added.
   */
  #lookBelow(directories: readonly string[]): void {
    for (let left = directories; left.length > 0; ) {
      const found: string[] = [];
      for (const directory of left) this.#report(this.#watch.lookBelow(directory, steadyMs(), (path) => found.push(path)));
      const within = directoriesOver(this.#notifications.add(found));
      left = left.filter((directory) => within.has(directory));
    }
  }

  scanSoon(): void {
    this.#nextScanMs = Math.min(this.#nextScanMs, Math.max(steadyMs() + 1000, this.#restedMs));
  }

  #report(changes: readonly RunChange[]): void {
    if (changes.length > 0) this.#surroundings.report({ kind: 'filesChanged', root: this.#root.name, changes });
  }
}

/** Returns some paths, and all directories that contain them. */
function directoriesOver(paths: readonly string[]): ReadonlySet<string> {
  const all = new Set<string>();
  for (const path of paths) for (let at = path; !all.has(at); at = dirname(at)) all.add(at);
  return all;
}

/** True if a directory changed within the last `ms` milliseconds, or at a time ahead of our clock. */
function changedWithin(path: string, ms: number): boolean {
  try {
    return Date.now() - statSync(systemPath(path)).mtimeMs <= ms;
  } catch {
    return false; // gone or out of reach: the scan reports it
  }
}

/** Returns the kind of a path. Of links it names only those that may matter: to directories and to event files. */
function kindOf(path: string): 'directory' | 'link' | 'file' | undefined {
  try {
    const stat = lstatSync(systemPath(path));
    if (stat.isDirectory()) return 'directory';
    if (!stat.isSymbolicLink()) return 'file';
    return isEventFileName(basename(path)) || statSync(systemPath(path)).isDirectory() ? 'link' : 'file';
  } catch {
    return undefined;
  }
}

/** Discovers the roots of one thread. Receives the thread's requests, and reports facts. */
export class Discovery {
  readonly #mostWatches: number;
  readonly #roots: ReadonlyMap<string, DiscoveredRoot>;

  constructor(settings: DiscoverWork, report: (fact: DiscoverFact) => void) {
    this.#mostWatches = settings.mostWatches;
    const surroundings: Surroundings = { settings, report, roomFor: (root) => this.#roomFor(root) };
    this.#roots = new Map(settings.roots.map((root) => [root.name, new DiscoveredRoot(root, surroundings)]));
  }

  /** Does what the main thread asks. */
  take(request: DiscoverRequest): void {
    if (request.kind === 'seed') {
      this.#roots.get(request.root)?.seed(request.files);
      return;
    }
    if (request.kind === 'answers' || request.kind === 'scan') {
      if (request.kind === 'answers') answersAgain(request.path);
      for (const root of this.#roots.values()) root.scanSoon();
      return;
    }
    const tick = (): void => {
      for (const root of this.#roots.values()) root.tick(steadyMs());
    };
    tick();
    setInterval(tick, TICK_MS);
  }

  /**
   * Returns how many directories a root may watch: its share of the thread's limit, plus what the others leave of
   * theirs.
   */
  #roomFor(root: DiscoveredRoot): number {
    const watched = [...this.#roots.values()].reduce((sum, other) => sum + (other === root ? 0 : other.watchedDirectories), 0);
    const share = Math.max(1, Math.floor(this.#mostWatches / this.#roots.size));
    return Math.min(MOST_WATCHES, Math.max(share, this.#mostWatches - watched));
  }
}
