/** Versions of models in the registry, made of files of runs. */
import type { ArtifactOutcome, ModelVersion } from '../../contract/index.ts';
import { type AnswerFields, eachPage, PageSize, taken, valueOrThrow } from '../../http/index.ts';
import type { MlflowClient } from './client.ts';
import type { MlflowRun } from './handle.ts';
import { VERSIONS_PAGE } from './limits.ts';

/** Tag of a model version with the hash of its content. */
const CONTENT = 'mirrorboard.content';
/** Tag with the time at which its file was written. */
const WRITTEN = 'mirrorboard.written';

/** A version of a model, as the registry returns it. */
interface KnownVersion {
  readonly number: string;
  readonly tags: ReadonlyMap<string, string>;
}

/**
 * Makes a stored file a version of a model. Each call of the server makes a new version, so mirrorboard first looks
 * for a version of this content among those of the run. The model may exist already.
 */
export async function registerModel(
  client: MlflowClient,
  run: MlflowRun,
  version: ModelVersion,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  const { model, alias } = version;
  if (model === '' || /[/:]/.test(model))
    return { kind: 'refused', reason: `${JSON.stringify(model)} is no name of a model: / and : are not taken` };
  const known = await versionOf(client, run, version, signal);
  const number = known?.number ?? (await makeVersion(client, run, version, signal));
  if (alias === undefined) return { kind: 'stored' };
  if (known !== undefined) await noteWritten(client, version, known, signal);
  return (await isOlder(client, { ...version, alias }, number, signal))
    ? { kind: 'stored' }
    : await nameVersion(client, { model, alias, number }, signal);
}

async function makeVersion(
  client: MlflowClient,
  run: MlflowRun,
  { model, file, tags, writtenAtMs }: ModelVersion,
  signal: AbortSignal,
): Promise<string> {
  const made = await client.call(`making the model ${model}`, 'POST', 'registered-models/create', { name: model }, signal);
  if (made.kind !== 'ok' && made.cause !== 'exists') throw made.error;
  const own = { [CONTENT]: file.hash, ...(writtenAtMs === undefined ? {} : { [WRITTEN]: timeText(writtenAtMs) }) };
  const input = {
    name: model,
    source: `runs:/${run.runId}/${file.path}`,
    run_id: run.runId,
    tags: [...Object.entries(own), ...Object.entries(tags)].map(([key, value]) => ({ key, value })),
  };
  const reply = valueOrThrow(await client.call(`registering a version of ${model}`, 'POST', 'model-versions/create', input, signal));
  return reply.object('model_version').id('version');
}

/**
 * Notes when a version's file was written. The same content may be written once more, and versions of earlier
 * releases have no such time.
 */
async function noteWritten(
  client: MlflowClient,
  { model, writtenAtMs }: ModelVersion,
  { number, tags }: KnownVersion,
  signal: AbortSignal,
): Promise<void> {
  if (writtenAtMs === undefined || timeIn(tags) >= Math.floor(writtenAtMs)) return;
  const input = { name: model, version: number, key: WRITTEN, value: timeText(writtenAtMs) };
  valueOrThrow(await client.call(`noting when a version of ${model} was written`, 'POST', 'model-versions/set-tag', input, signal));
}

/**
 * True if the alias points to a version that was written later: of several runs, the one with the newest file may
 * come first.
 */
async function isOlder(
  client: MlflowClient,
  { model, alias, writtenAtMs }: ModelVersion & { readonly alias: string },
  number: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (writtenAtMs === undefined) return false;
  const reply = await client.call(
    `reading the alias ${alias} of ${model}`,
    'GET',
    'registered-models/alias',
    { name: model, alias },
    signal,
  );
  // The alias does not exist yet.
  if (reply.kind !== 'ok' && (reply.cause === 'refused' || reply.cause === 'missing')) return false;
  const holder = readVersion(valueOrThrow(reply).object('model_version'));
  return holder.number !== number && timeIn(holder.tags) > Math.floor(writtenAtMs);
}

async function nameVersion(
  client: MlflowClient,
  { model, alias, number }: { readonly model: string; readonly alias: string; readonly number: string },
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  const input = { name: model, alias, version: number };
  const reply = await client.call(`naming a version of ${model}`, 'POST', 'registered-models/alias', input, signal);
  if (reply.kind !== 'ok' && reply.cause === 'refused') return { kind: 'refused', reason: reply.error.message };
  valueOrThrow(reply);
  return { kind: 'stored' };
}

async function versionOf(
  client: MlflowClient,
  run: MlflowRun,
  { model, file: { hash } }: ModelVersion,
  signal: AbortSignal,
): Promise<KnownVersion | undefined> {
  for await (const version of versionsWith(client, `run_id = '${run.runId}'`, signal))
    if (version.text('name', '') === model && tagsOf(version).get(CONTENT) === hash) return readVersion(version);
  return undefined;
}

/** Lists versions that others made from these runs. Without the runs, they point to nothing. */
export async function* foreignVersions(
  client: MlflowClient,
  runIds: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<{ readonly name: string; readonly runId: string }, void, void> {
  for (const filter of await filtersFor(client, runIds, signal)) {
    for await (const version of versionsWith(client, filter, signal)) {
      if (tagsOf(version).has(CONTENT)) continue;
      // A version made from a path may not name its run.
      const ids = [version.text('run_id', ''), ...version.text('source', '').split('/')];
      const runId = ids.find((id) => runIds.has(id));
      if (runId !== undefined) yield { name: `${version.text('name', '')} version ${version.id('version')}`, runId };
    }
  }
}

/**
 * Returns the filters that find the versions of runs: no filter for all at once, one per run if the server requires a
 * run, an empty list if it has no registry.
 */
async function filtersFor(
  client: MlflowClient,
  runIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly (string | undefined)[]> {
  const ofRuns = [...runIds].map((id) => `run_id = '${id}'`);
  for (const filters of [[undefined], ofRuns]) {
    const input = { filter: filters[0], max_results: 1 };
    const reply = await client.call('looking for versions of models', 'GET', 'model-versions/search', input, signal);
    if (reply.kind === 'ok') return filters;
    if (reply.cause !== 'refused' && reply.cause !== 'missing' && reply.cause !== 'notServed') throw reply.error;
  }
  return [];
}

/** Lists versions of all models, or those that match a filter. */
async function* versionsWith(
  client: MlflowClient,
  filter: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<AnswerFields, void, void> {
  const what = 'looking for versions of models';
  const pages = eachPage({ what, address: client.address, size: new PageSize(VERSIONS_PAGE) }, async (token, most) => {
    const input = { filter, max_results: most, page_token: token };
    const reply = await client.call(what, 'GET', 'model-versions/search', input, signal);
    return taken(reply, (answer) => ({ items: answer.list('model_versions'), next: answer.text('next_page_token', '') }));
  });
  for await (const versions of pages) yield* versions;
}

function readVersion(version: AnswerFields): KnownVersion {
  return { number: version.id('version'), tags: tagsOf(version) };
}

function tagsOf(version: AnswerFields): KnownVersion['tags'] {
  return new Map(version.list('tags').map((tag) => [tag.text('key', ''), tag.text('value', '')]));
}

function timeText(writtenAtMs: number): string {
  return new Date(writtenAtMs).toISOString();
}

/** Reads the time in milliseconds. A version without one counts as older than all others. */
function timeIn(tags: ReadonlyMap<string, string>): number {
  const ms = Date.parse(tags.get(WRITTEN) ?? '');
  return Number.isNaN(ms) ? Number.NEGATIVE_INFINITY : ms;
}
