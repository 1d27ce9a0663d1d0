/** Whether what was stored beside the points of a run is there still. */
import { fileDifference } from '../../beside/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { SideDifference, SideWanted } from '../contract.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { cut } from './cut-text.ts';
import type { TrackedRun } from './handle.ts';
import { type KeyOptions, keyOf } from './keys.ts';
import { PARAM_LENGTH } from './limits.ts';
import { OTHER_VALUE } from './run-params.ts';
import { isSameParam, paramText } from './side.ts';

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
  for (const file of files) {
    const { path } = file;
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const there = folders.get(folder) ?? valueOrThrow(await artifacts.list(run.runId, folder, signal));
    folders.set(folder, there);
    const length = there.get(path);
    const { root } = run;
    const read = root === undefined ? {} : { read: async () => valueOrThrow(await artifacts.get(root, path, signal)) };
    const difference = await fileDifference(file, length === undefined ? undefined : { bytes: length, ...read });
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}
