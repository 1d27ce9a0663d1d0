/** The discovery thread: scans and polls the roots, and listens for notifications, which only make it look earlier. */
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type FSWatcher, watch } from 'chokidar';
import { answersAgain, CallMark, markCalls, passOver, statSync } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { isEventFileName } from './event-file-name.ts';
import { hasNotifications } from './file-system.ts';
import { nextScanDelay } from './heat.ts';
import type { DiscoverFact, DiscoverRequest, DiscoverWork, SeenFile, WatchedRoot } from './protocol.ts';
import { RootWatch, type RunChange } from './root-watch.ts';
import { runFilter } from './run-filter.ts';

const TICK_MS = 250;
/** Notifications are gathered so long: one write can bring several. */
const GATHER_MS = 10;
/** Directories with a notification each; more cost memory and are not worth it. */
const MOST_DIRECTORIES = 2000;
/** A directory that changed lately is looked at again so long after its notifications were asked for: they begin a moment later. */
const LOOK_AGAIN_MS = [200, 1000, 5000];
/** A directory that did not change for so long before we looked is not looked at again for that. */
const SETTLED_MS = 2000;
/** Links to directories (`current`) are looked at so often: whoever moves one need not touch what it leads to. */
const LINKS_MS = 2000;
/** A missing root is looked for more often than a present one is scanned. */
const MISSING_INTERVAL_MS = 5000;

const settings = workerData as DiscoverWork;
markCalls(new CallMark(settings.mark));
for (const [path, reason] of settings.passedOver) passOver(path, reason);

class RootThread {
  readonly #root: WatchedRoot;
  readonly #watch: RootWatch;
  #nextScanMs = 0;
  #linksAtMs = 0;
  #watcher: FSWatcher | undefined;
  readonly #watched = new Set<string>();
  readonly #pointed = new Set<string>();
  readonly #newDirectories = new Set<string>();
  #gathering = false;
  #mayNotify = settings.notify;

  constructor(root: WatchedRoot) {
    this.#root = root;
    const { path, below, links, include, exclude, ignore } = root;
    this.#watch = new RootWatch({ path, below, links, filter: runFilter(include, exclude, ignore) });
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
    else this.#tell(this.#watch.poll(nowMs));
  }

  #scan(): void {
    const startedAtMs = steadyMs();
    // What it has found so far goes out before it is over: a large root takes minutes.
    const result = this.#watch.scan(startedAtMs, (changes) => this.#tell(changes));
    const tookMs = Math.round(steadyMs() - startedAtMs);
    this.#nextScanMs =
      steadyMs() +
      (result.isMissing || result.isEmptied
        ? Math.min(settings.scanIntervalMs, MISSING_INTERVAL_MS)
        : nextScanDelay(settings.scanIntervalMs, tookMs, Math.random()));
    this.#tell(result.changes);
    if (result.gone.length > 0) say({ kind: 'filesGone', root: this.#root.name, files: result.gone });
    const { directories, files, obstacles, isMissing, isEmptied } = result;
    say({ kind: 'rootScanned', root: this.#root.name, directories, files, tookMs, obstacles, isMissing, isEmptied });
    if (isMissing) void this.#deafen();
    else this.#listen(startedAtMs);
  }

  /** Brings the notifications to where something goes on; what came there since `lookedAtMs` is found by looking again. */
  #listen(lookedAtMs: number): void {
    if (!this.#mayNotify || !hasNotifications(this.#root.path)) return;
    const active = new Set(this.#watch.activeDirectories(steadyMs(), MOST_DIRECTORIES));
    const added = [...active].filter((path) => !this.#watched.has(path));
    const dropped = [...this.#watched].filter((path) => !active.has(path));
    if (added.length === 0 && dropped.length === 0) return;
    this.#watcher ??= this.#start();
    if (dropped.length > 0) this.#watcher.unwatch(dropped);
    if (added.length > 0) this.#watcher.add(added);
    for (const path of dropped) this.#watched.delete(path);
    for (const path of added) this.#watched.add(path);
    say({ kind: 'notificationsChanged', root: this.#root.name, directories: this.#watched.size, reason: '' });
    const lookAgain = (): void => {
      for (const path of added) if (changedWithin(path, steadyMs() - lookedAtMs + SETTLED_MS)) this.#lookBelow(path);
    };
    for (const delayMs of LOOK_AGAIN_MS) setTimeout(lookAgain, delayMs).unref();
  }

  #start(): FSWatcher {
    const watcher = watch([], {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      // Directories are told by having no stats yet, or by being one.
      ignored: (path, stats) => stats?.isFile() === true && !isEventFileName(basename(path)),
    });
    watcher.on('add', (path) => this.#point(path));
    watcher.on('change', (path) => this.#point(path));
    watcher.on('addDir', (path) => {
      if (this.#watched.has(path)) return;
      this.#newDirectories.add(path);
      this.#gather();
    });
    watcher.on('unlink', () => this.scanSoon());
    watcher.on('unlinkDir', () => this.scanSoon());
    watcher.on('error', (error) => {
      // Out of watches (ENOSPC) or descriptors (EMFILE): polling goes on, and is enough.
      this.#mayNotify = false;
      say({ kind: 'notificationsChanged', root: this.#root.name, directories: 0, reason: messageOf(error) });
      void this.#deafen();
    });
    return watcher;
  }

  async #deafen(): Promise<void> {
    this.#watched.clear();
    await this.#watcher?.close();
    this.#watcher = undefined;
  }

  #point(path: string): void {
    this.#pointed.add(path);
    this.#gather();
  }

  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      const nowMs = steadyMs();
      const directories = [...this.#newDirectories];
      const files = [...this.#pointed];
      this.#newDirectories.clear();
      this.#pointed.clear();
      this.#tell(this.#watch.look(files, nowMs));
      for (const directory of directories) this.#lookBelow(directory);
    }, GATHER_MS);
  }

  #lookBelow(directory: string): void {
    const nowMs = steadyMs();
    this.#tell(this.#watch.lookBelow(directory, nowMs));
    this.#listen(nowMs);
  }

  scanSoon(): void {
    this.#nextScanMs = Math.min(this.#nextScanMs, steadyMs() + 1000);
  }

  #tell(changes: readonly RunChange[]): void {
    if (changes.length > 0) say({ kind: 'filesChanged', root: this.#root.name, changes });
  }
}

/** Whether a directory changed in the last so many milliseconds, or at a time that lies ahead of our clock. */
function changedWithin(path: string, ms: number): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs <= ms;
  } catch {
    return false; // gone or out of reach: the scan says so
  }
}

function say(fact: DiscoverFact): void {
  parentPort?.postMessage(fact);
}

const roots = new Map(settings.roots.map((root) => [root.name, new RootThread(root)]));

parentPort?.on('message', (request: DiscoverRequest) => {
  if (request.kind === 'seed') {
    roots.get(request.root)?.seed(request.files);
    return;
  }
  if (request.kind === 'answers') {
    answersAgain(request.path);
    for (const root of roots.values()) root.scanSoon();
    return;
  }
  const tick = (): void => {
    for (const root of roots.values()) root.tick(steadyMs());
  };
  tick();
  setInterval(tick, TICK_MS);
});
