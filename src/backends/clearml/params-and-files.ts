/** What stands beside the event files: params, files, models, datasets, and facts of where a run ran. */

import type { ArtifactFile, ArtifactOutcome, Dataset, ModelVersion, ParamOutcome, RunParam } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import { Pages, type Said, valueOrThrow } from '../../http/index.ts';
import { artifactsIn, type Reply } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import type { TaskRef } from './handle.ts';
import { type Param, paramOf } from './map.ts';
import { exactly, longName } from './names.ts';
import { filePart, pathPart } from './paths.ts';
import type { Sink } from './sink.ts';

/** The section of connected dictionaries in the official SDK. */
export const SECTION = 'General';
const DATASETS = 'Datasets';

/** Fields of a task's script section, by what writers of sidecar files call them. */
const SCRIPT_FACTS: readonly (readonly [field: string, names: RegExp])[] = [
  ['version_num', /^(git[._])?(commit|commit_hash|sha|revision|hash)$|^git_(commit|sha|hash)$/i],
  ['branch', /^git[._]branch$|^branch$/i],
  ['repository', /^git[._](remote|remote_url|repository|repo|url)$|^(repository|repo)$/i],
  ['diff', /^git[._](diff|patch)$/i],
  ['entry_point', /^(program|script|entry_point|entrypoint|codePath|code_path)$/i],
  ['working_dir', /^(working_dir|workdir|cwd)$/i],
  ['binary', /^(executable|python_executable)$/i],
];
const HOST_FACTS = /^(host|hostname|host_name)$/i;
const PACKAGES = /(^|\/)requirements[^/]*\.txt$/i;
/** A list of packages that is longer is a file like any other. */
const MOST_PACKAGE_BYTES = 500_000;

/** Fields of the task itself that side facts go into. */
export interface Facts {
  readonly script: Readonly<Record<string, string>>;
  readonly host: string | undefined;
}

export async function addSideParams(
  sink: Sink,
  params: readonly RunParam[],
  addFacts: (facts: Facts) => Promise<void>,
  signal: AbortSignal,
): Promise<readonly ParamOutcome[]> {
  const named = params.filter(({ name }) => name !== '').map(sideParam);
  const unique = [...new Map(named.map((param) => [param.name, param])).values()];
  const reply: Reply<unknown> = unique.length === 0 ? { kind: 'ok', value: undefined } : await sink.addParams(unique, signal);
  if (reply.kind !== 'ok' && reply.cause !== 'refused') throw reply.error;
  const facts = factsIn(params);
  if (Object.keys(facts.script).length > 0 || facts.host !== undefined) await addFacts(facts);
  return params.map(({ name }): ParamOutcome => {
    if (name === '') return { kind: 'refused', reason: 'ClearML takes no parameter without a name' };
    return reply.kind === 'ok' ? { kind: 'set' } : { kind: 'refused', reason: reply.error.message };
  });
}

export function sideParam({ name, value }: RunParam): Param {
  return paramOf(SECTION, name, value);
}

function factsIn(params: readonly RunParam[]): Facts {
  const script: Record<string, string> = {};
  let host: string | undefined;
  for (const { name, value } of params) {
    if (typeof value !== 'string' || value === '') continue;
    if (HOST_FACTS.test(name)) host = value;
    for (const [field, names] of SCRIPT_FACTS) if (names.test(name)) script[field] ??= value;
  }
  return { script, host };
}

/** Where a file of a run lies in its task. */
export function sidePath(path: string): string {
  const parts = path.split('/');
  return ['artifacts', ...parts.slice(0, -1).map(pathPart), filePart(parts.at(-1) ?? '')].join('/');
}

export async function putSideFile(
  sink: Sink,
  file: ArtifactFile,
  addPackages: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  let url: string;
  try {
    url = await sink.put(sidePath(file.path), { bytes: file.bytes, hash: file.hash, read: (start) => file.read(start) }, signal);
  } catch (error) {
    if (error instanceof MirrorError && error.code === 'MB4005' && error.retry === 'never')
      return { kind: 'refused', reason: reasonOf(error) };
    throw error;
  }
  const artifact = {
    key: file.path,
    type: 'custom',
    uri: url,
    hash: file.hash,
    bytes: file.bytes,
    contentType: 'application/octet-stream',
    preview: `${file.bytes} bytes`,
    timestamp: Math.floor(Date.now() / 1000),
  };
  const reply = await sink.addArtifacts([artifact], signal);
  if (reply.kind !== 'ok') {
    if (reply.cause !== 'refused' && reply.cause !== 'status') throw reply.error;
    return { kind: 'refused', reason: reply.error.message };
  }
  if (PACKAGES.test(file.path) && file.bytes <= MOST_PACKAGE_BYTES) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.read()) chunks.push(chunk);
    await addPackages(Buffer.concat(chunks).toString('utf8'));
  }
  return { kind: 'stored', url };
}

/** ClearML shows the datasets of a task in a section of its parameters. */
export function datasetParam({ name, hash, source, context }: Dataset): Param {
  return { section: DATASETS, name: context === '' ? name : `${context}/${name}`, value: `${source} (${hash})`, type: 'str' };
}

/** Whether a param, as the task has it, is one that `datasetParam` made. */
export function isDatasetParam(section: string, held: Said): boolean {
  return section === DATASETS && /\([0-9a-f]+\)$/.test(held.text('value', ''));
}

/** The model of a content, made where there is none. A model's name is not unique; the tag of its content is. */
export async function addModel(
  client: ClearmlClient,
  task: TaskRef,
  { model, file, alias, tags }: ModelVersion,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  if (model.trim() === '') return { kind: 'refused', reason: 'a model has to have a name' };
  const facts = valueOrThrow(await client.call('looking at the artifacts', 'tasks.get_by_id', { task: task.id }, signal));
  const artifact = artifactsIn(facts.object('task')).find((one) => one.text('key', '') === file.path && one.text('hash', '') === file.hash);
  if (artifact === undefined) return { kind: 'refused', reason: `the file ${file.path} is not an artifact of the task with this content` };
  const uri = artifact.text('uri');
  const name = longName(model);
  const own = `mb-${file.hash.slice(0, 12)}`;
  const look = { project: [task.project], tags: [own], only_fields: ['id', 'name', 'uri', 'tags'] };
  const found = valueOrThrow(await client.call('looking for the model', 'models.get_all', look, signal));
  const there = found.list('models').find((known) => known.text('name', '') === name && known.text('uri', '') === uri);
  if (there !== undefined) {
    if (alias !== undefined && !there.texts('tags').includes(alias))
      await tagModel(client, there.id('id'), [...there.texts('tags'), alias], signal);
    if (alias !== undefined) await takeAlias(client, task, { name, alias, id: there.id('id') }, signal);
    return { kind: 'stored', url: uri };
  }
  const userTags = Object.entries(tags).map(([tag, value]) => (value === '' ? tag : `${tag}=${value}`));
  const body = {
    name,
    uri,
    project: task.project,
    task: task.id,
    ready: true,
    tags: [own, ...(alias === undefined ? [] : [alias]), ...userTags],
    comment: `Mirrored: ${file.path}, SHA-256 ${file.hash}`,
  };
  const made = await client.call(`registering the model ${name}`, 'models.create', body, signal);
  if (made.kind === 'ok') {
    if (alias !== undefined) await takeAlias(client, task, { name, alias, id: made.value.id('id') }, signal);
    return { kind: 'stored', url: uri };
  }
  if (made.cause === 'refused' || made.cause === 'address') return { kind: 'refused', reason: made.error.message };
  throw made.error;
}

/** An alias is of one model of a name: it is taken from all others, of which an earlier version left it on every one. */
async function takeAlias(
  client: ClearmlClient,
  { project }: TaskRef,
  { name, alias, id }: { readonly name: string; readonly alias: string; readonly id: string },
  signal: AbortSignal,
): Promise<void> {
  const doing = `moving the alias ${alias} of ${name}`;
  const pages = new Pages(doing, client.address);
  const body = { project: [project], name: exactly(name), tags: [alias], only_fields: ['id', 'name', 'tags'], page: 0, page_size: 500 };
  for (let round = 0; ; round++) {
    const found = valueOrThrow(await client.call(doing, 'models.get_all', body, signal)).list('models');
    const others = found.filter((model) => model.text('name', '') === name && model.id('id') !== id);
    if (others.length === 0) return;
    for (const model of others)
      await tagModel(
        client,
        model.id('id'),
        model.texts('tags').filter((tag) => tag !== alias),
        signal,
      );
    const ids = others.map((model) => model.id('id'));
    pages.next(`${round}`, ids.length, ids);
  }
}

async function tagModel(client: ClearmlClient, model: string, tags: readonly string[], signal: AbortSignal): Promise<void> {
  valueOrThrow(await client.call('tagging a model', 'models.update', { model, tags }, signal));
}
