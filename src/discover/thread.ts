import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  AbandonedCall,
  CallMark,
  CallView,
  closeWorker,
  FIRST_DEADLINE_MS,
  MOST_ABANDONED,
  nextDeadline,
  type OpenCall,
  REPORT_AFTER_MS,
  silenceText,
  wallOf,
} from '../calls/index.ts';
import { machineMs } from '../clock.ts';
import { isWithin } from '../untrusted/index.ts';
import { notificationLimits } from './file-system.ts';
import type { DiscoverFact, DiscoverRequest, DiscoverSettings, DiscoverWork, SeenFile, WatchedRoot } from './protocol.ts';

/** Files sent at a time: sending a hundred thousand at once would hold them in memory twice. */
const SEED_FILES = 2000;
const LOOK_MS = 250;

/** The input of a discovery thread, and the callbacks for its results. */
interface DiscoverThreadOptions {
  readonly settings: DiscoverSettings;
  /**
   * Returns the known files of a root: only differences from them are reported. Called again when a new thread
   * starts.
   */
  readonly seen: (root: string) => Iterable<SeenFile>;
  readonly onFact: (fact: DiscoverFact) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * The main thread's end of a discovery thread. If the thread hangs in a call, it is abandoned after some time.
 * Another thread replaces it and passes that path over until the call has returned.
 */
class DiscoverThread {
  readonly #options: DiscoverThreadOptions;
  readonly #abandoned = new Map<string, AbandonedCall>();
  /** Paths that hang, and the wall-clock time since when. */
  readonly #silent = new Map<string, number>();
  #worker: Worker | undefined;
  #view: CallView;
  /** The call that was reported as not returning. */
  #reported: OpenCall | undefined;
  #deadlineMs = FIRST_DEADLINE_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DiscoverThreadOptions) {
    this.#options = options;
    this.#view = this.#start();
  }

  begin(): void {
    this.#begin();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  scanSoon(): void {
    this.#send({ kind: 'scan' });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const [worker, call] = [this.#worker, this.#reported];
    // Who was told that something does not answer is told when it does, also after this: nobody else knows the call.
    if (worker !== undefined && call !== undefined)
      new AbandonedCall(worker, this.#view, call, () => this.#report('answersAgain', call.path));
    this.#worker = undefined;
    if (worker !== undefined) await closeWorker(worker);
  }

  #start(): CallView {
    const { settings, onFact, onFailure } = this.#options;
    const mark = new CallMark();
    const passedOver = [...this.#silent].map(([path, sinceMs]) => [path, silenceText(sinceMs)] as const);
    const work: DiscoverWork = { ...settings, mostWatches: settings.mostWatches ?? watchLimit(), mark: mark.buffer, passedOver };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: work,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    // Ignores later messages of a thread that was abandoned.
    worker.on('message', (fact: DiscoverFact) => {
      if (worker === this.#worker) onFact(fact);
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) onFailure(error);
    });
    this.#worker = worker;
    return new CallView(mark.buffer);
  }

  #begin(): void {
    for (const { name } of this.#options.settings.roots) this.#seed(name, this.#options.seen(name));
    this.#send({ kind: 'begin' });
  }

  #seed(root: string, files: Iterable<SeenFile>): void {
    let some: SeenFile[] = [];
    for (const { run, name, size, stamp } of files) {
      some.push({ run, name, size, stamp });
      if (some.length < SEED_FILES) continue;
      this.#send({ kind: 'seed', root, files: some });
      some = [];
    }
    this.#send({ kind: 'seed', root, files: some });
  }

  #send(request: DiscoverRequest): void {
    this.#worker?.postMessage(request);
  }

  /** Checks if the thread hangs. */
  #look(): void {
    const call = this.#view.open();
    if (this.#reported !== undefined && this.#reported.id !== call?.id) {
      this.#deadlineMs = Math.max(this.#deadlineMs, nextDeadline(machineMs() - this.#reported.sinceMs));
      this.#report('answersAgain', this.#reported.path);
      this.#reported = undefined;
    }
    const openMs = call === undefined ? 0 : machineMs() - call.sinceMs;
    if (call === undefined || openMs < REPORT_AFTER_MS) return;
    if (this.#reported === undefined) {
      this.#reported = call;
      this.#report('fellSilent', call.path, wallOf(call.sinceMs));
    }
    // A root that hangs as a whole hides everything in it: another thread would see no more.
    const isWhole = this.#options.settings.roots.length === 1 && this.#rootOf(call.path).path === call.path;
    if (openMs >= this.#deadlineMs && !isWhole && this.#abandoned.size < MOST_ABANDONED) this.#replace(call);
  }

  #replace(call: OpenCall): void {
    const { path } = call;
    if (this.#worker === undefined) return;
    this.#abandoned.set(
      path,
      new AbandonedCall(this.#worker, this.#view, call, (tookMs) => {
        this.#abandoned.delete(path);
        this.#silent.delete(path);
        this.#deadlineMs = Math.max(this.#deadlineMs, nextDeadline(tookMs));
        this.#send({ kind: 'answers', path });
        this.#report('answersAgain', path);
      }),
    );
    this.#silent.set(path, wallOf(call.sinceMs));
    this.#reported = undefined;
    this.#view = this.#start();
    this.#begin();
  }

  #report(kind: 'fellSilent', path: string, sinceMs: number): void;
  #report(kind: 'answersAgain', path: string): void;
  #report(kind: 'fellSilent' | 'answersAgain', path: string, sinceMs = 0): void {
    const root = this.#rootOf(path).name;
    this.#options.onFact(kind === 'fellSilent' ? { kind, root, path, sinceMs } : { kind, root, path });
  }

  #rootOf(path: string): WatchedRoot {
    const { roots } = this.#options.settings;
    return roots.find((root) => isWithin(path, root.path)) ?? (roots[0] as WatchedRoot);
  }
}

/**
 * The largest number of watched directories, for all roots together. They use up to half of what the system has for
 * all programs of the user.
 */
const MOST_OF_ALL = 8000;

function watchLimit(): number {
  const { watches } = notificationLimits();
  return Math.min(MOST_OF_ALL, Math.floor((watches ?? MOST_OF_ALL) / 2));
}

/** Up to this many roots have a thread each; if there are more, some share one. */
const MOST_THREADS = 8;
/** Starting a thread costs time. If several roots share one anyway, more threads than processors bring nothing. */
const SHARED_THREADS = Math.min(MOST_THREADS, Math.max(4, availableParallelism()));

/** Runs a thread for each root, so that a hanging root does not delay others. */
export class DiscoverThreads {
  readonly #threads: readonly DiscoverThread[];

  constructor(options: DiscoverThreadOptions) {
    const { roots, mostWatches = watchLimit() } = options.settings;
    const count = roots.length <= MOST_THREADS ? roots.length : SHARED_THREADS;
    const shares = Map.groupBy(roots.entries(), ([i]) => i % count);
    this.#threads = [...shares.values()].map((share) => {
      const some = share.map(([, root]) => root);
      const settings = { ...options.settings, roots: some, mostWatches: Math.ceil((mostWatches * some.length) / roots.length) };
      return new DiscoverThread({ ...options, settings });
    });
  }

  begin(): void {
    for (const thread of this.#threads) thread.begin();
  }

  /** Requests a scan of every root. */
  scanSoon(): void {
    for (const thread of this.#threads) thread.scanSoon();
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
