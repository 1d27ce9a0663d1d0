/**
 * Brings what lies beside the event files into one lane: params of files, files as artifacts. They change under our hands, so each is
 * looked at until it stands still, and sent once for each content.
 */
import { inTime } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Backend, Handle, SideOutcome } from '../backends/contract.ts';
import type { TrackerLane } from '../deliver/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { keyOfFile, type RunRef, runLabel } from '../model/index.ts';
import { fillTemplate, matcher, Pattern } from '../pattern/index.ts';
import {
  type ArtifactRule,
  findFiles,
  hashFile,
  type ParamRule,
  readParams,
  type SideCandidate,
  type SideRules,
  safePath,
  sideFile,
} from '../sidecar/index.ts';
import type { LaneState, SideResult } from '../state/index.ts';
import type { FedRun } from './fed-run.ts';

export interface SideFeedOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly delivery: TrackerLane;
  readonly laneState: LaneState;
  readonly rules: SideRules;
  /** The run's handle; undefined where the tracker does not give one now. */
  readonly open: (run: FedRun) => Promise<Handle | undefined>;
  /** Whether a directory below a run's belongs to another run. */
  readonly isOther: (run: RunRef, path: string) => boolean;
  readonly warn: (message: string, facts: Readonly<Record<string, string | number>>) => void;
  readonly signal: AbortSignal;
}

/** A file that did not change for so long, by its own time or before our eyes, stands still. */
const STILL_MS = 2000;
/** Files are looked at again: while they change, while the run grows, and when it is quiet. */
const AGAIN_MS = 2500;
const LIVE_MS = 15_000;
const QUIET_MS = 10 * 60_000;
/** How long a backfill waits for files that somebody is writing. */
const PATIENCE_MS = 30_000;
/** Files that are on their way at the same time. */
const AT_ONCE = 2;

/** One file and what is to be done with it. */
interface Task {
  readonly candidate: SideCandidate;
  /** What is to be done, as a text: when that changes, it is done again. */
  readonly rule: string;
  readonly act: (handle: Handle, source: string, hash: string) => Promise<SideResult>;
}

type Compiled<Rule> = Rule & { readonly patterns: readonly Pattern[] };

export class SideFeed {
  readonly #options: SideFeedOptions;
  readonly #params: readonly Compiled<ParamRule>[];
  readonly #artifacts: readonly Compiled<ArtifactRule>[];
  readonly #patterns: readonly Pattern[];
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  /** Versions of models are made one after the other: an alias is moved by one at a time, and stays at the last. */
  readonly #registering = new PQueue({ concurrency: 1 });
  /** Files that changed lately: size and stamp as they were seen first, and when. */
  readonly #seen = new Map<string, { readonly text: string; readonly atMs: number }>();
  /** Runs that are being looked at, so that none is twice. */
  readonly #looking = new Map<FedRun, Promise<boolean>>();

  constructor(options: SideFeedOptions) {
    const { rules } = options;
    this.#options = options;
    this.#params = rules.params.map(compiled);
    this.#artifacts = rules.artifacts.map(compiled);
    this.#patterns = [...this.#params, ...this.#artifacts].flatMap(({ patterns }) => patterns);
  }

  /** Whether anything is looked for at all. */
  get isOn(): boolean {
    return this.#patterns.length > 0;
  }

  /** Looks at a run's files, and sends what is new and stands still. False where something does not stand still yet, or could not be sent. */
  look(run: FedRun): Promise<boolean> {
    if (!this.isOn) return Promise.resolve(true);
    const under = this.#looking.get(run);
    if (under !== undefined) return under;
    const looking = this.#queue
      .add(() => this.#look(run))
      .catch((error: unknown) => {
        const reason = error instanceof MirrorError ? error.message : messageOf(error);
        if (!this.#options.signal.aborted)
          this.#options.warn('files beside the event files could not be mirrored', { run: runLabel(run.target), reason });
        return false;
      })
      .finally(() => this.#looking.delete(run));
    this.#looking.set(run, looking);
    return looking;
  }

  /** Looks at runs whose turn it is. */
  tick(runs: Iterable<FedRun>, nowMs: number): void {
    if (!this.isOn) return;
    for (const run of runs) {
      if (run.sideDueMs > nowMs) continue;
      run.sideDueMs = Number.POSITIVE_INFINITY;
      void this.look(run).then((isDone) => {
        run.sideDueMs = steadyMs() + (!isDone ? AGAIN_MS : run.isQuiet ? QUIET_MS : LIVE_MS);
      });
    }
  }

  /** Brings all files of some runs; those that somebody is writing are waited for a little. False where some are left. */
  async bring(runs: Iterable<FedRun>, patienceMs: number): Promise<boolean> {
    const { signal, laneState, delivery } = this.#options;
    const end = steadyMs() + Math.min(patienceMs, PATIENCE_MS);
    let left = this.isOn ? [...runs] : [];
    for (;;) {
      const done = await Promise.all(left.map((run) => this.look(run)));
      left = left.filter((run, i) => done[i] !== true && laneState.handle(run.target) !== undefined);
      if (left.length === 0) return true;
      if (steadyMs() > end || delivery.isParked || signal.aborted) return false;
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Waits for what is under way. */
  async idle(): Promise<void> {
    await this.#queue.onIdle();
  }

  async #look(run: FedRun): Promise<boolean> {
    const { laneState, signal, isOther, open } = this.#options;
    const { target, directory } = run;
    const levels = target.path === '.' ? 0 : target.path.split('/').length;
    const found = await inTime(directory, () => findFiles(directory, this.#patterns, (path) => isOther(target, path), levels));
    if (found.length === 0) return true;
    const known = new Map(laneState.side(target).map((state) => [JSON.stringify([state.path, state.rule]), state]));
    let isDone = true;
    for (const { candidate, rule, act } of found.flatMap((candidate) => this.#tasks(run, candidate))) {
      if (signal.aborted) return false;
      const { path, stamp, bytes } = candidate;
      const before = known.get(JSON.stringify([path, rule]));
      if (before?.stamp === stamp && before.bytes === bytes) continue;
      if (!this.#standsStill(target, candidate)) {
        isDone = false;
        continue;
      }
      const source = join(directory, path);
      const hash = await hashFile(source);
      const isSame = before?.hash === hash && before.bytes === bytes;
      let outcome = isSame ? before.outcome : undefined;
      if (outcome === undefined) {
        const handle = await open(run);
        if (handle === undefined) return false;
        try {
          outcome = await act(handle, source, hash);
        } catch (error) {
          if (!hasChanged(error)) throw error;
          isDone = false;
          continue;
        }
        this.#say(run, path, outcome);
      }
      laneState.keepSide(target, { path, rule, stamp, bytes, hash, outcome });
    }
    return isDone;
  }

  /** Clocks of servers differ, and may be set: a file whose time lies ahead is one that we saw twice as it is. */
  #standsStill(run: RunRef, { path, stamp, bytes, changedAtMs }: SideCandidate): boolean {
    const key = keyOfFile(run, path);
    if (Date.now() - changedAtMs >= STILL_MS) {
      this.#seen.delete(key);
      return true;
    }
    const before = this.#seen.get(key);
    const text = `${bytes}.${stamp}`;
    if (before?.text === text) return steadyMs() - before.atMs >= STILL_MS;
    this.#seen.set(key, { text, atMs: steadyMs() });
    return false;
  }

  #tasks(run: FedRun, candidate: SideCandidate): Task[] {
    const { path } = candidate;
    const tasks: Task[] = [];
    for (const rule of this.#params) {
      if (matchOf(rule, path) === undefined) continue;
      const text = JSON.stringify({ params: rule.prefix });
      tasks.push({ candidate, rule: text, act: (handle, source) => this.#setParams(handle, source, rule.prefix) });
    }
    for (const rule of this.#artifacts) {
      const captures = matchOf(rule, path);
      if (captures === undefined || (rule.runs !== undefined && !matcher(rule.runs)(run.target.path))) continue;
      const values = { ...captures, path, file: path.split('/').at(-1) ?? path };
      const to = safePath(fillTemplate(placeOf(rule), values));
      const model = rule.registerModel === undefined ? undefined : fillTemplate(rule.registerModel, values);
      const plan = { to, model, alias: rule.alias, modelTags: rule.modelTags, dataset: rule.dataset };
      const act: Task['act'] = (handle, source, hash) => this.#store(handle, source, candidate.bytes, hash, plan, rule);
      tasks.push({ candidate, rule: JSON.stringify(plan), act });
    }
    return tasks;
  }

  async #setParams(handle: Handle, source: string, prefix: string): Promise<SideResult> {
    const { backend } = this.#options;
    if (backend.setParams === undefined) return { kind: 'unsupported', reason: 'the tracker has no place for params of files' };
    const read = await inTime(source, () => readParams(source, prefix));
    if (read.kind === 'invalid') return read;
    const { params } = read;
    if (params.length === 0) return { kind: 'done' };
    const outcomes = await this.#attempt((signal) => backend.setParams?.(handle, params, signal) ?? Promise.resolve([]));
    const kept: string[] = [];
    const refused: string[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const name = params[i]?.name ?? '';
      if (outcome.kind === 'kept') kept.push(`${name}: ${outcome.value}, not ${String(params[i]?.value)}`);
      if (outcome.kind === 'refused') refused.push(`${name}: ${outcome.reason}`);
    }
    const told = kept.length === 0 ? {} : { kept };
    return refused.length === 0 ? { kind: 'done', ...told } : { kind: 'refused', reason: refused.slice(0, 5).join('; '), ...told };
  }

  async #store(
    handle: Handle,
    source: string,
    bytes: number,
    hash: string,
    { to, model, alias, dataset }: { to: string; model: string | undefined; alias: string | undefined; dataset: string | undefined },
    { mostBytes, modelTags }: ArtifactRule,
  ): Promise<SideResult> {
    const { backend } = this.#options;
    if (mostBytes !== undefined && bytes > mostBytes)
      return { kind: 'refused', reason: `it has ${bytes} bytes, and at most ${mostBytes} are stored` };
    if (backend.putFile === undefined) return { kind: 'unsupported', reason: 'the tracker keeps no files' };
    if (to === '') return { kind: 'invalid', reason: 'nothing is left of its name' };
    const file = sideFile(source, to, bytes, hash);
    const stored = await this.#attempt(async (signal) => {
      try {
        return (await backend.putFile?.(handle, file, signal)) ?? NOWHERE;
      } catch (error) {
        // Not the tracker's trouble: it is not to be tried again as it is.
        if (hasChanged(error)) return CHANGED;
        throw error;
      }
    });
    if (stored === CHANGED) throw changed(source);
    if (stored.kind !== 'stored') return resultOf(stored);
    if (model !== undefined) {
      const version = { model, file: { path: to, hash }, tags: modelTags, ...(alias === undefined ? {} : { alias }) };
      const done = await this.#registering.add(() =>
        this.#attempt((signal) => backend.registerModel?.(handle, version, signal) ?? Promise.resolve(NOWHERE)),
      );
      if (done.kind !== 'stored') return { kind: done.kind, reason: `stored, but no version of ${model}: ${done.reason}` };
    }
    if (dataset !== undefined) {
      const facts = { name: to.split('/').at(-1) ?? to, hash, source, context: dataset };
      const done = await this.#attempt((signal) => backend.noteDataset?.(handle, facts, signal) ?? Promise.resolve(NOWHERE));
      if (done.kind !== 'stored') return { kind: done.kind, reason: `stored, but not noted as a dataset: ${done.reason}` };
    }
    return { kind: 'done' };
  }

  /** With the lane's patience. Throws what is about this run alone, and where everything ends. */
  async #attempt<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const done = await this.#options.delivery.attempt(work);
    if (done.kind === 'done') return done.value;
    throw done.kind === 'runFatal' ? done.error : new MirrorError('MB4001', 'it was interrupted', { retry: 'later' });
  }

  #say(run: FedRun, file: string, { kind, reason, kept }: SideResult): void {
    const { warn } = this.#options;
    const facts = { run: runLabel(run.target), file };
    if (kind !== 'done') warn(`a file beside the event files was not mirrored (${kind})`, { ...facts, reason: reason ?? '' });
    if (kept !== undefined)
      warn('params stay what they were, since the tracker never changes one', { ...facts, params: kept.slice(0, 5).join('; ') });
  }
}

const CHANGED: SideOutcome = { kind: 'refused', reason: 'it has changed' };

function changed(path: string): MirrorError {
  return new MirrorError('MB2008', `${path} has changed while it was read`, { retry: 'later', context: { path } });
}

/** Whether a file turned out to be another one while it was sent, whoever noticed first. */
function hasChanged(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof MirrorError && at.code === 'MB2008') return true;
  return false;
}

const NOWHERE: SideOutcome = { kind: 'unsupported', reason: 'the tracker has no place for it' };

function resultOf(outcome: Exclude<SideOutcome, { kind: 'stored' }>): SideResult {
  return { kind: outcome.kind, reason: outcome.reason };
}

function compiled<Rule extends { readonly files: readonly string[] }>(rule: Rule): Compiled<Rule> {
  return { ...rule, patterns: rule.files.map((glob) => new Pattern(glob)) };
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
