/** Compares the stored params and artifacts of a run with those that were sent. */
import { filesThatDiffer, type StoredContent } from '../../backend-kit/index.ts';
import type { ArtifactDifference, WantedArtifacts } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { cut } from './cut-text.ts';
import type { MlflowRun } from './handle.ts';
import { keyOf, tagOf } from './keys.ts';
import { paramText } from './params-and-files.ts';
import { isHeldParam, OTHER_VALUE } from './run-params.ts';
import type { StoreFacts } from './store-facts.ts';

/** Returns the files and params of a run that are missing or differ from what was stored. */
export async function compareArtifacts(
  client: MlflowClient,
  artifacts: Artifacts,
  run: MlflowRun,
  { files, params }: WantedArtifacts,
  facts: StoreFacts,
  signal: AbortSignal,
): Promise<readonly ArtifactDifference[]> {
  const differences: ArtifactDifference[] = [];
  const there = valueOrThrow(await client.run(run.runId, signal));
  if (there.isDeleted) throw new MirrorError('MB4006', `the MLflow run ${run.runId} was deleted`);
  for (const { name, value } of params) {
    const [key, held] = paramOf(name, there.params, facts);
    // If several values were sent, MLflow keeps the first one, so it may differ from this one.
    if (held !== undefined && (isHeldParam(held, paramText(value)) || there.tags.has(OTHER_VALUE + cut(key, 230)))) continue;
    differences.push({ kind: 'param', name, found: held });
  }
  const folders = new Map<string, ReadonlyMap<string, number>>();
  const { root } = run;
  const lookUp = async (path: string): Promise<StoredContent | undefined> => {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const listed = folders.get(folder) ?? valueOrThrow(await artifacts.list(run.runId, folder, signal));
    folders.set(folder, listed);
    const bytes = listed.get(path);
    const read = root === undefined ? {} : { read: async () => valueOrThrow(await artifacts.get(root, path, signal)) };
    return bytes === undefined ? undefined : { bytes, ...read };
  };
  return [...differences, ...(await filesThatDiffer(files, lookUp))];
}

/** Returns the key that its run gave a param, see `key-table.ts`, and the stored value. */
function paramOf(name: string, params: ReadonlyMap<string, string>, facts: StoreFacts): readonly [key: string, held: string | undefined] {
  const key = keyOf(name, { ...facts, isFlat: facts.isFileStore });
  const others = [key, keyOf(name), ...[...params.keys()].filter((each) => tagOf(each) === name)];
  const found = others.find((each) => params.has(each));
  return [found ?? key, found === undefined ? undefined : params.get(found)];
}
