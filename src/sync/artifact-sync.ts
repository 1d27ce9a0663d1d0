/**
 * Brings what lies next to the event files into one lane: params of files, files as artifacts. They change under our
 * hands, so each is checked until it stands still, and sent once for each content.
 */

import PQueue from 'p-queue';
import {
  type ArtifactCandidate,
  type ArtifactRule,
  type ArtifactRules,
  type ArtifactSource,
  artifactFile,
  changed,
  DEFAULT_MOST_BYTES,
  findFiles,
  hashFile,
  MOST_TEXT_BYTES,
  type ParamRule,
  type ReadParams,
  readParams,
  readTextParams,
  safePath,
} from '../artifacts/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { ArtifactOutcome, Backend, Handle, TrialKind } from '../contract/index.ts';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import { type RunRef, runLabel, sha256Of } from '../model/index.ts';
import { fillTemplate, matcher, Pattern } from '../pattern/index.ts';
import { type ArtifactResult, type ArtifactState, isRefusedFile, type LaneView } from '../state/index.ts';
import { fullPath, readWhole } from '../untrusted/index.ts';
import { CONFIRMATIONS, type TrackerLane } from './delivery/index.ts';
import { GrowingFiles } from './growing-files.ts';
import type { RunStates } from './run-states.ts';
import type { SyncedRun } from './synced-run.ts';
import { type ParamText, TagParams } from './tag-params.ts';

/** The lane whose params and artifacts are kept up to date. */
export interface ArtifactSyncOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly delivery: TrackerLane;
  readonly laneState: LaneView;
  readonly states: Pick<RunStates, 'artifact'>;
  readonly rules: ArtifactRules;
  /** The run's handle; undefined where the tracker does not give one now. */
  readonly open: (run: SyncedRun) => Promise<Handle | undefined>;
  /** Whether a directory below a run's belongs to another run. */
  readonly isOther: (run: RunRef, path: string) => boolean;
  /**
   * Whether a file was written while a run was, rather than one beside it that can see the file as well. `levels`:
   * how far above the run it lies.
   */
  readonly isOwner: (run: SyncedRun, levels: number, changedAtMs: number) => boolean;
  /** Texts that were sent before anybody asked for params in them, of the files from their beginning. */
  readonly pastTexts: (run: SyncedRun, tags: TagParams) => AsyncIterable<readonly ParamText[]>;
  readonly warn: (message: string, facts: Readonly<Record<string, string | number>>) => void;
  readonly signal: AbortSignal;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
}

/** A file that did not change for so long, by its own time, stands still. */
const STILL_MS = 2000;
/** Files are checked again: while they change, while the run grows, and when it is quiet. */
const AGAIN_MS = 2500;
const LIVE_MS = 15_000;
const QUIET_MS = 10 * 60_000;
/** How long a backfill waits for files that are being written. */
const PATIENCE_MS = 30_000;
/**
 * Runs that are checked, and large files that are on their way, at the same time: places of their own, so that no
 * checkpoint holds up params.
 */
const AT_ONCE = 2;
/** A file from this size on is a large one. Bytes. */
const LARGE_BYTES = 8 * 1024 * 1024;
/**
 * A file that changes while it is read, or can't be read, is tried so often in a row; then it is named, and tried
 * once every `QUIET_MS`.
 */
const MOST_TRIES = 5;
/**
 * A file that is reported to be so much longer than what it takes on its disk is empty, not large: it is left from
 * this size on.
 */
const SPARSE_BYTES = 64 * 1024 * 1024;
const SPARSE_RATIO = 64;
/** What the tracker refused is asked for again after so long: a limit may have been raised meanwhile. */
const REFUSED_AGAIN_MS = 6 * 3600_000;

/** One file and what is to be done with it. */
interface Task {
  readonly candidate: ArtifactCandidate;
  /** What is to be done, as a text: when that changes, it is done again. */
  readonly rule: string;
  /** Why it is left where it is, judged before anything of it is read. */
  readonly refused: string | undefined;
  /** Each of its contents counts, also those on the way to a longer one. */
  readonly isEachKept: boolean;
  /** Reads it as far as is needed to know its hash, and says how to bring it. */
  readonly load: (source: ArtifactSource) => Promise<Loaded>;
}

interface Loaded {
  readonly hash: string;
  /** `isAgain`: it was refused before, so that nobody need make sure of it. */
  readonly act: (handle: Handle, isAgain: boolean) => Promise<ArtifactResult>;
}

type Compiled<Rule> = Rule & { readonly patterns: readonly Pattern[] };

/** Brings params and files that lie next to the event files to one lane. */
export class ArtifactSync {
  readonly #options: ArtifactSyncOptions;
  readonly #clock: Clock;
  readonly #params: readonly Compiled<ParamRule>[];
  readonly #artifacts: readonly Compiled<ArtifactRule>[];
  readonly #patterns: readonly Pattern[];
  /** Params that stand in the event files. */
  readonly tags: TagParams;
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  /** Versions of models are made one after the other: an alias is moved by one at a time, and stays at the last. */
  readonly #registering = new PQueue({ concurrency: 1 });
  /** Large files take turns of their own, the smaller ones first. */
  readonly #large = new PQueue({ concurrency: AT_ONCE });
  /** Those that wait or are on their way, by run, path and rule; true once they are brought. */
  readonly #moving = new Map<string, Promise<boolean>>();
  /** Files that are not brought yet though they stood still, by the same. */
  readonly #failures = new Map<string, { tries: number; againAtMs: number }>();
  /** Files that changed just now, by run and path: since when they look as they do. */
  readonly #changing = new Map<string, { readonly stamp: string; readonly sinceMs: number }>();
  readonly #growing: GrowingFiles;
  /** Runs that are being looked at, so that none is twice. */
  readonly #looking = new Map<SyncedRun, Promise<boolean>>();

  constructor(options: ArtifactSyncOptions) {
    const { rules } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#params = rules.params.map(compiled);
    this.#artifacts = rules.artifacts.map(compiled);
    this.tags = new TagParams(rules.params);
    this.#growing = new GrowingFiles(options.signal);
    this.#patterns = [...this.#params, ...this.#artifacts].flatMap(({ patterns }) => patterns);
  }

  /** Whether anything is searched for at all. */
  get isOn(): boolean {
    return this.#patterns.length > 0 || this.tags.isOn;
  }

  /**
   * Looks at a run's files, and sends what is new and stands still. False where something does not stand still yet,
   * or could not be sent. `isLast`: nobody looks again, so what only gets longer is sent as it is.
   */
  look(run: SyncedRun, isLast = false): Promise<boolean> {
    if (!this.isOn) return Promise.resolve(true);
    const under = this.#looking.get(run);
    if (under !== undefined) return isLast ? under.then(() => this.look(run, true)) : under;
    const looking = this.#queue
      .add(() => this.#look(run, isLast))
      .catch((error: unknown) => {
        this.#sayFailed(run, error);
        return false;
      })
      .finally(() => this.#looking.delete(run));
    this.#looking.set(run, looking);
    return looking;
  }

  /** Looks at runs whose turn it is. */
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

  /** Brings all files of some runs; it waits a little for those that are being written. False where some are left. */
  async bring(runs: Iterable<SyncedRun>, patienceMs: number): Promise<boolean> {
    const { signal, laneState, delivery } = this.#options;
    let endMs = this.#clock.steadyMs() + Math.min(patienceMs, PATIENCE_MS);
    let left = this.isOn ? [...runs] : [];
    for (;;) {
      const done = await Promise.all(left.map((run) => this.look(run, true)));
      left = left.filter((run, i) => done[i] !== true && laneState.handle(run.target) !== undefined);
      if (left.length === 0) return true;
      // What is on its way is no matter of patience with those who write.
      const startedAtMs = this.#clock.steadyMs();
      const moved = await Promise.all(this.#moving.values());
      endMs += this.#clock.steadyMs() - startedAtMs;
      if (moved.includes(true)) continue;
      if (this.#clock.steadyMs() > endMs || delivery.isParked || signal.aborted) return false;
      await this.#clock.sleep(AGAIN_MS, signal);
    }
  }

  /**
   * Sets params that stand in texts, in their order, each content once. With the lane's patience; throws what is
   * about this run alone.
   */
  async setTexts(run: SyncedRun, handle: Handle, texts: readonly ParamText[]): Promise<void> {
    if (texts.length === 0) return;
    const { laneState, states } = this.#options;
    const known = sidesOf(laneState, run.target);
    for (const { path, rule, prefix, stamp, bytes, hash, content } of texts) {
      const key = sideKey(path, rule);
      const before = known.get(key);
      if (before?.hash === hash && hash !== '' && !isDueAgain(before, this.#clock.wallMs())) continue;
      const read = content.kind === 'text' ? await readTextParams(content.text, prefix) : undefined;
      const outcome = read === undefined ? (content as ArtifactResult) : asked(await this.#setParams(handle, read), this.#clock.wallMs());
      if (before === undefined || outcome.kind === 'done' || before.outcome.reason !== outcome.reason) this.#say(run, path, outcome);
      const state = { path, rule, stamp, bytes, hash, outcome };
      states.artifact(run.target, state);
      known.set(key, state);
    }
  }

  /** The same for texts that were sent before anybody asked for them. */
  async #setPastTexts(run: SyncedRun): Promise<boolean> {
    // Where nothing was sent, no text was.
    if (!this.tags.isOn || this.#options.laneState.handle(run.target) === undefined) return true;
    for await (const texts of this.#options.pastTexts(run, this.tags)) {
      if (texts.length === 0) continue;
      const handle = await this.#options.open(run);
      if (handle === undefined) return false;
      await this.setTexts(run, handle, texts);
    }
    return true;
  }

  /** Waits for what is under way. */
  async idle(): Promise<void> {
    await this.#queue.onIdle();
    await this.#large.onIdle();
  }

  async #look(run: SyncedRun, isLast: boolean): Promise<boolean> {
    const { laneState, signal, isOther } = this.#options;
    const { target, directory } = run;
    if (!(await this.#setPastTexts(run))) return false;
    const levels = target.path === '.' ? 0 : target.path.split('/').length;
    const found = await findFiles(directory, this.#patterns, (path) => isOther(target, path), { levels, signal });
    if (found.length === 0) return true;
    const known = sidesOf(laneState, target);
    let isDone = true;
    for (const task of found.flatMap((candidate) => this.#tasks(run, candidate))) {
      if (signal.aborted) return false;
      const { candidate, rule, refused, isEachKept } = task;
      const { path, stamp, bytes } = candidate;
      const mayWait = !isLast && !isEachKept && !run.isQuiet;
      const before = known.get(sideKey(path, rule));
      if (refused !== undefined) {
        if (before?.outcome.kind !== 'refused' || before.outcome.reason !== refused) this.#refuse(run, task, refused);
        continue;
      }
      const key = JSON.stringify([run.key, path, rule]);
      if (this.#moving.has(key)) isDone = false;
      else if ((before?.stamp === stamp && before.bytes === bytes && !isDueAgain(before, this.#clock.wallMs())) || this.#isSetAside(key))
        continue;
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

  /** By its own time, or, where that is of the future or just now, by how long it looks as it does. */
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

  /** Brings a large file when it is its turn. */
  #move(run: SyncedRun, task: Task, before: ArtifactState | undefined, key: string): void {
    const moving = this.#large
      .add(() => this.#bring(run, task, before, key), { priority: -task.candidate.bytes })
      .catch((error: unknown) => {
        this.#sayFailed(run, error);
        return false;
      })
      .finally(() => this.#moving.delete(key));
    this.#moving.set(key, moving);
  }

  /** False where it has to be tried again. */
  async #bring(run: SyncedRun, task: Task, before: ArtifactState | undefined, key: string): Promise<boolean> {
    const { states, signal, open } = this.#options;
    const { target, directory } = run;
    const { path, stamp, bytes } = task.candidate;
    if (signal.aborted) return false;
    try {
      const { hash, act } = await task.load({ directory, path, bytes });
      const known = before?.hash === hash && before.bytes === bytes ? before : undefined;
      const isAgain = known !== undefined && isDueAgain(known, this.#clock.wallMs());
      let outcome = isAgain ? undefined : known?.outcome;
      if (outcome === undefined) {
        const handle = await open(run);
        if (handle === undefined) return false;
        outcome = asked(await act(handle, isAgain), this.#clock.wallMs());
        if (outcome.kind !== known?.outcome.kind || outcome.reason !== known.outcome.reason) this.#say(run, path, outcome);
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

  /** It may be better next time; it is not tried forever. True where it is left. */
  #fail(run: SyncedRun, task: Task, key: string, reason: string): boolean {
    const tries = (this.#failures.get(key)?.tries ?? 0) + 1;
    const isNamed = tries >= MOST_TRIES;
    this.#failures.set(key, { tries, againAtMs: isNamed ? this.#clock.steadyMs() + QUIET_MS : 0 });
    if (tries === MOST_TRIES) this.#refuse(run, task, `${reason}, ${MOST_TRIES} times in a row`);
    return isNamed;
  }

  #refuse(run: SyncedRun, { candidate: { path }, rule }: Task, reason: string): void {
    const outcome = { kind: 'refused', reason } as const;
    this.#say(run, path, outcome);
    // Without a stamp: it is checked again, and taken once nothing is in the way.
    this.#options.states.artifact(run.target, { path, rule, stamp: '', bytes: 0, hash: '', outcome });
  }

  #tasks(run: SyncedRun, candidate: ArtifactCandidate): Task[] {
    const { signal } = this.#options;
    const { path, bytes } = candidate;
    const tasks: Task[] = [];
    for (const rule of this.#params) {
      if (matchOf(rule, path) === undefined) continue;
      const load: Task['load'] = async (source) => {
        const content = await contentOf(source, candidate.stamp, signal);
        const act: Loaded['act'] = async (handle, isAgain) =>
          this.#setParams(handle, await readParams(content, path, rule.prefix), isAgain);
        return { hash: sha256Of(content), act };
      };
      const refused = candidate.refused ?? whyTooLarge(bytes, MOST_TEXT_BYTES);
      tasks.push({ candidate, rule: JSON.stringify({ params: rule.prefix }), refused, isEachKept: true, load });
    }
    for (const rule of this.#artifacts) {
      const captures = matchOf(rule, path);
      if (captures === undefined || (rule.runs !== undefined && !matcher(rule.runs)(run.target.path))) continue;
      const levels = levelsAbove(path);
      if (rule.once === true && levels > 0 && !this.#options.isOwner(run, levels, candidate.changedAtMs)) continue;
      const values = { ...captures, path, file: path.split('/').at(-1) ?? path };
      const to = safePath(fillTemplate(placeOf(rule), values));
      const model = rule.registerModel === undefined ? undefined : fillTemplate(rule.registerModel, values);
      const plan = { to, model, alias: rule.alias, modelTags: rule.modelTags, dataset: rule.dataset };
      const load: Task['load'] = async (source) => {
        const hash = await hashFile(source, signal);
        const written = { hash, writtenAtMs: candidate.changedAtMs };
        return { hash, act: (handle, isAgain) => this.#store(handle, source, written, plan, rule, isAgain) };
      };
      const refused = candidate.refused ?? whyTooLarge(bytes, rule.mostBytes ?? DEFAULT_MOST_BYTES) ?? whySparse(candidate);
      const isEachKept = model !== undefined || rule.dataset !== undefined;
      tasks.push({ candidate, rule: JSON.stringify(plan), refused, isEachKept, load });
    }
    return tasks;
  }

  async #setParams(handle: Handle, read: ReadParams, isAgain = false): Promise<ArtifactResult> {
    const { backend } = this.#options;
    if (backend.setParams === undefined) return { kind: 'unsupported', reason: 'the tracker does not support params from files' };
    if (read.kind === 'invalid') return read;
    const { params } = read;
    if (params.length === 0) return { kind: 'done' };
    const outcomes = await this.#confirmed(
      handle,
      'params',
      () => this.#attempt((signal) => backend.setParams?.(handle, params, signal) ?? Promise.resolve([])),
      (all) => !isAgain && all.some(({ kind }) => kind === 'refused'),
    );
    const kept: string[] = [];
    const refused: string[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const name = params[i]?.name ?? '';
      if (outcome.kind === 'kept') kept.push(`${name}: ${outcome.value}, not ${String(params[i]?.value)}`);
      if (outcome.kind === 'refused') refused.push(`${name}: ${outcome.reason}`);
    }
    const told = kept.length === 0 ? {} : { kept };
    if (refused.length === 0) return { kind: 'done', ...told };
    return { kind: 'refused', reason: `${refused.length} of ${params.length} params: ${refused.slice(0, 5).join('; ')}`, ...told };
  }

  async #store(
    handle: Handle,
    source: ArtifactSource,
    { hash, writtenAtMs }: { readonly hash: string; readonly writtenAtMs: number },
    { to, model, alias, dataset }: { to: string; model: string | undefined; alias: string | undefined; dataset: string | undefined },
    { modelTags }: ArtifactRule,
    isAgain: boolean,
  ): Promise<ArtifactResult> {
    const { backend, signal } = this.#options;
    if (backend.putFile === undefined) return { kind: 'unsupported', reason: 'the tracker does not store files' };
    if (to === '') return { kind: 'invalid', reason: 'its name would be empty' };
    const file = artifactFile(source, to, hash, signal);
    const put = (): Promise<ArtifactOutcome> =>
      this.#attempt(async (until) => {
        try {
          return (await backend.putFile?.(handle, file, until)) ?? NOWHERE;
        } catch (error) {
          // Not the tracker's trouble: it is not to be tried again as it is.
          if (hasChanged(error)) return CHANGED;
          throw error;
        }
      });
    const stored = await this.#confirmed(handle, 'files', put, (outcome) => !isAgain && outcome.kind === 'refused' && outcome !== CHANGED);
    if (stored === CHANGED) throw changed(source);
    if (stored.kind !== 'stored') return resultOf(stored);
    if (model !== undefined) {
      const version = { model, file: { path: to, hash }, tags: modelTags, writtenAtMs, ...(alias === undefined ? {} : { alias }) };
      const done = await this.#registering.add(() =>
        this.#attempt((until) => backend.registerModel?.(handle, version, until) ?? Promise.resolve(NOWHERE)),
      );
      if (done.kind !== 'stored') return { kind: done.kind, reason: `no model version of ${model}: ${done.reason}`, isStored: true };
    }
    if (dataset !== undefined) {
      const where = fullPath(source.directory, source.path);
      const facts = { name: to.split('/').at(-1) ?? to, hash, source: where, context: dataset };
      const done = await this.#attempt((until) => backend.noteDataset?.(handle, facts, until) ?? Promise.resolve(NOWHERE));
      if (done.kind !== 'stored') return { kind: done.kind, reason: `not registered as a dataset: ${done.reason}`, isStored: true };
    }
    return { kind: 'done' };
  }

  /**
   * As with points: a tracker that is out of order refuses what is sound, too, so it is asked again after it has
   * taken another of the kind.
   */
  async #confirmed<Value>(
    handle: Handle,
    kind: TrialKind,
    ask: () => Promise<Value>,
    isRefused: (value: Value) => boolean,
  ): Promise<Value> {
    const { backend } = this.#options;
    let value = await ask();
    for (let round = 0; round < CONFIRMATIONS && backend.tryOut !== undefined && isRefused(value); round++) {
      await this.#attempt(async (signal) => backend.tryOut?.(handle, kind, signal));
      value = await ask();
    }
    return value;
  }

  /** With the lane's patience. Throws what is about this run alone, and where everything ends. */
  async #attempt<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const done = await this.#options.delivery.attempt(work);
    if (done.kind === 'done') return done.value;
    throw done.kind === 'runFatal' ? done.error : new MirrorError('MB4001', 'it was interrupted', { retry: 'later' });
  }

  #sayFailed(run: SyncedRun, error: unknown): void {
    const reason = error instanceof MirrorError ? error.message : messageOf(error);
    if (!this.#options.signal.aborted) this.#options.warn('artifacts could not be mirrored', { run: runLabel(run.target), reason });
  }

  #say(run: SyncedRun, file: string, { kind, reason, isStored, kept }: ArtifactResult): void {
    const { warn } = this.#options;
    const facts = { run: runLabel(run.target), file };
    const what = isStored === true ? 'was stored, but not registered' : 'was not mirrored';
    if (kind !== 'done') warn(`an artifact ${what} (${kind})`, { ...facts, reason: reason ?? '' });
    if (kept !== undefined)
      warn('params keep their values, because the tracker never changes a param', { ...facts, params: kept.slice(0, 5).join('; ') });
  }
}

/** Whether the tracker refused it long ago. A clock that was set back makes it wait no longer. */
export function isDueAgain(state: ArtifactState, nowMs: number): boolean {
  const ageMs = nowMs - (state.outcome.askedAtMs ?? 0);
  return isRefusedFile(state) && !(ageMs >= 0 && ageMs < REFUSED_AGAIN_MS);
}

/** With the time of its being asked for, where the tracker refused it. */
function asked(outcome: ArtifactResult, nowMs: number): ArtifactResult {
  return outcome.kind === 'refused' ? { ...outcome, askedAtMs: nowMs } : outcome;
}

const CHANGED: ArtifactOutcome = { kind: 'refused', reason: 'it has changed' };

/** All of a small file, as long and as old as it was when it was looked at. */
async function contentOf(source: ArtifactSource, stamp: string, signal: AbortSignal): Promise<Buffer> {
  try {
    const read = await readWhole(source.directory, source.path, { mostBytes: MOST_TEXT_BYTES, signal });
    if (read.content.length === source.bytes && read.stamp === stamp) return read.content;
  } catch (error) {
    if ((error instanceof MirrorError && error.code !== 'MB2030') || systemCode(error) === 'ENOENT') throw changed(source, error);
    throw error;
  }
  throw changed(source);
}

function whyTooLarge(bytes: number, most: number): string | undefined {
  return bytes > most ? `it has ${bytes} bytes, and at most ${most} are read` : undefined;
}

function whySparse({ bytes, diskBytes }: ArtifactCandidate): string | undefined {
  if (diskBytes === undefined || bytes < SPARSE_BYTES || diskBytes * SPARSE_RATIO >= bytes) return undefined;
  return `it is sparse: of its ${bytes} bytes ${diskBytes} are on the disk`;
}

/** Whether a file turned out to be another one while it was sent, no matter which side noticed first. */
function hasChanged(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof MirrorError && at.code === 'MB2008') return true;
  return false;
}

const NOWHERE: ArtifactOutcome = { kind: 'unsupported', reason: 'the tracker does not support it' };

function resultOf(outcome: Exclude<ArtifactOutcome, { kind: 'stored' }>): ArtifactResult {
  return { kind: outcome.kind, reason: outcome.reason };
}

function compiled<Rule extends { readonly files: readonly string[] }>(rule: Rule): Compiled<Rule> {
  return { ...rule, patterns: rule.files.map((glob) => new Pattern(glob)) };
}

function sidesOf(laneState: LaneView, target: RunRef): Map<string, ArtifactState> {
  return new Map(laneState.side(target).map((state) => [sideKey(state.path, state.rule), state]));
}

function sideKey(path: string, rule: string): string {
  return JSON.stringify([path, rule]);
}

function levelsAbove(path: string): number {
  return path.split('/').findIndex((part) => part !== '..');
}

/** Where a file goes; `models/` is a folder, as it is to trackers' own clients. */
function placeOf({ to = '{path}' }: ArtifactRule): string {
  return to.endsWith('/') ? `${to}{file}` : to;
}

function matchOf({ patterns }: { readonly patterns: readonly Pattern[] }, path: string): Readonly<Record<string, string>> | undefined {
  for (const pattern of patterns) {
    const found = pattern.match(path);
    if (found !== undefined) return found;
  }
  return undefined;
}
