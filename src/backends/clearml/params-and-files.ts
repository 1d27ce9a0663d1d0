/** Parts of a run besides its points: params, files, datasets, and its environment. */

import type { ArtifactFile, ArtifactOutcome, Dataset, ParamOutcome, RunParam } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import type { AnswerFields } from '../../http/index.ts';
import { type Param, paramOf } from './map.ts';
import { addParamsInParts } from './params-in-parts.ts';
import { filePart, pathPart } from './paths.ts';
import type { EventSink } from './sink.ts';

/** The section of connected dictionaries in the official SDK. */
export const SECTION = 'General';
const DATASETS = 'Datasets';

/** Fields of a task's script section, by the names that writers of sidecar files use. */
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
/** Bytes up to which a list of packages is special. A longer one is a file like any other. */
const MOST_PACKAGE_BYTES = 500_000;

/** Fields of the task itself that hold facts from sidecar files. */
export interface Facts {
  readonly script: Readonly<Record<string, string>>;
  readonly host: string | undefined;
}

/** Adds params from files to a task. Returns one outcome for each, in their order. */
export async function addFileParams(
  sink: EventSink,
  params: readonly RunParam[],
  addFacts: (facts: Facts) => Promise<void>,
  signal: AbortSignal,
): Promise<readonly ParamOutcome[]> {
  const named = params.filter(({ name }) => name !== '').map(fileParam);
  const unique = [...new Map(named.map((param) => [param.name, param])).values()];
  const failures = await addParamsInParts(sink, unique, signal);
  const refused = new Map([...failures].map(([param, { error }]) => [param.name, error.message]));
  const facts = factsIn(params);
  if (Object.keys(facts.script).length > 0 || facts.host !== undefined) await addFacts(facts);
  return params.map(({ name, value }): ParamOutcome => {
    if (name === '') return { kind: 'refused', reason: 'ClearML does not accept a parameter without a name' };
    const reason = refused.get(fileParam({ name, value }).name);
    return reason === undefined ? { kind: 'set' } : { kind: 'refused', reason };
  });
}

/** Returns a param of a file as a hyperparameter. */
export function fileParam({ name, value }: RunParam): Param {
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

/** Returns the path of a run's file in its task. */
export function artifactPath(path: string): string {
  const parts = path.split('/');
  return ['artifacts', ...parts.slice(0, -1).map(pathPart), filePart(parts.at(-1) ?? '')].join('/');
}

/** Stores a file as an artifact of a task. */
export async function putArtifact(
  sink: EventSink,
  file: ArtifactFile,
  addPackages: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  let url: string;
  try {
    url = await sink.put(artifactPath(file.path), { bytes: file.bytes, hash: file.hash, read: (start) => file.read(start) }, signal);
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

/** Makes the param that names a dataset: ClearML shows the datasets of a task in a section of its parameters. */
export function datasetParam({ name, hash, source, context }: Dataset): Param {
  return { section: DATASETS, name: context === '' ? name : `${context}/${name}`, value: `${source} (${hash})`, type: 'str' };
}

/** True if `datasetParam` made a param that the task has. */
export function isDatasetParam(section: string, held: AnswerFields): boolean {
  return section === DATASETS && /\([0-9a-f]+\)$/.test(held.text('value', ''));
}
