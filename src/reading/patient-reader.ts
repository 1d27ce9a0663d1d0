import {
  type AbandonedCall,
  FIRST_DEADLINE_MS,
  MOST_ABANDONED,
  nextDeadline,
  type OpenCall,
  REPORT_AFTER_MS,
  silenceText,
  wallOf,
} from '../calls/index.ts';
import { keyOfRun, type RunRef } from '../model/index.ts';
import { fullPath } from '../untrusted/index.ts';
import type { ReadEvent, RunJob } from './read-event.ts';
import type { WalkPiece } from './reader-protocol.ts';
import { type EventGroup, Hung, ReaderThread, type Walk } from './reader-thread.ts';

/** The limits of a reader, and the callbacks for paths that do not answer. */
export interface PatientReaderOptions {
  /** Bytes that may be in transit or waiting at a lane. */
  readonly mostOutstanding?: number;
  /** True to start the thread with the first request. Default: it starts at once. */
  readonly startsLate?: boolean;
  /** Called if a path does not answer, with the wall-clock time since when. */
  readonly fellSilent?: (path: string, sinceMs: number) => void;
  readonly answersAgain?: (path: string) => void;
  /** Called if the knowledge about runs is lost: their next jobs bring it again. */
  readonly onReplaced?: () => void;
}

/** One request, without what cannot be requested now. */
interface Request {
  readonly jobs: readonly RunJob[];
  readonly keep: boolean;
  /** Events that are reported at once. */
  readonly events: readonly ReadEvent[];
}

const LOOK_MS = 500;

/**
 * A reader thread that may hang: then it is abandoned, and another thread replaces it. The file where it hung is
 * reported as `silent`, and is not requested again before that call has returned. The rest of the request is returned
 * as not done. After several hung threads, it reports everything as silent until one returns: such threads cannot be
 * ended, and their number must stay limited.
 */
export class PatientReader {
  #options: PatientReaderOptions;
  readonly #abandoned = new Map<string, AbandonedCall>();
  /** Paths that do not answer, and the wall-clock time since when. */
  readonly #silent = new Map<string, number>();
  readonly #requests: Request[] = [];
  #thread: ReaderThread | undefined;
  #deadlineMs = FIRST_DEADLINE_MS;
  #isStopped = false;
  readonly #waiting = new Set<() => void>();
  /** The call that was reported as hanging, while its thread is still in use. */
  #reported: OpenCall | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: PatientReaderOptions = {}) {
    this.#options = options;
    this.#thread = this.#start(options.startsLate);
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Reports to another listener from now on. */
  listen(events: Pick<PatientReaderOptions, 'fellSilent' | 'answersAgain'>): this {
    this.#options = { ...this.#options, ...events };
    return this;
  }

  /** The files that do not answer. */
  get silent(): ReadonlyMap<string, number> {
    return this.#silent;
  }

  /** Yields every requested run, piece by piece. If something hangs, it becomes an obstacle. */
  async *walk(asked: Walk): AsyncGenerator<WalkPiece, void, void> {
    const { root, below } = asked;
    /** Runs reported before a path hung: then another thread walks once more and skips that path. */
    const reported = new Set<string>();
    for (;;) {
      let hung: Hung | undefined;
      for await (const piece of this.#thread?.walk(asked, this.#deadlineMs) ?? []) {
        if (piece instanceof Hung) hung = piece;
        else {
          const runs = piece.runs.filter(({ path }) => !reported.has(path));
          for (const { path } of runs) reported.add(path);
          yield { ...piece, runs };
        }
      }
      if (hung === undefined && this.#thread !== undefined) return;
      const path = hung?.call.path ?? root;
      if (hung !== undefined) this.#leave(hung);
      if (path !== root && this.#thread !== undefined) continue;
      const reason = silenceText(this.#silent.get(path) ?? Date.now());
      this.#thread ??= this.#isStopped ? undefined : this.#start();
      yield { runs: [], obstacles: [{ path: below === '' ? '.' : below, reason }], directories: 0 };
      return;
    }
  }

  /**
   * Requests jobs. Returns the runs of those that no thread gets, since none of their files answers: no thread keeps
   * what such a job says about its run.
   */
  request(jobs: readonly RunJob[], { keep = false }: { readonly keep?: boolean } = {}): readonly RunRef[] {
    const request = this.#withoutSilent(jobs, keep, []);
    this.#requests.push(request);
    if (request.jobs.length > 0) this.#thread?.request(request.jobs, { keep });
    if (request.jobs.length === jobs.length) return [];
    const asked = new Set(request.jobs.map(({ run }) => keyOfRun(run)));
    return jobs.flatMap(({ run }) => (asked.has(keyOfRun(run)) ? [] : [run]));
  }

  forget(runs: readonly RunRef[]): void {
    this.#thread?.forget(runs);
  }

  /** Yields the events of the next request. */
  async *events(): AsyncGenerator<EventGroup, void, void> {
    const request = this.#requests[0];
    if (request === undefined) return;
    const { jobs, events } = request;
    if (events.length > 0) yield { events: events, release: () => undefined };
    const open = new Map(jobs.map((job) => [keyOfRun(job.run), job]));
    let hung: Hung | undefined;
    if (jobs.length > 0 && this.#thread !== undefined) {
      for await (const group of this.#thread.events(() => this.#deadlineMs)) {
        if (group instanceof Hung) {
          hung = group;
          break;
        }
        for (const event of group.events) if (event.kind === 'runDone') open.delete(keyOfRun(event.run));
        yield group;
      }
    }
    this.#requests.shift();
    if (hung === undefined) return;
    this.#leave(hung);
    const again = [...open.values()];
    yield {
      events: again.flatMap((job) => [
        ...namesOf(job).flatMap((name) => this.#silenceOf(job, name)),
        { kind: 'runDone', run: job.run, hasMore: true } as const,
      ]),
      release: () => undefined,
    };
  }

  /** Waits until something that hung answers. Returns false if that takes too long, or the signal aborts. */
  async answered(ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#silent.size === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const yes = (): void => resolve(true);
    const no = (): void => resolve(false);
    this.#waiting.add(yes);
    const timer = setTimeout(no, ms);
    signal.addEventListener('abort', no);
    if (signal.aborted) no();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', no);
      this.#waiting.delete(yes);
    }
  }

  /** Stops the events; current requests end early. */
  stop(): void {
    this.#isStopped = true;
    this.#thread?.stop();
  }

  async close(): Promise<void> {
    this.stop();
    clearInterval(this.#timer);
    const [thread, call] = [this.#thread, this.#reported];
    this.#thread = undefined;
    // Who was told that something does not answer is told when it does, also after this: nobody else knows the call.
    if (call !== undefined) thread?.leave({ call }, () => this.#options.answersAgain?.(call.path));
    else await thread?.close();
  }

  #start(startsLate = false): ReaderThread {
    const passedOver = [...this.#silent].map(([path, sinceMs]) => [path, silenceText(sinceMs)] as const);
    const { mostOutstanding } = this.#options;
    return new ReaderThread({ passedOver, startsLate, ...(mostOutstanding === undefined ? {} : { mostOutstanding }) });
  }

  /** Reports a hanging call before the thread is abandoned. */
  #look(): void {
    const call = this.#thread?.openFor(REPORT_AFTER_MS);
    if (this.#reported !== undefined && this.#reported.id !== call?.id) {
      this.#options.answersAgain?.(this.#reported.path);
      this.#reported = undefined;
    }
    if (call === undefined || this.#reported !== undefined) return;
    this.#reported = call;
    this.#options.fellSilent?.(call.path, wallOf(call.sinceMs));
  }

  #leave(hung: Hung): void {
    const { path, sinceMs, id } = hung.call;
    const thread = this.#thread;
    if (thread === undefined) return;
    if (this.#reported?.id !== id) {
      if (this.#reported !== undefined) this.#options.answersAgain?.(this.#reported.path);
      this.#options.fellSilent?.(path, wallOf(sinceMs));
    }
    this.#reported = undefined;
    this.#silent.set(path, wallOf(sinceMs));
    this.#abandoned.set(
      path,
      thread.leave(hung, (tookMs) => {
        this.#abandoned.delete(path);
        this.#silent.delete(path);
        this.#deadlineMs = Math.max(this.#deadlineMs, nextDeadline(tookMs));
        if (!this.#isStopped) this.#thread ??= this.#start();
        this.#thread?.answers(path);
        this.#options.answersAgain?.(path);
        for (const resolve of this.#waiting) resolve();
      }),
    );
    this.#thread = this.#isStopped || this.#abandoned.size >= MOST_ABANDONED ? undefined : this.#start();
    this.#options.onReplaced?.();
    // Jobs requested from the old thread but not begun are requested from the next one.
    for (const { jobs, keep, events } of this.#requests.splice(0)) {
      const request = this.#withoutSilent(jobs, keep, [...events]);
      this.#requests.push(request);
      if (request.jobs.length > 0) this.#thread?.request(request.jobs, { keep });
    }
  }

  #withoutSilent(jobs: readonly RunJob[], keep: boolean, events: ReadEvent[]): Request {
    const left: RunJob[] = [];
    for (const job of jobs) {
      const answers = new Set(
        namesOf(job).filter((name) => {
          const silence = this.#silenceOf(job, name);
          for (const event of silence) events.push(event);
          return silence.length === 0;
        }),
      );
      const files = job.files.filter(({ name }) => answers.has(name));
      const again = job.again?.filter(({ state }) => answers.has(state.name));
      if (answers.size > 0) left.push({ ...job, files, ...(again === undefined ? {} : { again }) });
      else events.push({ kind: 'runDone', run: job.run, hasMore: false });
    }
    return { jobs: left, keep, events };
  }

  /** Returns the events for a file that cannot be requested now; nothing for others. */
  #silenceOf({ run, directory }: RunJob, file: string): ReadEvent[] {
    const since =
      this.#silent.get(fullPath(directory, file)) ??
      (this.#thread === undefined ? (this.#silent.values().next().value ?? Date.now()) : undefined);
    if (since === undefined) return [];
    return [{ kind: 'file', run, file, outcome: 'silent', size: 0, reason: silenceText(since) }];
  }
}

function namesOf({ files, again = [] }: RunJob): string[] {
  return [...files.map(({ name }) => name), ...again.map(({ state }) => state.name)];
}
