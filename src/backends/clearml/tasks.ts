/** Finding and making the tasks of runs: each exactly once, and never somebody else's. */
import { join } from 'node:path';
import {
  addPlace,
  agreeOnOne,
  holderSource,
  type Candidate,
  type Contenders,
  FileMarks,
  inPlaces,
  isPlainlyOwn,
  nameBeside,
  parentSource,
  sayTaken,
  sortOut,
} from '../../backend-kit/index.ts';
import { LineByKey } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import { runLabel } from '../../model/index.ts';
import type { BackendContext, FileMark, ReadBackChunk, RunSource } from '../contract.ts';
import { type Said, taken, valueOrThrow } from '../../http/index.ts';
import type { Fields, Reply } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import { readHandle, type TaskRef } from './handle.ts';
import { taskFolder } from './paths.ts';
import { longEnough, Projects, projectName } from './projects.ts';
import type { ClearmlSettings } from './settings.ts';

/** Keys in a task's runtime. A dot would be a path there. */
const RUN = 'mirrorboard/run';
const INSTANCE = 'mirrorboard/instance';
const FINGERPRINT = 'mirrorboard/fingerprint';
/** The place of a task among those made for the same key at the same moment, see `backend-kit`. */
const PLACE = 'mirrorboard/place';
const LOOKED_AT = ['id', 'name', 'status', 'runtime', 'project', 'created'];

const FINGERPRINT_LENGTH = 8000;

export interface TaskFacts {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly project: string;
  readonly created: string;
  readonly runtime: Fields;
}

/** What opening tasks needs beside a server. */
export interface TasksOptions {
  readonly warn: BackendContext['warn'];
  /** All points of a task. */
  readonly readBack: (task: TaskFacts, signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

/** What a task is made as. */
interface NewTask {
  readonly title: string;
  readonly project: string;
  /** It stands above others, and has no points of its own. */
  readonly isParent: boolean;
}

export class Tasks {
  readonly #client: ClearmlClient;
  readonly #projects: Projects;
  readonly #settings: ClearmlSettings;
  readonly #warn: BackendContext['warn'];
  readonly #readBack: TasksOptions['readBack'];
  /** Two at a time would make two tasks. */
  readonly #opening = new LineByKey();

  constructor(client: ClearmlClient, settings: ClearmlSettings, { warn, readBack }: TasksOptions) {
    this.#client = client;
    this.#projects = new Projects(client);
    this.#settings = settings;
    this.#warn = warn;
    this.#readBack = readBack;
  }

  get projects(): Projects {
    return this.#projects;
  }

  async open(source: RunSource, known: TaskRef | undefined, signal: AbortSignal): Promise<TaskRef> {
    return this.#opening.run(source.key, () => this.#open(source, known, signal));
  }

  async byId(id: string, signal: AbortSignal): Promise<Reply<TaskFacts>> {
    const reply = await this.#client.call(`looking for the task ${id}`, 'tasks.get_by_id', { task: id }, signal);
    return taken(reply, (said) => factsOf(said.object('task')));
  }

  async #open(source: RunSource, known: TaskRef | undefined, signal: AbortSignal): Promise<TaskRef> {
    signal.throwIfAborted();
    if (source.joins !== undefined) return this.#joined(source.joins, signal);
    const name = projectName((this.#settings.project ?? source.group) || 'mirrorboard');
    if (known !== undefined) {
      const reply = await this.byId(known.id, signal);
      if (reply.kind === 'ok') {
        await this.#started(await this.#marked(reply.value, source, signal), signal);
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
    const { hits, own, why } = await this.#found(project, source, signal);
    const [first] = own;
    if (first !== undefined) {
      const twins = await this.#withoutLeft(own.slice(1), signal);
      if (twins.length > 0)
        this.#warn('several ClearML tasks are of one run: the first is used', { run: runLabel(source.run), tasks: twins.length + 1 });
      return this.#refOf(await this.#started(await this.#marked(first, source, signal), signal), name);
    }
    const wanted = this.#settings.taskName?.replaceAll('{name}', source.name) ?? source.name;
    const holder = await this.#holderOf(source, project, signal);
    if (holder !== undefined) return this.#refOf(await this.#takenOver(holder, source, wanted, signal), name);
    const title = nameBeside(wanted, hits.length);
    if (hits.length > 0) sayTaken(this.#warn, source, title, why, 'task');
    const made = await this.#create(source, { title, project, isParent: false }, signal);
    return this.#refOf(await this.#started(made, signal), name);
  }

  async #found(
    project: string,
    source: RunSource,
    signal: AbortSignal,
  ): Promise<{
    readonly hits: readonly TaskFacts[];
    readonly own: readonly TaskFacts[];
    readonly why: string | undefined;
  }> {
    const hits = await inPlaces(this.#contenders(project, source, signal), signal);
    return { hits, ...(await sortOut(hits, (task) => this.#candidateOf(task), source, signal)) };
  }

  /** Removes those that a process made and left when it died: it had not drawn a place yet, so nothing was written to them. */
  async #withoutLeft(twins: readonly TaskFacts[], signal: AbortSignal): Promise<TaskFacts[]> {
    const kept: TaskFacts[] = [];
    for (const task of twins) {
      if (task.status === 'created' && task.runtime[PLACE] === undefined) await this.#remove(task, signal);
      else kept.push(task);
    }
    return kept;
  }

  async #remove({ id }: TaskFacts, signal: AbortSignal): Promise<void> {
    valueOrThrow(await this.#client.call('removing an empty twin', 'tasks.delete', { task: id, force: true }, signal));
  }

  async #joined(id: string, signal: AbortSignal): Promise<TaskRef> {
    const reply = await this.#client.call(`looking for the task ${id}`, 'tasks.get_by_id', { task: id }, signal);
    if (reply.kind !== 'ok') {
      if (reply.cause !== 'gone' && reply.cause !== 'refused') throw reply.error;
      throw new MirrorError('MB4006', `there is no ClearML task ${id} to add points to`, { cause: reply.error });
    }
    const task = factsOf(reply.value.object('task'));
    const found = await this.#client.call('looking for its project', 'projects.get_by_id', { project: task.project }, signal);
    const project = found.kind === 'ok' ? found.value.object('project').text('name') : 'joined';
    return { kind: 'task', id, project: task.project, folder: taskFolder(project, task.name, id), isJoined: true };
  }

  #refOf({ id, name, project }: TaskFacts, projectTitle: string): TaskRef {
    return { kind: 'task', id, project, folder: taskFolder(projectTitle, name, id), isJoined: false };
  }

  async #create(source: RunSource, { title, project, isParent }: NewTask, signal: AbortSignal): Promise<TaskFacts> {
    const parent = await this.#parentOf(source, project, signal);
    const { comment, ...facts } = factsOfRun(source);
    const made = await this.#client.call(
      `creating the task ${title}`,
      'tasks.create',
      {
        name: longEnough(title.trim()),
        type: this.#settings.taskType,
        project,
        ...facts,
        ...(isParent ? {} : { comment }),
        ...(parent === undefined ? {} : { parent }),
      },
      signal,
    );
    if (made.kind !== 'ok') {
      this.#projects.forget();
      throw made.error;
    }
    const task = valueOrThrow(await this.byId(made.value.id('id'), signal));
    // Another process may have made one at the same moment.
    const first = await agreeOnOne(task, this.#contenders(project, source, signal), signal);
    return first.id === task.id ? task : this.#marked(first, source, signal);
  }

  /** The task that was made to hold those below this one, before this one was known. */
  async #holderOf(source: RunSource, project: string, signal: AbortSignal): Promise<TaskFacts | undefined> {
    const holder = holderSource(source);
    return holder === undefined ? undefined : (await this.#found(project, holder, signal)).own[0];
  }

  /** It is this one's from now on: no empty task stays beside it. */
  async #takenOver(holder: TaskFacts, source: RunSource, name: string, signal: AbortSignal): Promise<TaskFacts> {
    const task = holder.id;
    const title = longEnough(name.trim());
    const parent = await this.#parentOf(source, holder.project, signal);
    const { tags, comment, runtime } = factsOfRun(source);
    const doing = `going on with ${runLabel(source.run)} in the task that holds others`;
    valueOrThrow(await this.#client.call(doing, 'tasks.update', { task, name: title, tags, comment }, signal));
    // What it is found by last: until then it is what it was.
    const all = { ...holder.runtime, ...runtime };
    const body = { task, force: true, runtime: all, ...(parent === undefined ? {} : { parent }) };
    valueOrThrow(await this.#client.call(doing, 'tasks.edit', body, signal));
    return this.#started({ ...holder, name: title, runtime: all }, signal);
  }

  /** The task that stands above those of a study. */
  async #parentOf(child: RunSource, project: string, signal: AbortSignal): Promise<string | undefined> {
    if (child.parent?.handle !== undefined) {
      const ref = readHandle(child.parent.handle);
      return ref.kind === 'task' ? ref.id : undefined;
    }
    const source = parentSource(child);
    if (source === undefined) return undefined;
    return this.#opening.run(source.key, async () => {
      const { hits, own, why } = await this.#found(project, source, signal);
      // Of one that was made by an earlier version nobody can say whose it is.
      const first = own[0] ?? hits.find(({ runtime }) => runtime[INSTANCE] === undefined);
      if (first !== undefined) return (await this.#marked(first, source, signal)).id;
      const title = nameBeside(source.name, hits.length);
      if (hits.length > 0) sayTaken(this.#warn, source, title, why, 'task');
      return (await this.#create(source, { title, project, isParent: true }, signal)).id;
    });
  }

  /** Goes on where it was stopped: the server stops what is quiet for two hours. What has ended is told so by whoever has more of it. */
  async #started(task: TaskFacts, signal: AbortSignal): Promise<TaskFacts> {
    if (['created', 'queued', 'stopped'].includes(task.status)) await this.start(task.id, signal);
    return task;
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
    const tasks = reply
      .list('tasks')
      .map(factsOf)
      .filter(({ runtime }) => runtime[RUN] === source.key);
    return tasks.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #contenders(project: string, source: RunSource, signal: AbortSignal): Contenders<TaskFacts> {
    return {
      list: () => this.#tagged(project, source, signal),
      idOf: ({ id }) => id,
      placeOf: ({ runtime }) => runtime[PLACE],
      isOwn: (task) => isPlainlyOwn(markOf(task), source),
      givePlace: (task, place) => this.#noteRuntime(task, { [PLACE]: place }, signal),
      remove: (task) => this.#remove(task, signal),
    };
  }

  #candidateOf(task: TaskFacts): Candidate {
    return { mark: markOf(task), readBack: (signal) => this.#readBack(task, signal) };
  }

  /** Brings up to date what a task is recognised by: other files, or a state that was lost and made anew. */
  async #marked(task: TaskFacts, source: RunSource, signal: AbortSignal): Promise<TaskFacts> {
    const wanted: Record<string, string> = {
      [INSTANCE]: source.instanceId,
      [FINGERPRINT]: markOf(task).files.with(source.fingerprint).text(FINGERPRINT_LENGTH),
    };
    // Left without one by a process that died: the next one need not wait for it.
    const place = addPlace(task.runtime[PLACE]);
    if (place !== undefined) wanted[PLACE] = place;
    if (Object.entries(wanted).some(([key, value]) => task.runtime[key] !== value)) await this.#noteRuntime(task, wanted, signal);
    return task;
  }

  /** Adds files to those by which a task is recognised. */
  async noteFiles(id: string, marks: readonly FileMark[], signal: AbortSignal): Promise<void> {
    const task = valueOrThrow(await this.byId(id, signal));
    const value = markOf(task).files.with(marks).text(FINGERPRINT_LENGTH);
    if (task.runtime[FINGERPRINT] !== value) await this.#noteRuntime(task, { [FINGERPRINT]: value }, signal);
  }

  /** The field is replaced as a whole: it is read before. */
  async #noteRuntime(task: TaskFacts, values: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const now = valueOrThrow(await this.byId(task.id, signal)).runtime;
    const body = { task: task.id, force: true, runtime: { ...now, ...values } };
    valueOrThrow(await this.#client.call('writing what the task is known by', 'tasks.edit', body, signal));
  }
}

/** What a task says of its run, and by which it is found again. */
function factsOfRun({ run, rootPath, key, instanceId, fingerprint, tags }: RunSource) {
  return {
    tags: [tagOfKey(key), ...userTags(tags)],
    comment: `Mirrored from the TensorBoard logs in ${run.path === '.' ? rootPath : join(rootPath, run.path)}`,
    runtime: {
      [RUN]: key,
      [INSTANCE]: instanceId,
      [FINGERPRINT]: FileMarks.of(fingerprint).text(FINGERPRINT_LENGTH),
      'mirrorboard/root': run.root,
      'mirrorboard/path': run.path,
    },
  };
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

function markOf({ runtime }: TaskFacts): Candidate['mark'] {
  const instance = runtime[INSTANCE];
  return { instance: typeof instance === 'string' ? instance : undefined, files: FileMarks.read(runtime[FINGERPRINT]) };
}

function factsOf(task: Said): TaskFacts {
  return {
    id: task.id('id'),
    name: task.text('name', ''),
    status: task.text('status', ''),
    project: task.text('project', ''),
    created: task.text('created', ''),
    runtime: task.object('runtime').fields,
  };
}
