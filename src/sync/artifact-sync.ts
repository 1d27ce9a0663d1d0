/**
 * Mirrors params and artifacts of a run into one lane. Files may change at any time, so each file is sent only after
 * it has stopped changing, and once for each content.
 */

import PQueue from 'p-queue';
import { type ArtifactCandidate, type ArtifactRules, findFiles, readTextParams } from '../artifacts/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Backend, Handle } from '../contract/index.ts';
import type { TrackerLane } from '../delivery/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import { type RunRef, runLabel } from '../model/index.ts';
import { type ArtifactResult, type ArtifactState, isRefusedFile, type LaneView } from '../state/index.ts';
import { type ArtifactTask, ArtifactTasks } from './artifact-tasks.ts';
import { ArtifactUpload, hasChanged } from './artifact-upload.ts';
import { GrowingFiles } from './growing-files.ts';
import type { ParamText } from './param-text.ts';
import type { RunStates } from './run-states.ts';
import type { SyncedRun } from './synced-run.ts';
import { TagParams } from './tag-params.ts';

/** The lane whose params and artifacts are kept up to date, and what that needs. */
interface ArtifactSyncOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly delivery: TrackerLane;
  readonly laneState: LaneView;
  readonly states: Pick<RunStates, 'artifact'>;
  readonly rules: ArtifactRules;
  /** Returns the run's handle; undefined if the tracker does not give one now. */
  readonly open: (run: SyncedRun) => Promise<Handle | undefined>;
  /** True if a directory below a run's directory belongs to another run. */
  readonly isOther: (run: RunRef, path: string) => boolean;
  /**
   * True if a file was written during this run, and not during a sibling run that also sees the file. `levels`: how
   * far above the run the file is.
   */
  readonly isOwner: (run: SyncedRun, levels: number, changedAtMs: number) => boolean;
  /**
   * Reads texts that were sent before the configuration asked for params in them, from the beginning of the files.
   */
  readonly pastTexts: (run: SyncedRun, tags: TagParams) => AsyncIterable<readonly ParamText[]>;
  readonly warn: (message: string, facts: Readonly<Record<string, string | number>>) => void;
  readonly signal: AbortSignal;
  /** The clock and its timers. Default: the system's. */
  readonly clock?: Clock;
}

/** A file that has not changed for this long, by its own time, counts as complete. */
const STILL_MS = 2000;
/** How often files are checked again: while they change, while the run grows, and when it is quiet. */
const AGAIN_MS = 2500;
const LIVE_MS = 15_000;
const QUIET_MS = 10 * 60_000;
/** How long a backfill waits for files that are still being written. */
const PATIENCE_MS = 30_000;
/**
 * Runs that are checked, and large files that are uploaded, at the same time. They have their own slots, so that a
 * model checkpoint does not hold up params.
 */
const AT_ONCE = 2;
/** The size in bytes from which a file counts as large. */
const LARGE_BYTES = 8 * 1024 * 1024;
/**
 * Tries in a row for a file that changes during the read or can't be read. After that mirrorboard reports the file,
 * and tries it once every `QUIET_MS`.
 */
const MOST_TRIES = 5;
/** How long until mirrorboard retries what the tracker refused: a limit may have been raised meanwhile. */
const REFUSED_AGAIN_MS = 6 * 3600_000;

/** Sends params and files next to the event files to one lane. */
export class ArtifactSync {
  readonly #options: ArtifactSyncOptions;
  readonly #clock: Clock;
  readonly #tasks: ArtifactTasks;
  readonly #upload: ArtifactUpload;
  /** Params in the texts of the event files. */
  readonly tags: TagParams;
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  /** The queue of large files; small files do not wait for them. */
  readonly #large = new PQueue({ concurrency: AT_ONCE });
  /** Large files that are waiting or being uploaded, by run, path and rule; true once a file is uploaded. */
  readonly #moving = new Map<string, Promise<boolean>>();
  /** Files that have stopped changing but are not uploaded yet, by the same key. */
  readonly #failures = new Map<string, { tries: number; againAtMs: number }>();
  /** Files that changed recently, by run and path: their stamp, and since when they have it. */
  readonly #changing = new Map<string, { readonly stamp: string; readonly sinceMs: number }>();
  /** Refusals before this time are retried, because a person asked for it. By the wall clock. */
  #askedAgainAtMs = 0;
  readonly #growing: GrowingFiles;
  /** Runs that are being checked, so that no run is checked twice at a time. */
  readonly #looking = new Map<SyncedRun, Promise<boolean>>();

  constructor(options: ArtifactSyncOptions) {
    const { rules } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#upload = new ArtifactUpload(options);
    this.#tasks = new ArtifactTasks({ ...options, upload: this.#upload });
    this.tags = new TagParams(rules.params);
    this.#growing = new GrowingFiles(options.signal);
  }

  /** True if any params or artifacts are configured. */
  get isOn(): boolean {
    return this.#tasks.patterns.length > 0 || this.tags.isOn;
  }

  /**
   * Checks a run's files, and sends new ones that have stopped changing. Returns false if some are still changing or
   * could not be sent. `isLast`: there is no later check, so files that only grow are sent as they are.
   */
  look(run: SyncedRun, isLast = false): Promise<boolean> {
    if (!this.isOn) return Promise.resolve(true);
    const under = this.#looking.get(run);
    if (under !== undefined) return isLast ? under.then(() => this.look(run, true)) : under;
    const looking = this.#queue
      .add(() => this.#look(run, isLast))
      .catch((error: unknown) => {
        this.#reportFailed(run, error);
        return false;
      })
      .finally(() => this.#looking.delete(run));
    this.#looking.set(run, looking);
    return looking;
  }

  /** Checks the runs whose turn it is. */
  tick(runs: Iterable<SyncedRun>, nowMs: number): void {
    if (!this.isOn) return;
    for (const run of runs) {
      if (run.artifactsDueMs > nowMs) continue;
      run.artifactsDueMs = Number.POSITIVE_INFINITY;
      void this.look(run).then((isDone) => {
        run.artifactsDueMs = this.#clock.steadyMs() + (!isDone ? AGAIN_MS : run.isQuiet ? QUIET_MS : LIVE_MS);
      });
    }
  }

  /** Checks all runs at the next tick, and retries what was refused before. */
  retryNow(runs: Iterable<SyncedRun>): void {
    this.#askedAgainAtMs = this.#clock.wallMs();
    this.#failures.clear();
    for (const run of runs) run.artifactsDueMs = Math.min(run.artifactsDueMs, this.#clock.steadyMs());
  }

  #isDueAgain(state: ArtifactState): boolean {
    return isDueAgain(state, this.#clock.wallMs()) || (isRefusedFile(state) && (state.outcome.askedAtMs ?? 0) < this.#askedAgainAtMs);
  }

  /**
   * Uploads all files of some runs. Waits up to `patienceMs` for those that are still being written. Returns false if
   * some are left.
   */
  async bring(runs: Iterable<SyncedRun>, patienceMs: number): Promise<boolean> {
    const { signal, laneState, delivery } = this.#options;
    let endMs = this.#clock.steadyMs() + Math.min(patienceMs, PATIENCE_MS);
    let left = this.isOn ? [...runs] : [];
    for (;;) {
      const done = await Promise.all(left.map((run) => this.look(run, true)));
      left = left.filter((run, i) => done[i] !== true && laneState.handle(run.target) !== undefined);
      if (left.length === 0) return true;
      // `patienceMs` is for files that are still being written, not for uploads under way.
      const startedAtMs = this.#clock.steadyMs();
      const moved = await Promise.all(this.#moving.values());
      endMs += this.#clock.steadyMs() - startedAtMs;
      if (moved.includes(true)) continue;
      if (this.#clock.steadyMs() > endMs || delivery.isParked || signal.aborted) return false;
      await this.#clock.sleep(AGAIN_MS, signal);
    }
  }

  /**
   * Sets params from texts, in their order, each content once. Uses the lane's patience, and throws errors that are
   * about this run alone.
   */
  async setTexts(run: SyncedRun, handle: Handle, texts: readonly ParamText[]): Promise<void> {
    if (texts.length === 0) return;
    const { laneState, states } = this.#options;
    const known = artifactsOf(laneState, run.target);
    for (const { path, rule, prefix, stamp, bytes, hash, content } of texts) {
      const key = artifactKey(path, rule);
      const before = known.get(key);
      if (before?.hash === hash && hash !== '' && !this.#isDueAgain(before)) continue;
      const read = content.kind === 'text' ? await readTextParams(content.text, prefix) : undefined;
      const outcome =
        read === undefined ? (content as ArtifactResult) : asked(await this.#upload.setParams(handle, read), this.#clock.wallMs());
      if (before === undefined || outcome.kind === 'done' || before.outcome.reason !== outcome.reason) this.#report(run, path, outcome);
      const state = { path, rule, stamp, bytes, hash, outcome };
      states.artifact(run.target, state);
      known.set(key, state);
    }
  }

  /** Does the same for texts that were sent before the configuration asked for them. */
  async #setPastTexts(run: SyncedRun): Promise<boolean> {
    // If nothing was sent, no text was sent.
    if (!this.tags.isOn || this.#options.laneState.handle(run.target) === undefined) return true;
    for await (const texts of this.#options.pastTexts(run, this.tags)) {
      if (texts.length === 0) continue;
      const handle = await this.#options.open(run);
      if (handle === undefined) return false;
      await this.setTexts(run, handle, texts);
    }
    return true;
  }

  /** Waits for the work under way. */
  async idle(): Promise<void> {
    await this.#queue.onIdle();
    await this.#large.onIdle();
  }

  async #look(run: SyncedRun, isLast: boolean): Promise<boolean> {
    const { laneState, signal, isOther } = this.#options;
    const { target, directory } = run;
    if (!(await this.#setPastTexts(run))) return false;
    const levels = target.path === '.' ? 0 : target.path.split('/').length;
    const found = await findFiles(directory, this.#tasks.patterns, (path) => isOther(target, path), { levels, signal });
    if (found.length === 0) return true;
    const known = artifactsOf(laneState, target);
    let isDone = true;
    for (const task of found.flatMap((candidate) => this.#tasks.of(run, candidate))) {
      if (signal.aborted) return false;
      const { candidate, rule, refused, isEachKept } = task;
      const { path, stamp, bytes } = candidate;
      const mayWait = !isLast && !isEachKept && !run.isQuiet;
      const before = known.get(artifactKey(path, rule));
      if (refused !== undefined) {
        if (before?.outcome.kind !== 'refused' || before.outcome.reason !== refused) this.#refuse(run, task, refused);
        continue;
      }
      const key = JSON.stringify([run.key, path, rule]);
      if (this.#moving.has(key)) isDone = false;
      else if ((before?.stamp === stamp && before.bytes === bytes && !this.#isDueAgain(before)) || this.#isSetAside(key)) continue;
      else if (mayWait && (await this.#growing.waits(key, { directory, path, bytes }, before))) continue;
      else if (!this.#standsStill(run, candidate)) isDone = false;
      else if (bytes < LARGE_BYTES) isDone = (await this.#bring(run, task, before, key)) && isDone;
      else {
        isDone = false;
        this.#move(run, task, before, key);
      }
    }
    return isDone;
  }

  /**
   * True if a file has stopped changing: by its own time, or, if that time is recent or in the future, by how long
   * its stamp has been the same.
   */
  #standsStill(run: SyncedRun, { path, stamp, changedAtMs }: ArtifactCandidate): boolean {
    const key = JSON.stringify([run.key, path]);
    const ageMs = this.#clock.wallMs() - changedAtMs;
    const seen = this.#changing.get(key);
    if (ageMs >= STILL_MS || (seen?.stamp === stamp && this.#clock.steadyMs() - seen.sinceMs >= STILL_MS)) {
      this.#changing.delete(key);
      return true;
    }
    if (seen?.stamp !== stamp) this.#changing.set(key, { stamp, sinceMs: this.#clock.steadyMs() });
    return false;
  }

  #isSetAside(key: string): boolean {
    return (this.#failures.get(key)?.againAtMs ?? 0) > this.#clock.steadyMs();
  }

  /** Queues a large file for upload. */
  #move(run: SyncedRun, task: ArtifactTask, before: ArtifactState | undefined, key: string): void {
    const moving = this.#large
      .add(() => this.#bring(run, task, before, key), { priority: -task.candidate.bytes })
      .catch((error: unknown) => {
        this.#reportFailed(run, error);
        return false;
      })
      .finally(() => this.#moving.delete(key));
    this.#moving.set(key, moving);
  }

  /** Uploads a file. Returns false if it must be retried. */
  async #bring(run: SyncedRun, task: ArtifactTask, before: ArtifactState | undefined, key: string): Promise<boolean> {
    const { states, signal, open } = this.#options;
    const { target, directory } = run;
    const { path, stamp, bytes } = task.candidate;
    if (signal.aborted) return false;
    try {
      const { hash, act } = await task.load({ directory, path, bytes });
      const known = before?.hash === hash && before.bytes === bytes ? before : undefined;
      const isAgain = known !== undefined && this.#isDueAgain(known);
      let outcome = isAgain ? undefined : known?.outcome;
      if (outcome === undefined) {
        const handle = await open(run);
        if (handle === undefined) return false;
        outcome = asked(await act(handle, isAgain), this.#clock.wallMs());
        if (outcome.kind !== known?.outcome.kind || outcome.reason !== known.outcome.reason) this.#report(run, path, outcome);
      }
      this.#failures.delete(key);
      states.artifact(target, { path, rule: task.rule, stamp, bytes, hash, outcome });
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (signal.aborted || !(hasChanged(error) || (code !== undefined && !(error instanceof MirrorError)))) throw error;
      return this.#fail(run, task, key, hasChanged(error) ? 'it changed while it was read' : `it cannot be read (${code})`);
    }
  }

  /** Notes a failed try; the next one may succeed. Returns true if the file is set aside after `MOST_TRIES`. */
  #fail(run: SyncedRun, task: ArtifactTask, key: string, reason: string): boolean {
    const tries = (this.#failures.get(key)?.tries ?? 0) + 1;
    const isNamed = tries >= MOST_TRIES;
    this.#failures.set(key, { tries, againAtMs: isNamed ? this.#clock.steadyMs() + QUIET_MS : 0 });
    if (tries === MOST_TRIES) this.#refuse(run, task, `${reason}, ${MOST_TRIES} times in a row`);
    return isNamed;
  }

  #refuse(run: SyncedRun, { candidate: { path }, rule }: ArtifactTask, reason: string): void {
    const outcome = { kind: 'refused', reason } as const;
    this.#report(run, path, outcome);
    // The outcome has no stamp: the file is checked again, and sent once nothing prevents it.
    this.#options.states.artifact(run.target, { path, rule, stamp: '', bytes: 0, hash: '', outcome });
  }

  #reportFailed(run: SyncedRun, error: unknown): void {
    const reason = error instanceof MirrorError ? error.message : messageOf(error);
    if (!this.#options.signal.aborted) this.#options.warn('artifacts could not be mirrored', { run: runLabel(run.target), reason });
  }

  #report(run: SyncedRun, file: string, { kind, reason, isStored, kept }: ArtifactResult): void {
    const { warn } = this.#options;
    const facts = { run: runLabel(run.target), file };
    const what = isStored === true ? 'was stored, but not registered' : 'was not mirrored';
    if (kind !== 'done') warn(`an artifact ${what} (${kind})`, { ...facts, reason: reason ?? '' });
    if (kept !== undefined)
      warn('params keep their values, because the tracker never changes a param', { ...facts, params: kept.slice(0, 5).join('; ') });
  }
}

/** True if the tracker refused the file long ago. A clock that was set back does not make the wait longer. */
export function isDueAgain(state: ArtifactState, nowMs: number): boolean {
  const ageMs = nowMs - (state.outcome.askedAtMs ?? 0);
  return isRefusedFile(state) && !(ageMs >= 0 && ageMs < REFUSED_AGAIN_MS);
}

/** Adds the time of the request to a result that the tracker refused. */
function asked(outcome: ArtifactResult, nowMs: number): ArtifactResult {
  return outcome.kind === 'refused' ? { ...outcome, askedAtMs: nowMs } : outcome;
}

function artifactsOf(laneState: LaneView, target: RunRef): Map<string, ArtifactState> {
  return new Map(laneState.artifacts(target).map((state) => [artifactKey(state.path, state.rule), state]));
}

function artifactKey(path: string, rule: string): string {
  return JSON.stringify([path, rule]);
}
