/** Finding and making the tasks of runs: each exactly once, and never somebody else's. */
import { steadyMs } from '../../clock.ts';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LineByKey } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import type { BackendContext, RunSource } from '../contract.ts';
import { type Fields, type Reply, valueOrThrow } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import type { TaskRef } from './handle.ts';
import { taskFolder } from './paths.ts';
import { longEnough, Projects, projectName } from './projects.ts';
import type { ClearmlSettings } from './settings.ts';

/** Keys in a task's runtime. A dot would be a path there. */
const RUN = 'mirrorboard/run';
const INSTANCE = 'mirrorboard/instance';
const FINGERPRINT = 'mirrorboard/fingerprint';
/** The place of a task among those made for the same key at the same moment, see `#agreed`. */
const PLACE = 'mirrorboard/place';
const LOOKED_AT = ['id', 'name', 'status', 'runtime', 'project', 'created'];

/** Whoever makes a task gives it a place at once; one that has none after so long was left behind by a process that died. */
const PLACE_MS = 5000;
const LOOK_MS = 100;
const LAST = Number.MAX_SAFE_INTEGER;
const FINGERPRINT_LENGTH = 8000;

export interface TaskFacts {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly project: string;
  readonly created: string;
  readonly runtime: Fields;
}

export class Tasks {
  readonly #client: ClearmlClient;
  readonly #projects: Projects;
  readonly #settings: ClearmlSettings;
  readonly #warn: BackendContext['warn'];
  /** Two at a time would make two tasks. */
  readonly #opening = new LineByKey();

  constructor(client: ClearmlClient, settings: ClearmlSettings, warn: BackendContext['warn']) {
    this.#client = client;
    this.#projects = new Projects(client);
    this.#settings = settings;
    this.#warn = warn;
  }

  get projects(): Projects {
    return this.#projects;
  }

  async open(source: RunSource, known: TaskRef | undefined, signal: AbortSignal): Promise<TaskRef> {
    return this.#opening.run(source.key, () => this.#open(source, known, signal));
  }

  async byId(id: string, signal: AbortSignal): Promise<Reply<TaskFacts>> {
    const reply = await this.#client.call(`looking for the task ${id}`, 'tasks.get_by_id', { task: id }, signal);
    return reply.kind === 'ok' ? { kind: 'ok', value: factsOf(reply.value['task'] as Fields) } : reply;
  }

  async #open(source: RunSource, known: TaskRef | undefined, signal: AbortSignal): Promise<TaskRef> {
    signal.throwIfAborted();
    if (source.joins !== undefined) return this.#joined(source.joins, signal);
    const name = projectName((this.#settings.project ?? source.group) || 'mirrorboard');
    if (known !== undefined) {
      const reply = await this.byId(known.id, signal);
      if (reply.kind === 'ok') {
        await this.#marked(reply.value, source, signal);
        return known;
      }
      if (reply.cause !== 'gone') throw reply.error;
      if (!this.#settings.recreateDeleted) throw deletedError(source, known.id, reply.error);
      this.#warn('the ClearML task of a run was deleted: a new one is made', {
        run: runLabel(source.run),
        task: known.id,
        hint: 'Run mirrorboard verify --repair to fill it with what was mirrored before.',
      });
    }
    const project = await this.#projects.find(name, signal);
    const hits = await this.#placed(project, source, signal);
    const ours = hits.filter((task) => isOurs(task, source));
    const [first] = ours;
    if (first !== undefined) {
      if (ours.length > 1)
        this.#warn('several ClearML tasks are of one run: the first is used', { run: runLabel(source.run), tasks: ours.length });
      return this.#refOf(await this.#marked(first, source, signal), name);
    }
    const own = this.#settings.taskName?.replaceAll('{name}', source.name) ?? source.name;
    const title = hits.length === 0 ? own : `${own} (${hits.length + 1})`;
    if (hits.length > 0) {
      this.#warn(`${runLabel(source.run)} is mirrored as ${title}: a task of the same root and path is there, made from other files`, {
        hint: 'Name the root (NAME=PATH) so that the two never meet.',
        run: runLabel(source.run),
      });
    }
    return this.#create(source, title, project, name, signal);
  }

  async #joined(id: string, signal: AbortSignal): Promise<TaskRef> {
    const reply = await this.#client.call(`looking for the task ${id}`, 'tasks.get_by_id', { task: id }, signal);
    if (reply.kind !== 'ok') {
      if (reply.cause !== 'gone' && reply.cause !== 'refused') throw reply.error;
      throw new MirrorError('MB4006', `there is no ClearML task ${id} to add points to`, { cause: reply.error });
    }
    const task = factsOf(reply.value['task'] as Fields);
    const found = await this.#client.call('looking for its project', 'projects.get_by_id', { project: task.project }, signal);
    const project = found.kind === 'ok' ? String((found.value['project'] as Fields)['name']) : 'joined';
    return { kind: 'task', id, project: task.project, folder: taskFolder(project, task.name, id), isJoined: true };
  }

  #refOf({ id, name, project }: TaskFacts, projectTitle: string): TaskRef {
    return { kind: 'task', id, project, folder: taskFolder(projectTitle, name, id), isJoined: false };
  }

  async #create(source: RunSource, title: string, project: string, projectTitle: string, signal: AbortSignal): Promise<TaskRef> {
    const parent = source.parent === undefined ? {} : { parent: await this.#parent(source.parent, project, signal) };
    const { run, rootPath } = source;
    const directory = run.path === '.' ? rootPath : join(rootPath, run.path);
    const made = await this.#client.call(
      `creating the task ${title}`,
      'tasks.create',
      {
        name: longEnough(title.trim()),
        type: this.#settings.taskType,
        project,
        tags: [tagOfKey(source.key), ...userTags(source.tags)],
        comment: `Mirrored from the TensorBoard logs in ${directory}`,
        runtime: {
          [RUN]: source.key,
          [INSTANCE]: source.instanceId,
          [FINGERPRINT]: fingerprintText(new Map(source.fingerprint.map(({ file, checksum }) => [file, checksum]))),
          'mirrorboard/root': run.root,
          'mirrorboard/path': run.path,
        },
        ...parent,
      },
      signal,
    );
    if (made.kind !== 'ok') {
      this.#projects.forget();
      throw made.error;
    }
    const task = valueOrThrow(await this.byId(String(made.value['id']), signal));
    return this.#agreed(task, project, projectTitle, source, signal);
  }

  /**
   * Another process may have made a task at the same moment: all have to end with the same one. Ids are random and a moment of creation may
   * become visible late, so tasks draw places as in a bakery. A task begins without one. Its maker looks who else is there: alone, it was
   * the first, and takes place 0, which nobody else can get. Else it takes a place behind all others, waits until each has one, and the
   * lowest wins, the id deciding between equals.
   */
  async #agreed(made: TaskFacts, project: string, projectTitle: string, source: RunSource, signal: AbortSignal): Promise<TaskRef> {
    const others = (await this.#tagged(project, source, signal)).filter((task) => task.id !== made.id && isOurs(task, source));
    const place = others.reduce((last, task) => Math.max(last, placeOf(task) ?? 0), -1) + 1;
    await this.#noteRuntime(made, { [PLACE]: String(place) }, signal);
    const first = others.length === 0 ? made : (await this.#placed(project, source, signal)).find((task) => isOurs(task, source));
    if (first === undefined || first.id === made.id) {
      await this.start(made.id, signal);
      return this.#refOf(made, projectTitle);
    }
    valueOrThrow(await this.#client.call('removing an empty twin', 'tasks.delete', { task: made.id, force: true }, signal));
    return this.#refOf(await this.#marked(first, source, signal), projectTitle);
  }

  /** The task that stands above those of a study: it has no points of its own. */
  async #parent({ key, name }: NonNullable<RunSource['parent']>, project: string, signal: AbortSignal): Promise<string> {
    const tag = tagOfKey(key);
    const body = { project: [project], tags: [tag], search_hidden: true, only_fields: LOOKED_AT, order_by: ['created'] };
    const reply = valueOrThrow(await this.#client.call('looking for the parent task', 'tasks.get_all', body, signal));
    const found = ((reply['tasks'] ?? []) as readonly Fields[]).map(factsOf).find(({ runtime }) => runtime[RUN] === key);
    if (found !== undefined) return found.id;
    const made = await this.#client.call(
      `creating the task ${name}`,
      'tasks.create',
      { name: longEnough(name.trim()), type: this.#settings.taskType, project, tags: [tag], runtime: { [RUN]: key } },
      signal,
    );
    return String(valueOrThrow(made)['id']);
  }

  /** Says that a task runs. */
  async start(id: string, signal: AbortSignal, force = false): Promise<void> {
    valueOrThrow(await this.#client.call('starting the task', 'tasks.started', { task: id, ...(force ? { force } : {}) }, signal));
  }

  async #tagged(project: string, source: RunSource, signal: AbortSignal): Promise<readonly TaskFacts[]> {
    const body = {
      project: [project],
      tags: [tagOfKey(source.key)],
      search_hidden: true,
      only_fields: LOOKED_AT,
      order_by: ['created'],
      page: 0,
      page_size: 500,
    };
    const reply = valueOrThrow(await this.#client.call('looking for the task', 'tasks.get_all', body, signal));
    return ((reply['tasks'] ?? []) as readonly Fields[]).map(factsOf).filter(({ runtime }) => runtime[RUN] === source.key);
  }

  /** All tasks of a key by their places, once those that are ours have one, or nobody will give them one any more. */
  async #placed(project: string, source: RunSource, signal: AbortSignal): Promise<readonly TaskFacts[]> {
    const end = steadyMs() + PLACE_MS;
    for (;;) {
      const all = await this.#tagged(project, source, signal);
      const isDrawing = all.some((task) => isOurs(task, source) && placeOf(task) === undefined);
      if (!isDrawing || steadyMs() > end) {
        return all.toSorted((a, b) => (placeOf(a) ?? LAST) - (placeOf(b) ?? LAST) || (a.id < b.id ? -1 : 1));
      }
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** Brings up to date what a task is recognised by: other files, or a state that was lost and made anew. Goes on where it was stopped. */
  async #marked(task: TaskFacts, source: RunSource, signal: AbortSignal): Promise<TaskFacts> {
    const merged = new Map([
      ...readFingerprint(task.runtime[FINGERPRINT]),
      ...source.fingerprint.map(({ file, checksum }) => [file, checksum] as const),
    ]);
    const wanted: Record<string, string> = { [INSTANCE]: source.instanceId, [FINGERPRINT]: fingerprintText(merged) };
    // Left without one by a process that died: the next one need not wait for it.
    if (placeOf(task) === undefined) wanted[PLACE] = '1';
    if (Object.entries(wanted).some(([key, value]) => task.runtime[key] !== value)) await this.#noteRuntime(task, wanted, signal);
    // The server stops what is quiet for two hours. What has ended is told so by whoever has more of it.
    if (['created', 'queued', 'stopped'].includes(task.status)) await this.start(task.id, signal);
    return task;
  }

  /** The field is replaced as a whole: it is read before. */
  async #noteRuntime(task: TaskFacts, values: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const now = valueOrThrow(await this.byId(task.id, signal)).runtime;
    const body = { task: task.id, force: true, runtime: { ...now, ...values } };
    valueOrThrow(await this.#client.call('writing what the task is known by', 'tasks.edit', body, signal));
  }
}

function deletedError(source: RunSource, id: string, cause: MirrorError): MirrorError {
  const run = runLabel(source.run);
  return new MirrorError('MB4006', `the ClearML task of ${run} (${id}) was deleted`, {
    hint: 'Set recreate_deleted: true for a new one, which is filled from the beginning.',
    cause,
    context: { run, task: id },
  });
}

export function tagOfKey(key: string): string {
  return `mb-${key.slice(0, 12)}`;
}

/** Tags are texts in ClearML; `name=value` where there is one. */
export function userTags(tags: Readonly<Record<string, string>>): string[] {
  return Object.entries(tags).map(([name, value]) => (value === '' || value === 'true' ? name : `${name}=${value}`));
}

/** Whether a task found by its key alone is of these very files. */
function isOurs({ runtime }: TaskFacts, source: RunSource): boolean {
  if (runtime[INSTANCE] === source.instanceId) return true;
  const stored = readFingerprint(runtime[FINGERPRINT]);
  return source.fingerprint.some(({ file, checksum }) => stored.get(file) === checksum);
}

function placeOf({ runtime }: TaskFacts): number | undefined {
  const text = runtime[PLACE];
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readFingerprint(text: unknown): ReadonlyMap<string, number> {
  try {
    const pairs: unknown = JSON.parse(typeof text === 'string' ? text : '[]');
    return new Map(Array.isArray(pairs) ? (pairs as [string, number][]) : []);
  } catch {
    return new Map();
  }
}

/** As many files as make sense: any of them is enough to recognise a run. */
export function fingerprintText(files: ReadonlyMap<string, number>): string {
  let text = '';
  for (const pair of files) {
    const next = JSON.stringify(pair);
    if (text.length + next.length + 3 > FINGERPRINT_LENGTH) break;
    text += text === '' ? next : `,${next}`;
  }
  return `[${text}]`;
}

function factsOf(task: Fields | undefined): TaskFacts {
  return {
    id: String(task?.['id'] ?? ''),
    name: String(task?.['name'] ?? ''),
    status: String(task?.['status'] ?? ''),
    project: String(task?.['project'] ?? ''),
    created: String(task?.['created'] ?? ''),
    runtime: (task?.['runtime'] ?? {}) as Fields,
  };
}
