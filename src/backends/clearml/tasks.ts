/** Finds and makes the tasks of runs: each exactly once, and never one that is not ours. */
import {
  agreeOnOne,
  byTicket,
  type Candidate,
  type Contenders,
  holderSource,
  isPlainlyOwn,
  missingTicket,
  numberedName,
  parentSource,
  sortOut,
  warnNameTaken,
  withoutLeft,
} from '../../backend-kit/identity/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { LineByKey } from '../../concurrency/index.ts';
import type { BackendContext, FileMark, ReadBackChunk, RunSource } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { taken, valueOrThrow } from '../../http/index.ts';
import { runLabel } from '../../model/index.ts';
import type { ClearmlFailure, ClearmlReply, Fields } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import { readHandle, type TaskRef } from './handle.ts';
import { longName } from './names.ts';
import { taskFolder } from './paths.ts';
import { type Project, Projects } from './projects.ts';
import type { ClearmlSettings } from './settings.ts';
import {
  FINGERPRINT,
  FINGERPRINT_LENGTH,
  factsOf,
  factsOfRun,
  INSTANCE,
  isSame,
  markOf,
  marksIn,
  RUN,
  type TaskFacts,
  TICKET,
  tagOfKey,
} from './task-facts.ts';

const LOOKED_AT = ['id', 'name', 'status', 'runtime', 'project', 'created'];

/** The process that makes a task gives it a ticket within five seconds; servers report whole seconds. */
const DRAWING_MS = 6000;

/** The options of `Tasks`. */
export interface TasksOptions {
  /** The clock; default: the system's. */
  readonly clock?: Clock;
  readonly warn: BackendContext['warn'];
  /** Reads all points of a task. */
  readonly readBack: (task: TaskFacts, signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

/** The error for a task whose project or parent was deleted meanwhile. */
class Displaced extends Error {
  readonly missing: 'noProject' | 'noParent';
  readonly error: MirrorError;

  constructor(missing: Displaced['missing'], error: MirrorError) {
    super(error.message, { cause: error });
    this.missing = missing;
    this.error = error;
  }
}

/** The facts for a new task. */
interface NewTask {
  readonly name: string;
  readonly project: string;
  /** True if the task is above others and has no points of its own. */
  readonly isParent: boolean;
}

/** The tasks of a lane: finds, makes and identifies them. */
export class Tasks {
  readonly #client: ClearmlClient;
  readonly #clock: Clock;
  readonly #projects: Projects;
  readonly #settings: ClearmlSettings;
  readonly #warn: BackendContext['warn'];
  readonly #readBack: TasksOptions['readBack'];
  /** One open at a time for each key: two would make two tasks. */
  readonly #opening = new LineByKey();
  /** Tasks that are above others, by their keys: most children come one after the other. */
  readonly #parents = new Map<string, TaskFacts>();

  constructor(client: ClearmlClient, settings: ClearmlSettings, { warn, readBack, clock = systemClock }: TasksOptions) {
    this.#clock = clock;
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

  async byId(id: string, signal: AbortSignal): Promise<ClearmlReply<TaskFacts>> {
    const reply = await this.#client.call(`looking for the task ${id}`, 'tasks.get_by_id', { task: id }, signal);
    return taken(reply, (answer) => factsOf(answer.object('task')));
  }

  async #open(source: RunSource, known: TaskRef | undefined, signal: AbortSignal): Promise<TaskRef> {
    signal.throwIfAborted();
    if (source.joins !== undefined) return this.#joined(source.joins, signal);
    if (known !== undefined) {
      const reply = await this.byId(known.id, signal);
      if (reply.kind === 'ok') {
        await this.#started(await this.#marked(reply.value, source, signal), signal);
        return known;
      }
      if (reply.cause !== 'gone') throw reply.error;
      if (!this.#settings.recreateDeleted) throw deletedError(source, known.id, reply.error);
      this.#warn('the ClearML task of a run was deleted: creating a new one', {
        run: runLabel(source.run),
        task: known.id,
        hint: 'Run mirrorboard verify --repair to fill it with what was mirrored before.',
      });
    }
    const { task, project } = await this.#placed(source, signal);
    await this.#started(task, signal);
    return { kind: 'task', id: task.id, project: task.project, folder: taskFolder(project, task.name, task.id), isJoined: false };
  }

  /** Returns the task of a run, and the name of its project. Begins again if the project or the parent is gone. */
  async #placed(source: RunSource, signal: AbortSignal): Promise<{ readonly task: TaskFacts; readonly project: string }> {
    const wanted = this.#settings.taskName?.replaceAll('{name}', source.name) ?? source.name;
    for (let [left, own] = [2, source]; ; left--) {
      const { id, name } = await this.#projectOf(source, signal);
      try {
        return { task: await this.#findOrMake(own, { name: wanted, project: id, isParent: false }, signal), project: name };
      } catch (error) {
        if (!(error instanceof Displaced)) throw error;
        if (left === 0) throw new MirrorError('MB4004', error.message, { retry: 'later', cause: error.error });
        const { parent, ...alone } = own;
        // If the parent is the task of a run, that run is stopped for it, but not those below it.
        if (error.missing === 'noParent' && parent?.handle !== undefined) own = alone;
      }
    }
  }

  async #projectOf({ run, group }: RunSource, signal: AbortSignal): Promise<Project> {
    const { project } = this.#settings;
    try {
      return await this.#projects.find((project ?? group) || 'mirrorboard', signal);
    } catch (error) {
      // If the project is the run's own, it is no reason to stop other runs.
      if (project !== undefined || !(error instanceof MirrorError) || error.code !== 'MB4004' || error.retry !== 'never') throw error;
      throw new MirrorError('MB4006', `there is no ClearML project for ${runLabel(run)}: ${error.message}`, { cause: error });
    }
  }

  /** Returns the task of a run or of a parent: the existing one, or a new one. */
  async #findOrMake(source: RunSource, wanted: NewTask, signal: AbortSignal): Promise<TaskFacts> {
    const { name, project, isParent } = wanted;
    const { hits, own, why } = await this.#found(project, source, signal);
    // A parent task that an earlier version made does not tell whose it is.
    const first = own[0] ?? (isParent ? hits.find(({ runtime }) => runtime[INSTANCE] === undefined) : undefined);
    if (first !== undefined) {
      const twins = await withoutLeft(own.slice(1), this.#contenders(project, source, signal));
      if (twins.length > 0)
        this.#warn('several ClearML tasks are of one run: the first is used', { run: runLabel(source.run), tasks: twins.length + 1 });
      return this.#marked(first, source, signal);
    }
    const holder = isParent ? undefined : await this.#holderOf(source, project, signal);
    if (holder !== undefined) return this.#takenOver(holder, source, name, signal);
    const title = numberedName(name, hits.length);
    if (hits.length > 0) warnNameTaken(this.#warn, source, title, why, 'task');
    return this.#create(source, { ...wanted, name: title }, signal);
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
    const hits = await byTicket(this.#contenders(project, source, signal), signal);
    return { hits, ...(await sortOut(hits, (task) => this.#candidateOf(task), source, signal)) };
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

  async #create(source: RunSource, { name, project, isParent }: NewTask, signal: AbortSignal): Promise<TaskFacts> {
    const parent = await this.#parentOf(source, project, signal);
    const title = longName(name);
    const { comment, ...facts } = factsOfRun(source);
    const made = await this.#client.call(
      `creating the task ${title}`,
      'tasks.create',
      {
        name: title,
        type: this.#settings.taskType,
        project,
        ...facts,
        ...(isParent ? {} : { comment }),
        ...(parent === undefined ? {} : { parent }),
      },
      signal,
    );
    if (made.kind !== 'ok') throw this.#notMade(source, made);
    const task: TaskFacts = {
      id: made.value.id('id'),
      name: title,
      status: 'created',
      project,
      createdMs: Number.NaN,
      runtime: facts.runtime,
    };
    // Another process may have made one at the same moment.
    const first = await agreeOnOne(task, this.#contenders(project, source, signal), signal);
    return first.id === task.id ? task : this.#marked(first, source, signal);
  }

  #notMade(source: RunSource, { cause, error }: ClearmlFailure): Error {
    if (cause === 'noProject' || cause === 'noParent') {
      this.#projects.forget();
      this.#parents.clear();
      return new Displaced(cause, error);
    }
    if (cause !== 'refused') return error;
    const run = runLabel(source.run);
    return new MirrorError('MB4006', `cannot create a ClearML task for ${run}: ${error.message}`, { cause: error, context: { run } });
  }

  /** Returns the task that was made to hold those below this one, before this one was known. */
  async #holderOf(source: RunSource, project: string, signal: AbortSignal): Promise<TaskFacts | undefined> {
    const holder = holderSource(source);
    return holder === undefined ? undefined : (await this.#found(project, holder, signal)).own[0];
  }

  /** Turns a holder into the task of this run, so that no empty task remains. */
  async #takenOver(holder: TaskFacts, source: RunSource, name: string, signal: AbortSignal): Promise<TaskFacts> {
    const task = holder.id;
    const title = longName(name);
    const parent = await this.#parentOf(source, holder.project, signal);
    const { tags, comment, runtime } = factsOfRun(source);
    const doing = `resuming ${runLabel(source.run)} in its parent task`;
    valueOrThrow(await this.#client.call(doing, 'tasks.update', { task, name: title, tags, comment }, signal));
    // The key comes last: until then mirrorboard finds the task as what it was.
    const all = { ...holder.runtime, ...runtime };
    const body = { task, force: true, runtime: all, ...(parent === undefined ? {} : { parent }) };
    valueOrThrow(await this.#client.call(doing, 'tasks.edit', body, signal));
    if (source.holderKey !== undefined) this.#parents.delete(source.holderKey);
    return { ...holder, name: title, runtime: all };
  }

  /** Returns the id of the task above those of a study. */
  async #parentOf(child: RunSource, project: string, signal: AbortSignal): Promise<string | undefined> {
    if (child.parent?.handle !== undefined) {
      const ref = readHandle(child.parent.handle);
      return ref.kind === 'task' ? ref.id : undefined;
    }
    const source = parentSource(child);
    if (source === undefined) return undefined;
    return this.#opening.run(source.key, async () => {
      const known = this.#parents.get(source.key);
      // The parent notes each child's files: those of the first child may be gone at the next search.
      const marked = known === undefined ? undefined : await this.#markedIfThere(known, source, signal);
      const task = marked ?? (await this.#findOrMake(source, { name: source.name, project, isParent: true }, signal));
      this.#parents.set(source.key, task);
      return task.id;
    });
  }

  async #markedIfThere(task: TaskFacts, source: RunSource, signal: AbortSignal): Promise<TaskFacts | undefined> {
    try {
      return await this.#marked(task, source, signal);
    } catch (error) {
      if (error instanceof MirrorError && error.code === 'MB4006') return undefined;
      throw error;
    }
  }

  /**
   * Resumes a task that was stopped: the server stops a task that is quiet for two hours. A task that has ended is
   * reopened by the lane that has more data for it.
   */
  async #started({ id, status }: TaskFacts, signal: AbortSignal): Promise<void> {
    if (['created', 'queued', 'stopped'].includes(status)) await this.start(id, signal);
  }

  /** Starts a task. */
  async start(id: string, signal: AbortSignal, force = false): Promise<void> {
    valueOrThrow(await this.#client.call('starting the task', 'tasks.started', { task: id, ...(force ? { force } : {}) }, signal));
  }

  async #tagged(project: string, source: RunSource, signal: AbortSignal): Promise<readonly TaskFacts[]> {
    const body = {
      project: [project],
      tags: [tagOfKey(source.key)],
      search_hidden: true,
      only_fields: LOOKED_AT,
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
      clock: this.#clock,
      list: () => this.#tagged(project, source, signal),
      idOf: ({ id }) => id,
      ticketOf: ({ runtime }) => runtime[TICKET],
      isOwn: (task) => isPlainlyOwn(markOf(task), source),
      giveTicket: async ({ id }, ticket) => void (await this.#changeRuntime(id, (runtime) => ({ ...runtime, [TICKET]: ticket }), signal)),
      // A task is started once it has its ticket. An imported task, or one that began without a ticket, waits for none.
      mayDraw: ({ status, createdMs }) => status === 'created' && !this.#isOld(createdMs),
      isEmpty: ({ status }) => status === 'created',
      remove: (task) => this.#remove(task, signal),
    };
  }

  /** True if the task's process has had the time to give it a ticket, by the server's clock. */
  #isOld(createdMs: number): boolean {
    const now = this.#client.nowMs();
    return now !== undefined && now - createdMs > DRAWING_MS;
  }

  #candidateOf(task: TaskFacts): Candidate {
    return { mark: markOf(task), readBack: (signal) => this.#readBack(task, signal) };
  }

  /**
   * Updates the facts by which mirrorboard recognizes a task. They change with other files, or if a state was lost
   * and made again.
   */
  async #marked(task: TaskFacts, source: RunSource, signal: AbortSignal): Promise<TaskFacts> {
    const marked = (runtime: Fields): Fields => {
      // A dead process has left the task without a ticket: with one, the next task need not wait for it.
      const ticket = missingTicket(runtime[TICKET]);
      return {
        ...runtime,
        [INSTANCE]: source.instanceId,
        [FINGERPRINT]: marksIn(runtime).with(source.fingerprint).text(FINGERPRINT_LENGTH),
        ...(ticket === undefined ? {} : { [TICKET]: ticket }),
      };
    };
    if (isSame(marked(task.runtime), task.runtime)) return task;
    return { ...task, runtime: await this.#changeRuntime(task.id, marked, signal) };
  }

  /** Adds files to those by which mirrorboard recognizes a task. */
  async noteFiles(id: string, marks: readonly FileMark[], signal: AbortSignal): Promise<void> {
    const marked = (runtime: Fields): Fields => ({ ...runtime, [FINGERPRINT]: marksIn(runtime).with(marks).text(FINGERPRINT_LENGTH) });
    await this.#changeRuntime(id, marked, signal);
  }

  /**
   * Changes the runtime of a task and returns it. The server replaces the field as a whole, so this call reads it
   * first.
   */
  async #changeRuntime(id: string, change: (runtime: Fields) => Fields, signal: AbortSignal): Promise<Fields> {
    const { runtime: before } = valueOrThrow(await this.byId(id, signal));
    const runtime = change(before);
    if (isSame(runtime, before)) return before;
    const body = { task: id, force: true, runtime };
    valueOrThrow(await this.#client.call('writing what the task is known by', 'tasks.edit', body, signal));
    return runtime;
  }
}

function deletedError(source: RunSource, id: string, cause: MirrorError): MirrorError {
  const run = runLabel(source.run);
  return new MirrorError('MB4006', `the ClearML task of ${run} (${id}) was deleted`, {
    hint: 'Set recreate_deleted: true to create a new one and fill it from the beginning.',
    cause,
    context: { run, task: id },
  });
}
