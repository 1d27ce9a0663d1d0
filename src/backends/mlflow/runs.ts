/** Finding and making the tracker runs of runs: each exactly once, and never somebody else's. */
import { steadyMs } from '../../clock.ts';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LineByKey } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import type { BackendContext, Handle, RunSource } from '../contract.ts';
import type { MlflowClient, RunFacts, Tag } from './client.ts';
import { cut } from './cut-text.ts';
import { Experiments, valueOrThrow } from './experiments.ts';
import { readHandle } from './handle.ts';
import { keyOf } from './keys.ts';
import { NAME_LENGTH, TAG_LENGTH } from './limits.ts';
import { nearestMillis } from './map.ts';
import type { MlflowSettings } from './settings.ts';

const KEY = 'mirrorboard.run_key';
const INSTANCE = 'mirrorboard.instance';
const FINGERPRINT = 'mirrorboard.fingerprint';
/** The place of a run among those made for the same key at the same moment, see `#create`. */
const PLACE = 'mirrorboard.place';

/** Whoever makes a run gives it a place at once; a run that has none after so long was left behind by a process that died. */
const PLACE_MS = 5000;
const LOOK_MS = 100;
/** Where a run without a place stands. */
const LAST = Number.MAX_SAFE_INTEGER;

export interface FoundRun {
  readonly facts: RunFacts;
  /** Made just now: it holds nothing. */
  readonly isNew: boolean;
}

export class Runs {
  readonly #client: MlflowClient;
  readonly #experiments: Experiments;
  readonly #settings: MlflowSettings;
  readonly #warn: BackendContext['warn'];
  readonly #now: () => number;
  /** Of runs that hold others, by their keys. */
  readonly #parents = new Map<string, string>();
  /** MLflow has no unique constraint, so two at a time would make two runs. */
  readonly #opening = new LineByKey();

  constructor(client: MlflowClient, settings: MlflowSettings, warn: BackendContext['warn'], now: () => number = Date.now) {
    this.#client = client;
    this.#experiments = new Experiments(client, settings);
    this.#settings = settings;
    this.#warn = warn;
    this.#now = now;
  }

  async open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<FoundRun> {
    return this.#opening.run(source.key, () => this.#open(source, known, signal));
  }

  async #open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<FoundRun> {
    signal.throwIfAborted();
    if (source.joins !== undefined) return { facts: await this.#joined(source, source.joins, signal), isNew: false };
    if (known !== undefined) {
      const found = await this.#known(source, known, signal);
      if (found !== undefined) return { facts: await this.#marked(found, source, signal), isNew: false };
    }
    const experiment = await this.#experiments.find(source.group, signal);
    const hits = await this.#placed(experiment.id, source, signal);
    const ours = hits.filter((run) => isOurs(run, source));
    const active = ours.filter((run) => !run.isDeleted);
    const [first] = active;
    if (first !== undefined) {
      if (active.length > 1)
        this.#warn('several MLflow runs are of one run: the oldest is used', { run: runLabel(source.run), runs: active.length });
      return { facts: await this.#marked(first, source, signal), isNew: false };
    }
    const deleted = ours[0];
    if (deleted !== undefined) return { facts: await this.#restored(deleted, source, signal), isNew: false };
    const strangers = hits.length;
    const name = strangers === 0 ? source.name : `${source.name} (${strangers + 1})`;
    if (strangers > 0) {
      this.#warn(`${runLabel(source.run)} is mirrored as ${name}: a run of the same root and path is there, made from other files`, {
        hint: 'Name the root (NAME=PATH) so that the two never meet.',
        run: runLabel(source.run),
      });
    }
    return this.#create(source, name, experiment.id, signal);
  }

  /** A run that something else opened: nothing of it is changed. */
  async #joined(source: RunSource, runId: string, signal: AbortSignal): Promise<RunFacts> {
    const run = runLabel(source.run);
    const reply = await this.#client.run(runId, signal);
    if (reply.kind === 'ok' && !reply.value.isDeleted) return reply.value;
    if (reply.kind !== 'ok' && reply.cause !== 'missing' && reply.cause !== 'refused') throw reply.error;
    throw new MirrorError(
      'MB4006',
      `the MLflow run ${runId}, which ${run} is to join, ${reply.kind === 'ok' ? 'was deleted' : 'is not there'}`,
      {
        hint: 'Correct the id or the file that names it (join), or restore the run.',
        context: { run, runId },
      },
    );
  }

  /** The run above this one: made where it is missing, and not kept open, since nothing is logged to it. */
  async #parentOf({ parent, ...child }: RunSource, experimentId: string, signal: AbortSignal): Promise<string | undefined> {
    if (parent === undefined) return undefined;
    const source: RunSource = {
      ...child,
      run: { root: child.run.root, path: parent.name },
      key: parent.key,
      name: parent.name,
      tags: {},
      fingerprint: child.fingerprint.map(({ file, checksum }) => ({ file: `${child.run.path}/${file}`, checksum })),
    };
    const known = this.#parents.get(parent.key);
    if (known !== undefined) return known;
    const { facts, isNew } = await this.open({ ...source, group: child.group }, undefined, signal);
    if (isNew) {
      const input = { run_id: facts.runId, status: 'FINISHED', end_time: this.#now() };
      valueOrThrow(await this.#client.call('ending a run that holds others', 'POST', 'runs/update', input, signal));
    }
    if (facts.experimentId === experimentId) this.#parents.set(parent.key, facts.runId);
    return facts.runId;
  }

  /** The run a handle leads to; undefined where it leads nowhere any more. */
  async #known(source: RunSource, known: Handle, signal: AbortSignal): Promise<RunFacts | undefined> {
    const { runId } = readHandle(known);
    const reply = await this.#client.run(runId, signal);
    if (reply.kind === 'ok' && !reply.value.isDeleted) return reply.value;
    if (reply.kind === 'ok' && this.#settings.restoreDeleted) return this.#restored(reply.value, source, signal);
    if (reply.kind !== 'ok' && reply.cause !== 'missing') throw reply.error;
    this.#warn('the MLflow run of a run is not there any more: it is looked for again', { run: runLabel(source.run), runId });
    return undefined;
  }

  async #restored(deleted: RunFacts, source: RunSource, signal: AbortSignal): Promise<RunFacts> {
    const run = runLabel(source.run);
    if (!this.#settings.restoreDeleted) {
      throw new MirrorError('MB4006', `the MLflow run of ${run} (${deleted.runId}) was deleted`, {
        hint: 'Restore it (mlflow runs restore), remove it for good (mlflow gc), or set restore_deleted: true.',
        context: { run, runId: deleted.runId },
      });
    }
    valueOrThrow(await this.#client.call(`restoring the run ${run}`, 'POST', 'runs/restore', { run_id: deleted.runId }, signal));
    return { ...deleted, isDeleted: false };
  }

  async #create(source: RunSource, name: string, experimentId: string, signal: AbortSignal): Promise<FoundRun> {
    const parent = await this.#parentOf(source, experimentId, signal);
    const made = await this.#client.createRun(
      {
        experiment_id: experimentId,
        run_name: cut(name, NAME_LENGTH),
        start_time: source.startedAt === undefined ? this.#now() : nearestMillis(source.startedAt),
        tags: [...tagsOf(source), ...(parent === undefined ? [] : [{ key: 'mlflow.parentRunId', value: parent }])],
      },
      signal,
    );
    if (made.kind !== 'ok') {
      this.#experiments.forget();
      if (made.cause !== 'inactive') throw made.error;
      throw new MirrorError('MB4004', `the experiment ${experimentId} is deleted`, {
        hint: 'Restore it (mlflow experiments restore), name another one, or set restore_deleted: true.',
        cause: made.error,
      });
    }
    return this.#agreed(made.value, experimentId, source, signal);
  }

  /**
   * Another process may have made a run at the same moment: all have to end with the same one. MLflow orders nothing by creation (times are
   * the clients', ids are random), so runs draw places as in a bakery. A run begins without a place. Its maker looks who else is there: alone,
   * it was the first, and takes place 0, which nobody else can get. Else it takes a place behind all others, waits until each has one, and
   * the lowest wins, the id deciding between equals. A run made after somebody has decided finds the winner there, and so stands behind it.
   */
  async #agreed(made: RunFacts, experimentId: string, source: RunSource, signal: AbortSignal): Promise<FoundRun> {
    const others = (await this.#oursIn(experimentId, source, signal)).filter(({ runId }) => runId !== made.runId);
    const place = others.reduce((last, run) => Math.max(last, placeOf(run) ?? 0), -1) + 1;
    valueOrThrow(await this.#client.logTags(made.runId, [{ key: PLACE, value: String(place) }], signal));
    if (others.length === 0) return { facts: made, isNew: true };
    const [first] = (await this.#placed(experimentId, source, signal)).filter((run) => !run.isDeleted && isOurs(run, source));
    if (first === undefined || first.runId === made.runId) return { facts: made, isNew: true };
    valueOrThrow(await this.#client.call('removing an empty twin', 'POST', 'runs/delete', { run_id: made.runId }, signal));
    return { facts: await this.#marked(first, source, signal), isNew: false };
  }

  async #oursIn(experimentId: string, source: RunSource, signal: AbortSignal): Promise<readonly RunFacts[]> {
    const all = valueOrThrow(await this.#client.runsTagged(experimentId, KEY, source.key, signal));
    return all.filter((run) => !run.isDeleted && isOurs(run, source));
  }

  /** All runs of a key by their places, once those that are ours have one, or nobody will give them one any more. */
  async #placed(experimentId: string, source: RunSource, signal: AbortSignal): Promise<readonly RunFacts[]> {
    const end = steadyMs() + PLACE_MS;
    for (;;) {
      const all = valueOrThrow(await this.#client.runsTagged(experimentId, KEY, source.key, signal));
      const isDrawing = all.some((run) => !run.isDeleted && isOurs(run, source) && placeOf(run) === undefined);
      if (!isDrawing || steadyMs() > end) {
        return all.toSorted((a, b) => (placeOf(a) ?? LAST) - (placeOf(b) ?? LAST));
      }
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** Brings the tags of a run up to date: as the operator says them now, and by which it is recognised: other files, or a state that was lost and made anew. */
  async #marked(facts: RunFacts, source: RunSource, signal: AbortSignal): Promise<RunFacts> {
    const stored = facts.tags.get(FINGERPRINT);
    const merged = new Map([...readFingerprint(stored), ...source.fingerprint.map(({ file, checksum }) => [file, checksum] as const)]);
    const wanted: readonly Tag[] = [
      ...saidTags(source),
      { key: INSTANCE, value: source.instanceId },
      { key: FINGERPRINT, value: fingerprintText(merged) },
    ];
    const tags = wanted.filter(({ key, value }) => facts.tags.get(key) !== value);
    // Left without one by a process that died: the next one need not wait for it.
    if (placeOf(facts) === undefined) tags.push({ key: PLACE, value: '1' });
    if (tags.length > 0) valueOrThrow(await this.#client.logTags(facts.runId, tags, signal));
    return facts;
  }
}

/** Whether a run found by its key alone is of these very files. */
function isOurs(run: RunFacts, source: RunSource): boolean {
  if (run.tags.get(INSTANCE) === source.instanceId) return true;
  const stored = readFingerprint(run.tags.get(FINGERPRINT));
  return source.fingerprint.some(({ file, checksum }) => stored.get(file) === checksum);
}

function placeOf(run: RunFacts): number | undefined {
  const text = run.tags.get(PLACE);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readFingerprint(text: string | undefined): ReadonlyMap<string, number> {
  try {
    const pairs: unknown = JSON.parse(text ?? '[]');
    return new Map(Array.isArray(pairs) ? (pairs as [string, number][]) : []);
  } catch {
    return new Map();
  }
}

/** As many files as fit into a tag: any of them is enough to recognise a run. */
function fingerprintText(files: ReadonlyMap<string, number>): string {
  let text = '';
  for (const pair of files) {
    const next = JSON.stringify(pair);
    if (text.length + next.length + 3 > TAG_LENGTH) break;
    text += text === '' ? next : `,${next}`;
  }
  return `[${text}]`;
}

function tagsOf(source: RunSource): Tag[] {
  const { run, rootPath, key, instanceId, fingerprint } = source;
  const directory = run.path === '.' ? rootPath : join(rootPath, run.path);
  const own = {
    [KEY]: key,
    'mirrorboard.root': run.root,
    'mirrorboard.run_path': run.path,
    'mirrorboard.source': directory,
    [INSTANCE]: instanceId,
    [FINGERPRINT]: fingerprintText(new Map(fingerprint.map(({ file, checksum }) => [file, checksum]))),
    'mlflow.user': userName(),
    'mlflow.source.name': directory,
    'mlflow.source.type': 'LOCAL',
  };
  // What the operator says of a run stands before what we would say; how it is found again is not theirs to say.
  const said = saidTags(source).map(({ key: name, value }) => [name, value] as const);
  const all = new Map([...Object.entries(own).filter(([name]) => name.startsWith('mlflow.')), ...said]);
  for (const [name, value] of Object.entries(own)) if (!name.startsWith('mlflow.')) all.set(name, value);
  return [...all].map(([name, value]) => ({ key: name, value: cut(value, TAG_LENGTH) }));
}

function saidTags(source: RunSource): Tag[] {
  return Object.entries(source.tags).map(([name, value]) => ({
    key: name.startsWith('mlflow.') ? name : keyOf(name),
    value: cut(value, TAG_LENGTH),
  }));
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container without an entry for this user.
    return 'mirrorboard';
  }
}
