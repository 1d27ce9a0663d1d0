/** Whether what was stored beside the points of a run is there still. */
import { createHash } from 'node:crypto';
import { MirrorError } from '../../errors.ts';
import type { SideDifference, SideWanted } from '../contract.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { cut } from './cut-text.ts';
import { valueOrThrow } from './experiments.ts';
import type { TrackedRun } from './handle.ts';
import { type KeyOptions, keyOf } from './keys.ts';
import { PARAM_LENGTH } from './limits.ts';
import { OTHER_VALUE } from './run-params.ts';
import { isSameParam, paramText } from './side.ts';

/** A longer file is compared by its length: models have gigabytes. */
const MOST_READ_BYTES = 8 * 1024 * 1024;

export async function compareSide(
  client: MlflowClient,
  artifacts: Artifacts,
  run: TrackedRun,
  { files, params }: SideWanted,
  options: KeyOptions,
  signal: AbortSignal,
): Promise<readonly SideDifference[]> {
  const differences: SideDifference[] = [];
  const facts = valueOrThrow(await client.run(run.runId, signal));
  if (facts.isDeleted) throw new MirrorError('MB4006', `the MLflow run ${run.runId} was deleted`);
  for (const { name, value } of params) {
    const key = keyOf(name, options);
    const held = facts.params.get(key);
    // Where several values were said the first one stays, so that it need not be this one.
    if (held !== undefined && (isSameParam(held, cut(paramText(value), PARAM_LENGTH)) || facts.tags.has(OTHER_VALUE + cut(key, 230))))
      continue;
    differences.push({ kind: 'param', name, found: held });
  }
  const folders = new Map<string, ReadonlyMap<string, number>>();
  for (const { path, bytes, hash } of files) {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const there = folders.get(folder) ?? valueOrThrow(await artifacts.list(run.runId, folder, signal));
    folders.set(folder, there);
    const found = await foundInstead(artifacts, run, { path, bytes, hash, length: there.get(path) }, signal);
    if (found !== SAME) differences.push({ kind: 'file', name: path, found });
  }
  return differences;
}

const SAME = Symbol('as it should be');

async function foundInstead(
  artifacts: Artifacts,
  { root }: TrackedRun,
  { path, bytes, hash, length }: SideWanted['files'][number] & { readonly length: number | undefined },
  signal: AbortSignal,
): Promise<string | undefined | typeof SAME> {
  if (length === undefined) return undefined;
  if (length !== bytes) return `${length} bytes`;
  if (root === undefined || bytes > MOST_READ_BYTES) return SAME;
  const content = valueOrThrow(await artifacts.get(root, path, signal));
  const sum = createHash('sha256').update(content).digest('hex');
  return sum === hash ? SAME : `SHA-256 ${sum}`;
}
