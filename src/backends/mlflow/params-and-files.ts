/** What lies beside the points of a run: files of its own, versions of models, datasets, params from files. */

import type { ArtifactFile, ArtifactOutcome, Dataset, ModelVersion, RunParam } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import { PageSize, Pages, valueOrThrow } from '../../http/index.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import type { TrackedRun } from './handle.ts';
import { VERSIONS_PAGE } from './limits.ts';

/** The tag of a model version that says of which content it is. */
const CONTENT = 'mirrorboard.content';

/** Stores a file over whatever is there. What may pass is thrown. */
export async function putFile(
  artifacts: Artifacts,
  run: TrackedRun,
  file: ArtifactFile,
  noFiles: string | undefined,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  const { path, bytes } = file;
  if (run.root === undefined || noFiles !== undefined) {
    return {
      kind: 'unsupported',
      reason: noFiles ?? 'the run keeps its artifacts where only clients with credentials of their own reach them',
    };
  }
  const failure = await artifacts.put(run.root, path, { bytes, read: () => file.read() }, signal);
  if (failure === undefined) return { kind: 'stored' };
  if (failure.cause === 'notServed') return { kind: 'unsupported', reason: failure.error.message };
  if (failure.cause === 'refused' || failure.cause === 'tooMuch') return { kind: 'refused', reason: reasonOf(failure.error) };
  throw failure.error;
}

/**
 * Makes a stored file a version of a model. Each call of the server makes a new version, so the versions of the run are looked through for
 * one of this content first; so is the model, which may be there already.
 */
export async function registerModel(
  client: MlflowClient,
  run: TrackedRun,
  version: ModelVersion,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  const { model, file, alias, tags } = version;
  if (model === '' || /[/:]/.test(model))
    return { kind: 'refused', reason: `${JSON.stringify(model)} is no name of a model: / and : are not taken` };
  const source = `runs:/${run.runId}/${file.path}`;
  const known = await versionOf(client, run, model, file.hash, signal);
  let number = known;
  if (number === undefined) {
    const made = await client.call(`making the model ${model}`, 'POST', 'registered-models/create', { name: model }, signal);
    if (made.kind !== 'ok' && made.cause !== 'exists') throw made.error;
    const input = {
      name: model,
      source,
      run_id: run.runId,
      tags: [{ key: CONTENT, value: file.hash }, ...Object.entries(tags).map(([key, value]) => ({ key, value }))],
    };
    const reply = valueOrThrow(await client.call(`registering a version of ${model}`, 'POST', 'model-versions/create', input, signal));
    number = reply.object('model_version').id('version');
  }
  if (alias !== undefined) {
    const input = { name: model, alias, version: number };
    const reply = await client.call(`naming a version of ${model}`, 'POST', 'registered-models/alias', input, signal);
    if (reply.kind !== 'ok' && reply.cause === 'refused') return { kind: 'refused', reason: reply.error.message };
    valueOrThrow(reply);
  }
  return { kind: 'stored' };
}

async function versionOf(
  client: MlflowClient,
  run: TrackedRun,
  model: string,
  hash: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const pages = new Pages('looking for versions of models', client.address);
  const size = new PageSize(VERSIONS_PAGE);
  let token: string | undefined;
  for (;;) {
    const input = { filter: `run_id = '${run.runId}'`, max_results: size.most, page_token: token };
    const answer = await client.call('looking for versions of models', 'GET', 'model-versions/search', input, signal);
    if (answer.kind !== 'ok' && size.shrinkFor(answer.error)) continue;
    const reply = valueOrThrow(answer);
    const versions = reply.list('model_versions');
    const found = versions.find(
      (version) =>
        version.text('name', '') === model &&
        version.list('tags').some((tag) => tag.text('key', '') === CONTENT && tag.text('value', '') === hash),
    );
    if (found !== undefined) return found.id('version');
    token = pages.next(reply.text('next_page_token', ''), versions.length, reply.records('model_versions'));
    if (token === undefined) return undefined;
  }
}

/** Says which dataset a run used; the same again is no second one. */
export async function noteDataset(client: MlflowClient, run: TrackedRun, dataset: Dataset, signal: AbortSignal): Promise<ArtifactOutcome> {
  const { name, hash, source, context } = dataset;
  const entry = {
    tags: [{ key: 'mlflow.data.context', value: context }],
    dataset: {
      name: name.slice(0, 500),
      digest: hash.slice(0, 36),
      source_type: 'local',
      source: JSON.stringify({ uri: source }),
    },
  };
  const reply = await client.call(
    `noting the dataset ${name}`,
    'POST',
    'runs/log-inputs',
    { run_id: run.runId, datasets: [entry] },
    signal,
  );
  if (reply.kind === 'ok') return { kind: 'stored' };
  if (reply.cause === 'refused' || reply.cause === 'element') return { kind: 'refused', reason: reply.error.message };
  if (reply.cause === 'missing' || reply.cause === 'inactive') throw new MirrorError('MB4006', reply.error.message, { cause: reply.error });
  throw reply.error;
}

/** A param's value as MLflow shows it, which is as Python writes it. */
export function paramText(value: RunParam['value']): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'number') return String(value);
  const text = doubleText(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A double with the digits and the exponent that Python gives it, so that a search for `5e-05` finds it: whole numbers without `.0`. */
export function doubleText(value: number): string {
  const size = Math.abs(value);
  if (Object.is(value, -0)) return '-0';
  if (size === 0 || !Number.isFinite(value) || (size >= 1e-4 && size < 1e16)) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
}

/** A truth value as a number: event files of torch say 1 where a file beside them says True. */
function wordOf(text: string): string {
  const word = text.toLowerCase();
  return word === 'true' ? '1' : word === 'false' ? '0' : word;
}

/** Whether two texts are the same value: hparams of event files are doubles, and say 64 where a file says 64 or 64.0. */
export function isSameParam(a: string, b: string): boolean {
  if (a === b) return true;
  const [first, second] = [wordOf(a), wordOf(b)];
  if (first === second) return true;
  if (first === 'none' || second === 'none') return false;
  return a.trim() !== '' && b.trim() !== '' && Number(first) === Number(second);
}
