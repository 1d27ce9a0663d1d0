/** What a repository holds that was not mirrored into it: for whoever means to give it up. It keeps no files of runs. */
import { hparamNames } from '../../backend-kit/index.ts';
import type { Foreign, OwnRun, ReadBackChunk } from '../../contract/index.ts';
import type { AimClient, Resource } from './client.ts';
import { readHandle, type TrackedRun } from './handle.ts';
import { partOf } from './map.ts';
import { withoutParams } from './params.ts';
import { OWN } from './runs.ts';
import { childOf, entriesOf, type Key, type Tree } from './tree.ts';

const HPARAMS = 'hparams';
/** What Aim's SDK notes of packages, git and the environment: one thing to whoever looks for it. */
const SYSTEM = '__system_params';
/** What stands among the params of a run of ours without being one. */
const NO_PARAMS: ReadonlySet<Key> = new Set([OWN, 'hparams_meta', HPARAMS]);

/** A way to the server that outlives a connection. */
export interface ForeignAccess {
  ask<T>(work: (client: AimClient) => Promise<T>): Promise<T>;
  /** Looks at the tree `meta` of a run; undefined where there is none. */
  look<T>(run: Pick<TrackedRun, 'hash'>, work: (client: AimClient, meta: Resource) => Promise<T>): Promise<T | undefined>;
  /** The points of a run that hold hyperparameters. */
  hparams(run: TrackedRun): AsyncIterable<ReadBackChunk>;
}

/** Lists the runs and params of a repository that no mirror wrote. */
export async function* foreignIn(access: ForeignAccess, own: readonly OwnRun[], signal: AbortSignal): AsyncGenerator<Foreign, void, void> {
  const runs = own.map(({ handle, params }) => ({ run: readHandle(handle), params }));
  const known = new Set(runs.map(({ run }) => run.hash));
  const attrsOf = (run: Pick<TrackedRun, 'hash'>): Promise<Tree | undefined> =>
    access.look(run, (client, meta) => client.find(meta, 'collect', [['meta', 'chunks', run.hash, 'attrs'], true, false], signal));
  const nameOf = (hash: string): Promise<string | undefined> => access.ask((client) => client.runName(hash, signal));
  for (const hash of await access.ask((client) => client.runs(signal))) {
    if (known.has(hash)) continue;
    const name = await nameOf(hash);
    // Without a row in the database Aim shows no run: somebody died while it was made, or deletes it just now.
    if (name === undefined || isMarked(await attrsOf({ hash }))) continue;
    yield { kind: 'run', name: name === '' ? hash : name };
  }
  for (const { run, params } of runs) {
    const name = await nameOf(run.hash);
    if (name === undefined) continue;
    const attrs = await attrsOf(run);
    const others = entriesOf(attrs).filter(([key]) => !NO_PARAMS.has(key));
    const names = others.flatMap(([key, value]) => (key === SYSTEM ? [SYSTEM] : leavesOf(String(key), value)));
    const ofHparams = params === undefined ? [] : await hparamsOf(childOf(attrs, HPARAMS), params, () => access.hparams(run));
    for (const param of names.concat(ofHparams)) yield { kind: 'param', name: param, in: name === '' ? run.hash : name };
  }
}

function isMarked(attrs: Tree | undefined): boolean {
  return typeof childOf(childOf(attrs, OWN), 'key') === 'string';
}

/** Only where there are others than those of files are the points asked which of them were in event files. */
async function hparamsOf(
  held: Tree | undefined,
  params: readonly string[],
  points: () => AsyncIterable<ReadBackChunk>,
): Promise<readonly string[]> {
  if (held !== undefined && !(held instanceof Map)) return [HPARAMS];
  const left = withoutParams(held, params);
  if (leavesOf(HPARAMS, left).length === 0) return [];
  const ofPoints = new Set([...(await hparamNames(points()))].map(partOf));
  return entriesOf(left).flatMap(([key, value]) => (ofPoints.has(String(key)) ? [] : leavesOf(`${HPARAMS}.${key}`, value)));
}

/** Names of the values below a name, as Aim writes them: `config.lr`. */
function leavesOf(name: string, value: Tree): readonly string[] {
  if (!(value instanceof Map)) return [name];
  return entriesOf(value as Tree).flatMap(([key, child]) => leavesOf(`${name}.${key}`, child));
}
