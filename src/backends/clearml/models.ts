/** Makes models of artifacts of tasks. */
import type { ArtifactOutcome, ModelVersion } from '../../contract/index.ts';
import { type AnswerFields, MOST_LISTED, Pages, valueOrThrow } from '../../http/index.ts';
import { artifactsIn } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import type { TaskRef } from './handle.ts';
import { exactly, longName } from './names.ts';

/** Models per page: the server's most (`max_page_size` in `apiserver/config/default/services/_mongo.conf`). */
const MODELS_PAGE = 500;
/** The end of a comment: the time at which the file was written. */
const WRITTEN = /, written ([\d:.TZ-]{1,40})$/;

/** A model as the server returns it. */
interface KnownModel {
  readonly id: string;
  readonly tags: readonly string[];
  /** The comment that mirrorboard wrote: it names the file and when the file was written. */
  readonly comment: string;
}

/** Registers the model of a content if it does not exist. A model's name is not unique; the tag of its content is. */
export async function addModel(client: ClearmlClient, task: TaskRef, version: ModelVersion, signal: AbortSignal): Promise<ArtifactOutcome> {
  const { model, file, alias, tags } = version;
  if (model.trim() === '') return { kind: 'refused', reason: 'a model needs a name' };
  const facts = valueOrThrow(await client.call('looking at the artifacts', 'tasks.get_by_id', { task: task.id }, signal));
  const artifact = artifactsIn(facts.object('task')).find((one) => one.text('key', '') === file.path && one.text('hash', '') === file.hash);
  if (artifact === undefined) return { kind: 'refused', reason: `the file ${file.path} is not an artifact of the task with this content` };
  const uri = artifact.text('uri');
  const name = longName(model);
  const own = `mb-${file.hash.slice(0, 12)}`;
  const look = { project: [task.project], tags: [own], only_fields: ['id', 'name', 'uri', 'tags', 'comment'] };
  const found = valueOrThrow(await client.call('looking for the model', 'models.get_all', look, signal));
  const there = found.list('models').find((known) => known.text('name', '') === name && known.text('uri', '') === uri);
  let known = there === undefined ? undefined : readModel(there);
  if (known === undefined) {
    const userTags = Object.entries(tags).map(([tag, value]) => (value === '' ? tag : `${tag}=${value}`));
    const description = { tags: [own, ...userTags], comment: commentOf(version) };
    const body = { name, uri, project: task.project, task: task.id, ready: true, ...description };
    const made = await client.call(`registering the model ${name}`, 'models.create', body, signal);
    if (made.kind !== 'ok') {
      if (made.cause === 'refused' || made.cause === 'address') return { kind: 'refused', reason: made.error.message };
      throw made.error;
    }
    known = { id: made.value.id('id'), ...description };
  }
  if (alias !== undefined) await placeAlias(client, task, { ...version, alias }, known, signal);
  return { kind: 'stored', url: uri };
}

/**
 * Places an alias. Only one model of a name has it: the one whose file was written last. mirrorboard removes it from
 * all others, because an earlier version left it on every one.
 */
async function placeAlias(
  client: ClearmlClient,
  task: TaskRef,
  version: ModelVersion & { readonly alias: string },
  known: KnownModel,
  signal: AbortSignal,
): Promise<void> {
  const { alias } = version;
  const holders = await holdersOf(client, task, version, signal);
  const others = holders.filter(({ id }) => id !== known.id);
  const isLater = version.writtenAtMs !== undefined && timeIn(known) < Math.floor(version.writtenAtMs);
  const mine = isLater ? { ...known, comment: withTime(known.comment, version) } : known;
  const winner = version.writtenAtMs === undefined ? mine : others.reduce((a, b) => (timeIn(b) > timeIn(a) ? b : a), mine);
  const left = mine.tags.filter((tag) => tag !== alias);
  const tags = winner.id === mine.id ? [...left, alias] : left;
  if (isLater || tags.length !== mine.tags.length) await updateModel(client, mine, { tags, comment: mine.comment }, signal);
  for (const other of others) {
    if (other.id !== winner.id) await updateModel(client, other, { tags: other.tags.filter((tag) => tag !== alias) }, signal);
  }
}

async function holdersOf(
  client: ClearmlClient,
  { project }: TaskRef,
  { model, alias }: ModelVersion,
  signal: AbortSignal,
): Promise<readonly KnownModel[]> {
  const name = longName(model);
  const doing = `looking for models ${name} of the alias ${alias}`;
  const pages = new Pages(doing, client.address, { items: MOST_LISTED });
  const wanted = { project: [project], name: exactly(name), tags: [alias], only_fields: ['id', 'name', 'tags', 'comment'] };
  const found: KnownModel[] = [];
  for (let page = 0; ; page++) {
    const body = { ...wanted, order_by: ['id'], page, page_size: MODELS_PAGE };
    const models = valueOrThrow(await client.call(doing, 'models.get_all', body, signal)).list('models');
    for (const each of models) if (each.text('name', '') === name) found.push(readModel(each));
    if (models.length < MODELS_PAGE) return found;
    pages.next(`${page}`, models.length, [models[0]?.id('id'), models.at(-1)?.id('id')]);
  }
}

function readModel(model: AnswerFields): KnownModel {
  return { id: model.id('id'), tags: model.texts('tags'), comment: model.text('comment', '') };
}

async function updateModel(
  client: ClearmlClient,
  { id }: KnownModel,
  fields: Partial<Pick<KnownModel, 'tags' | 'comment'>>,
  signal: AbortSignal,
): Promise<void> {
  valueOrThrow(await client.call('tagging a model', 'models.update', { model: id, ...fields }, signal));
}

function commentOf(version: ModelVersion): string {
  return withTime(`Mirrored: ${version.file.path}, SHA-256 ${version.file.hash}`, version);
}

/** Adds the time at which the file was written. Users may have changed the rest of the comment. */
function withTime(comment: string, { writtenAtMs }: ModelVersion): string {
  return writtenAtMs === undefined ? comment : `${comment.replace(WRITTEN, '')}, written ${new Date(writtenAtMs).toISOString()}`;
}

/** Reads when a model's file was written, in milliseconds. A model without a time counts as older than all others. */
function timeIn({ comment }: KnownModel): number {
  const ms = Date.parse(WRITTEN.exec(comment)?.[1] ?? '');
  return Number.isNaN(ms) ? Number.NEGATIVE_INFINITY : ms;
}
