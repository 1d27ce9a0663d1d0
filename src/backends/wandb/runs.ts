/** Finds and creates the tracker runs of runs: each exactly once, and never one that belongs to others. */
import { join } from 'node:path';
import { type Candidate, FileMarks, isWhoseRun, numberedName, warnNameTaken } from '../../backend-kit/identity/index.ts';
import { LineByKey } from '../../concurrency/index.ts';
import type { BackendContext, FileMark, Handle, RunSource, Whose } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import { REBUILD_HINT, RUN_HINT, runValueOrThrow, type WandbReply } from './answers.ts';
import { readHandle, type WandbRun } from './handle.ts';
import { changeOf, projectOf, runIdOf } from './names.ts';
import { readNumber } from './numbers.ts';
import type { OfflineRun } from './offline.ts';
import { readBack } from './read-back.ts';
import { membersOf } from './row-reader.ts';
import { MAPPING, type OwnFacts, RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';
import type { WandbSettings } from './settings.ts';
import type { RunStorage, Storage } from './storage.ts';

/** A run that is open for writing. */
export interface OpenWandbRun {
  readonly tracked: WandbRun;
  readonly storage: RunStorage;
  /** Lines that may exist although no journal has them; lines after these belong to another writer. */
  readonly recovered: number;
  /** True if the run was just created: it is empty. */
  readonly isNew?: boolean;
}

/** The storages in which runs are opened. */
export interface WandbRunsOptions {
  readonly settings: WandbSettings;
  readonly warn: BackendContext['warn'];
  readonly storages: Storage;
  /** Online only: returns the offline folder of a run that still waits to be sent. */
  readonly waiting?: (path: RunPath) => Promise<OfflineRun | undefined>;
}

/** The most runs of one key that are checked. */
const MOST_RUNS = 50;
/** Lines of an offline folder that are sent at a time. */
const CATCH_UP_LINES = 20_000;

/** Finds, creates and identifies the W&B runs of a lane. */
export class WandbRuns {
  readonly #settings: WandbSettings;
  readonly #warn: BackendContext['warn'];
  readonly #storages: Storage;
  readonly #waiting: WandbRunsOptions['waiting'];
  /** Opens one run per key at a time: two callers would create two runs. */
  readonly #opening = new LineByKey();

  constructor({ settings, warn, storages, waiting }: WandbRunsOptions) {
    this.#settings = settings;
    this.#warn = warn;
    this.#storages = storages;
    this.#waiting = waiting;
  }

  async open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<OpenWandbRun> {
    return this.#opening.run(source.key, () => this.#open(source, known, signal));
  }

  /** Returns a run by its handle alone: to read it, or to end it. */
  async find(tracked: WandbRun, signal: AbortSignal): Promise<OpenWandbRun> {
    const storage = runValueOrThrow(await this.#storages.find(tracked, signal));
    if (storage === undefined) throw goneError(tracked.id);
    return { tracked, storage, recovered: storage.config.own?.recovered ?? 0 };
  }

  async #open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<OpenWandbRun> {
    signal.throwIfAborted();
    if (source.joins !== undefined) return this.#join(source, source.joins, known, signal);
    if (known !== undefined) return this.#known(source, readHandle(known), signal);
    const project = projectOf(source, this.#settings);
    let strangers = 0;
    let why: string | undefined;
    for (let n = 1; n <= MOST_RUNS; n++) {
      const path: RunPath = { entity: this.#settings.entity ?? '', project, id: runIdOf(source.key, project, n) };
      const storage = runValueOrThrow(await this.#storages.find(path, signal));
      if (storage === undefined) {
        const made = await this.#create(source, path, { strangers, why }, signal);
        if (made === 'taken') strangers++;
        else if (made !== 'deleted') return made;
        continue;
      }
      const verdict = isElsewhere(storage.path, path) ? ELSEWHERE : await whose(storage, source, signal);
      if (verdict.kind === 'other') {
        why ??= verdict.why;
        strangers++;
        continue;
      }
      return this.#adopted(source, storage, signal);
    }
    throw new MirrorError('MB4006', `${MOST_RUNS} W&B runs of ${runLabel(source.run)} already exist, and none of them can be resumed`, {
      context: { run: runLabel(source.run) },
    });
  }

  /** Returns the run that a handle leads to. */
  async #known(source: RunSource, tracked: WandbRun, signal: AbortSignal): Promise<OpenWandbRun> {
    const path: RunPath = { ...tracked, entity: tracked.entity || (this.#settings.entity ?? '') };
    let storage = runValueOrThrow(await this.#storages.find(path, signal));
    const waiting = await this.#waiting?.(path);
    // The run began offline, or is now continued offline: it is the same run, in another place.
    if (storage === undefined && (waiting !== undefined || this.#settings.mode === 'offline')) {
      const config = waiting?.config ?? this.#newConfig(source, tracked.startedAt);
      const made = await this.#storages.create(path, config, changeOf(source, this.#settings, ''), tracked.startedAt, signal);
      if (made.kind === 'ok') storage = made.value.storage;
      else if (made.cause !== 'deleted') runValueOrThrow(made);
    }
    if (storage !== undefined) {
      await this.#catchUp(storage, waiting, signal);
      await this.#marked(source, storage, {}, signal);
      return { tracked, storage, recovered: storage.config.own?.recovered ?? 0 };
    }
    // A new handle would only receive new data: the state's positions belong to the old one.
    throw goneError(tracked.id, runLabel(source.run));
  }

  /** Adopts a run of ours that our state does not know. Its lines are matched with the records when these arrive. */
  async #adopted(source: RunSource, storage: RunStorage, signal: AbortSignal): Promise<OpenWandbRun> {
    const { own } = storage.config;
    await this.#catchUp(storage, await this.#waiting?.(storage.path), signal);
    const lines = runValueOrThrow(await storage.lineCount(Infinity, signal)) ?? 0;
    const startedAt = own?.started_at ?? 0;
    const tracked: WandbRun = { ...storage.path, startedAt };
    if (lines > 0 && (own?.mapping !== MAPPING || !(await canReadLines(storage, lines, signal)))) {
      const run = runLabel(source.run);
      throw new MirrorError(
        'MB4006',
        `the W&B run ${storage.path.id} of ${run} contains ${lines} lines that are not in the state, and they cannot be read back`,
        {
          hint: REBUILD_HINT,
          context: { run, runId: storage.path.id },
        },
      );
    }
    await this.#marked(source, storage, lines > 0 ? { recovered: Math.max(lines, own?.recovered ?? 0) } : {}, signal);
    return { tracked, storage, recovered: storage.config.own?.recovered ?? 0 };
  }

  async #create(
    source: RunSource,
    path: RunPath,
    { strangers, why }: { readonly strangers: number; readonly why: string | undefined },
    signal: AbortSignal,
  ): Promise<OpenWandbRun | 'taken' | 'deleted'> {
    const startedAt = startOf(source);
    const config = this.#newConfig(source, startedAt);
    const suffix = numberedName('', strangers);
    const made = await this.#storages.create(path, config, changeOf(source, this.#settings, suffix), startedAt, signal);
    if (made.kind !== 'ok') {
      if (made.cause !== 'deleted') return runValueOrThrow(made);
      this.#warn('a W&B run with this name was deleted and cannot be created again: using another id', {
        run: runLabel(source.run),
        runId: path.id,
      });
      return 'deleted';
    }
    let { storage } = made.value;
    if (!made.value.isNew) {
      // Another process created the run at the same moment: the first one decided which run it belongs to.
      storage = runValueOrThrow(await this.#storages.find(storage.path, signal)) ?? storage;
      if ((await whose(storage, source, signal)).kind === 'other') return 'taken';
    }
    if (strangers > 0) warnNameTaken(this.#warn, source, `${source.name}${suffix}`, why);
    const tracked: WandbRun = { ...storage.path, startedAt: storage.config.own?.started_at ?? startedAt };
    return { tracked, storage, recovered: storage.config.own?.recovered ?? 0, isNew: made.value.isNew };
  }

  /** Joins a run that another program opened: our lines follow the existing ones. */
  async #join(source: RunSource, joins: string, known: Handle | undefined, signal: AbortSignal): Promise<OpenWandbRun> {
    const parts = joins.split('/');
    const id = parts.at(-1) as string;
    const path: RunPath = {
      id,
      project: parts.at(-2) ?? projectOf(source, this.#settings),
      entity: parts.at(-3) ?? this.#settings.entity ?? '',
    };
    const storage = runValueOrThrow(await this.#storages.find(path, signal));
    if (storage === undefined) throw goneError(joins, runLabel(source.run));
    const before = known === undefined ? undefined : readHandle(known);
    if (before !== undefined && before.id === id) return { tracked: before, storage, recovered: 0 };
    const lines = runValueOrThrow(await storage.lineCount(Infinity, signal)) ?? 0;
    const lastRow = runValueOrThrow(await storage.lastRow(signal)) ?? '';
    const lastStep = Number(readNumber(membersOf(lastRow)?.find(([key]) => key === '_step')?.[1] ?? '') ?? lines - 1);
    const joined = { lines, stepAhead: Math.max(0, lastStep + 1 - lines) };
    return { tracked: { ...storage.path, startedAt: startOf(source), joined }, storage, recovered: 0 };
  }

  /** Sends lines first that were written offline and wait in a folder: no line may be left out. */
  async #catchUp(storage: RunStorage, waiting: OfflineRun | undefined, signal: AbortSignal): Promise<void> {
    if (waiting === undefined) return;
    const there = runValueOrThrow(await storage.lineCount(Infinity, signal)) ?? 0;
    const names = [...runValueOrThrow(await waiting.fileLengths()).keys()];
    for (const name of names) {
      const data = waiting.stored(name);
      if (data !== undefined) throwFailure(await storage.putFiles([{ path: name, data, isMedia: name.startsWith('media/') }], signal));
    }
    let first = Math.max(there, waiting.firstLine);
    let lines: string[] = [];
    const send = async (): Promise<void> => {
      if (lines.length > 0) throwFailure(await storage.append(first, lines, waiting.summary, signal));
      first += lines.length;
      lines = [];
    };
    for await (const line of waiting.readLines(first, Infinity, signal)) {
      lines.push(line);
      if (lines.length >= CATCH_UP_LINES) await send();
    }
    await send();
    let isChanged = false;
    for (const [key, value] of waiting.config.values) isChanged = (key !== '_wandb' && storage.config.set(key, value)) || isChanged;
    if (isChanged) throwFailure(await storage.save({}, signal));
    waiting.markSynced();
  }

  /** Updates the facts that identify a run. */
  async #marked(source: RunSource, storage: RunStorage, more: Partial<OwnFacts>, signal: AbortSignal): Promise<void> {
    await this.#setOwn(storage, { instance: source.instanceId, ...more }, source.fingerprint, signal);
  }

  /** Adds files to those that identify a run. */
  async noteFiles(storage: RunStorage, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    await this.#setOwn(storage, {}, files, signal);
  }

  async #setOwn(storage: RunStorage, more: Partial<OwnFacts>, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    const { own } = storage.config;
    if (own === undefined) return;
    const next: OwnFacts = { ...own, fingerprint: FileMarks.fromPairs(own.fingerprint).with(files).pairs(), ...more };
    if (JSON.stringify(next) === JSON.stringify(own)) return;
    storage.config.setOwn(next);
    throwFailure(await storage.save({}, signal));
  }

  #newConfig(source: RunSource, startedAt: number): RunConfig {
    const { run, rootPath, key, instanceId, fingerprint, tags } = source;
    const config = new RunConfig();
    config.setOwn({
      mapping: MAPPING,
      key,
      instance: instanceId,
      fingerprint: FileMarks.of(fingerprint).pairs(),
      root: run.root,
      run: run.path,
      source: run.path === '.' ? rootPath : join(rootPath, run.path),
      started_at: startedAt,
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
    });
    return config;
  }
}

/** Returns which run a tracker run belongs to that was found by its id alone. */
async function whose(storage: RunStorage, source: RunSource, signal: AbortSignal): Promise<Whose> {
  const { own } = storage.config;
  if (own === undefined || own.key !== source.key) return { kind: 'other', why: 'which has no mark of this run' };
  const candidate: Candidate = {
    mark: { instance: own.instance, files: FileMarks.fromPairs(own.fingerprint) },
    readBack: (during) => readBack(storage, 0, { signal: during }),
  };
  return isWhoseRun(candidate, source, signal);
}

const ELSEWHERE: Whose = { kind: 'other', why: 'in another project or entity' };

/** True if an id was found in another project or entity than expected: all ids may share one namespace. */
function isElsewhere(found: RunPath, wanted: RunPath): boolean {
  const isOther = (a: string, b: string): boolean => a !== '' && b !== '' && a.toLowerCase() !== b.toLowerCase();
  return isOther(found.project, wanted.project) || isOther(found.entity, wanted.entity);
}

function startOf({ startedAt }: RunSource): number {
  return startedAt !== undefined && Number.isFinite(startedAt) ? startedAt : 0;
}

async function canReadLines(storage: RunStorage, lines: number, signal: AbortSignal): Promise<boolean> {
  let count = 0;
  try {
    for await (const _ of storage.readLines(0, lines, signal)) count++;
  } catch (error) {
    if (error instanceof MirrorError && error.retry !== 'later') return false;
    throw error;
  }
  return count >= lines;
}

/** Throws the error of a failed reply. */
export function throwFailure(failure: WandbReply<unknown> | undefined): void {
  if (failure !== undefined) runValueOrThrow(failure);
}

function goneError(id: string, run?: string): MirrorError {
  const of = run === undefined ? '' : ` of ${run}`;
  return new MirrorError('MB4006', `the W&B run ${id}${of} no longer exists`, { hint: RUN_HINT, context: { runId: id } });
}
