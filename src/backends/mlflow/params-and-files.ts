/** Parts of a run besides its points: artifacts, datasets, params from files. */

import type { ArtifactFile, ArtifactOutcome, Dataset, RunParam } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import type { MlflowRun } from './handle.ts';

/** Stores a file and replaces what is at its path. Throws failures that may pass. */
export async function putFile(
  artifacts: Artifacts,
  run: MlflowRun,
  file: ArtifactFile,
  noFiles: string | undefined,
  signal: AbortSignal,
): Promise<ArtifactOutcome> {
  const { path, bytes } = file;
  if (run.root === undefined || noFiles !== undefined) {
    return {
      kind: 'unsupported',
      reason: noFiles ?? 'only clients with their own credentials can reach the artifacts of the run',
    };
  }
  const failure = await artifacts.put(run.root, path, { bytes, read: () => file.read() }, signal);
  if (failure === undefined) return { kind: 'stored' };
  if (failure.cause === 'notServed') return { kind: 'unsupported', reason: failure.error.message };
  if (failure.cause === 'refused' || failure.cause === 'tooMuch') return { kind: 'refused', reason: reasonOf(failure.error) };
  throw failure.error;
}

/** Notes which dataset a run used. The same dataset again adds no second one. */
export async function noteDataset(client: MlflowClient, run: MlflowRun, dataset: Dataset, signal: AbortSignal): Promise<ArtifactOutcome> {
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

/** Returns a param's value as MLflow shows it, which is as Python writes it. */
export function paramText(value: RunParam['value']): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'number') return String(value);
  const text = doubleText(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/**
 * Writes a double with the digits and the exponent that Python gives it, so that a search for `5e-05` finds it. Whole
 * numbers have no `.0`.
 */
export function doubleText(value: number): string {
  const size = Math.abs(value);
  if (Object.is(value, -0)) return '-0';
  if (size === 0 || !Number.isFinite(value) || (size >= 1e-4 && size < 1e16)) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
}

/** Returns a boolean as a number: event files of torch have 1 if a param file has True. */
function wordOf(text: string): string {
  const word = text.toLowerCase();
  return word === 'true' ? '1' : word === 'false' ? '0' : word;
}

/**
 * True if two texts are the same value. Hparams of event files are doubles: they have 64 if a file has 64 or 64.0.
 */
export function isSameParam(a: string, b: string): boolean {
  if (a === b) return true;
  const [first, second] = [wordOf(a), wordOf(b)];
  if (first === second) return true;
  if (first === 'none' || second === 'none') return false;
  return a.trim() !== '' && b.trim() !== '' && Number(first) === Number(second);
}
