/** Content of projects that was not mirrored into them, for a user who plans to switch a server off. */
import { firstWords, hparamNames, lookedThrough } from '../../backend-kit/index.ts';
import type { Foreign, ForeignLook, OwnRun } from '../../contract/index.ts';
import { type AnswerFields, eachPage, MOST_LISTED, PageSize, taken, valueOrThrow } from '../../http/index.ts';
import { artifactsIn } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import type { EventSource } from './events.ts';
import type { TaskRef } from './handle.ts';
import { TASKS_PAGE } from './limits.ts';
import { HPARAMS, isPointDocument, isPointFile } from './map.ts';
import { isDatasetParam, SECTION } from './params-and-files.ts';
import { exactPoints } from './read-back.ts';
import { COMMENT, RUN, userTags } from './task-facts.ts';
import { TRIAL_FILE, TRIAL_SECTION } from './trial.ts';

/** The tag by which mirrorboard finds a task again. */
const OWN_TAG = /^mb-[0-9a-f]{12}$/;

/** A task of ours, and its stored params and artifacts. */
export type OwnTask = Pick<TaskRef, 'id' | 'project'> & Omit<OwnRun, 'handle'>;

/** Lists the tasks, params and artifacts of our projects that no mirror wrote. */
export async function* foreignIn(
  client: ClearmlClient,
  sourceOf: (task: Pick<TaskRef, 'id'>) => EventSource,
  own: readonly OwnTask[],
  signal: AbortSignal,
): AsyncGenerator<ForeignLook, void, void> {
  const known = new Set(own.map(({ id }) => id));
  for (const project of new Set(own.map((task) => task.project))) {
    for await (const { id, name, isOurs } of tasksIn(client, project, signal)) {
      if (!isOurs && !known.has(id)) yield { kind: 'run', name: name === '' ? id : name };
    }
  }
  for (const each of own) {
    const reply = await client.call('looking at the task', 'tasks.get_by_id', { task: each.id }, signal);
    if (reply.kind !== 'ok' && reply.cause === 'gone') continue;
    const task = valueOrThrow(reply).object('task');
    const place = task.text('name', '') || each.id;
    yield* lookedThrough(place, inTask(task, place, each, sourceOf(each), signal));
  }
}

async function* inTask(
  task: AnswerFields,
  place: string,
  own: OwnTask,
  source: EventSource,
  signal: AbortSignal,
): AsyncGenerator<Foreign, void, void> {
  for await (const name of paramsOf(task, own, source, signal)) yield { kind: 'param', name, in: place };
  for (const name of filesOf(task, own)) yield { kind: 'file', name, in: place };
  const ours = new Set(userTags(own.tags));
  for (const name of task.texts('tags')) if (!ours.has(name) && !OWN_TAG.test(name)) yield { kind: 'tag', name, in: place };
  const note = task.text('comment', '').trim();
  if (note !== '' && !note.startsWith(COMMENT)) yield { kind: 'note', name: firstWords(note), in: place };
}

async function* tasksIn(
  client: ClearmlClient,
  project: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly id: string; readonly name: string; readonly isOurs: boolean }, void, void> {
  const what = `listing the tasks of the project ${project}`;
  const listing = { what, address: client.address, size: new PageSize(TASKS_PAGE), limits: { items: MOST_LISTED } };
  const pages = eachPage(listing, async (token = '0', most) => {
    const at = Number(token);
    const body = {
      project: [project],
      search_hidden: true,
      only_fields: ['id', 'name', 'runtime'],
      order_by: ['created', 'id'],
      // Sizes are powers of two: a smaller page begins where the larger one did.
      page: at / most,
      page_size: most,
    };
    return taken(await client.call(what, 'tasks.get_all', body, signal), (answer) => {
      const items = answer.list('tasks').map((task) => ({
        id: task.id('id'),
        name: task.text('name', ''),
        isOurs: typeof task.object('runtime').fields[RUN] === 'string',
      }));
      return { items, next: items.length === 0 ? undefined : String(at + most) };
    });
  });
  for await (const tasks of pages) yield* tasks;
}

/** Lists params as the official SDK names them, with their section, and documents of the configuration. */
async function* paramsOf(
  task: AnswerFields,
  { params }: Pick<OwnTask, 'params'>,
  source: EventSource,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const all = task.object('hyperparams');
  for (const section of Object.keys(all.fields)) {
    const held = all.object(section);
    if (section === TRIAL_SECTION) continue;
    const names = Object.keys(held.fields);
    let ours: ReadonlySet<string> = new Set();
    if (section === SECTION) ours = new Set(params ?? names);
    // Only the points tell which of these params were in event files.
    else if (section === HPARAMS && names.length > 0) ours = await hparamNames(hparamPoints(source, signal));
    for (const name of names) if (!ours.has(name) && !isDatasetParam(section, held.object(name))) yield `${section}/${name}`;
  }
  for (const name of Object.keys(task.object('configuration').fields)) if (!isPointDocument(name)) yield `configuration/${name}`;
}

async function* hparamPoints(source: EventSource, signal: AbortSignal) {
  for await (const point of exactPoints(source, (_, plugin) => plugin === 'hparams', signal)) yield { points: [point] };
}

/** Lists artifacts, and models that were trained in the task. */
function* filesOf(task: AnswerFields, { files }: Pick<OwnTask, 'files'>): Generator<string, void, void> {
  const stored = new Set(files);
  for (const artifact of artifactsIn(task)) {
    const key = artifact.text('key', '');
    if (!stored.has(key) && !isPointFile(key) && key !== TRIAL_FILE) yield key;
  }
  // Our models are registered separately, and the task does not list them.
  for (const model of task.object('models').list('output')) yield model.text('name', '') || model.id('model');
}
