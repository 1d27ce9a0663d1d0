/**
 * The content of a repository that mirrorboard did not write, for a person who plans to give the repository up. Aim
 * keeps no files of runs.
 */
import { firstWords, hparamNames, lookedThrough } from '../../backend-kit/index.ts';
import type { Foreign, ForeignLook, OwnRun, ReadBackChunk } from '../../contract/index.ts';
import type { AimClient, Resource } from './client.ts';
import { type AimRun, readHandle } from './handle.ts';
import { partOf } from './map.ts';
import { withoutParams } from './params.ts';
import { OWN, tagText } from './runs.ts';
import { childOf, entriesOf, type Key, type Tree } from './tree.ts';

const HPARAMS = 'hparams';
/**
 * The facts about packages, git and the environment that Aim's SDK notes (`aim/sdk/run.py`). The list shows them as
 * one item.
 */
const SYSTEM = '__system_params';
/** Entries among the params of our runs that are not params. */
const NO_PARAMS: ReadonlySet<Key> = new Set([OWN, 'hparams_meta', HPARAMS]);

/** An access to the server that outlives a connection. */
export interface ForeignAccess {
  ask<T>(work: (client: AimClient) => Promise<T>): Promise<T>;
  /** Reads the tree `meta` of a run; undefined if there is none. */
  look<T>(run: Pick<AimRun, 'hash'>, work: (client: AimClient, meta: Resource) => Promise<T>): Promise<T | undefined>;
  /** Returns the points of a run that hold hyperparameters. */
  hparams(run: AimRun): AsyncIterable<ReadBackChunk>;
  /** The description that the lane's configuration sets for all its runs. */
  readonly description: string | undefined;
}

type Own = Omit<OwnRun, 'handle' | 'files'> & { readonly run: AimRun };

/** Lists the runs and params of a repository that mirrorboard did not write. */
export async function* foreignIn(
  access: ForeignAccess,
  own: readonly OwnRun[],
  signal: AbortSignal,
): AsyncGenerator<ForeignLook, void, void> {
  const runs = own.map(({ handle, params, tags }): Own => ({ run: readHandle(handle), params, tags }));
  const known = new Set(runs.map(({ run }) => run.hash));
  const nameOf = (hash: string): Promise<string | undefined> => access.ask((client) => client.runName(hash, signal));
  for (const hash of await access.ask((client) => client.runs(signal))) {
    if (known.has(hash)) continue;
    const name = await nameOf(hash);
    // Aim does not show a run without a row in the database: its maker died, or the run is being deleted.
    if (name === undefined || isMarked(await attrsOf(access, { hash }, signal))) continue;
    yield { kind: 'run', name: name === '' ? hash : name };
  }
  for (const each of runs) {
    const name = await nameOf(each.run.hash);
    if (name === undefined) continue;
    const place = name === '' ? each.run.hash : name;
    yield* lookedThrough(place, inRun(access, each, place, signal));
  }
}

async function* inRun(
  access: ForeignAccess,
  { run, params, tags }: Own,
  place: string,
  signal: AbortSignal,
): AsyncGenerator<Foreign, void, void> {
  const attrs = await attrsOf(access, run, signal);
  const others = entriesOf(attrs).filter(([key]) => !NO_PARAMS.has(key));
  const names = others.flatMap(([key, value]) => (key === SYSTEM ? [SYSTEM] : leavesOf(String(key), value)));
  const ofHparams = params === undefined ? [] : await hparamsOf(childOf(attrs, HPARAMS), params, () => access.hparams(run));
  for (const param of names.concat(ofHparams)) yield { kind: 'param', name: param, in: place };
  const texts = await access.ask((client) => client.runTexts(run.hash, signal));
  const ours = new Set(Object.entries(tags).map(([tag, value]) => tagText(tag, value)));
  for (const tag of texts.tags) if (!ours.has(tag)) yield { kind: 'tag', name: tag, in: place };
  const note = texts.description.trim();
  if (note !== '' && note !== access.description?.trim()) yield { kind: 'note', name: firstWords(note), in: place };
}

function attrsOf(access: ForeignAccess, run: Pick<AimRun, 'hash'>, signal: AbortSignal): Promise<Tree | undefined> {
  return access.look(run, (client, meta) => client.find(meta, 'collect', [['meta', 'chunks', run.hash, 'attrs'], true, false], signal));
}

function isMarked(attrs: Tree | undefined): boolean {
  return typeof childOf(childOf(attrs, OWN), 'key') === 'string';
}

/**
 * Returns the params below `hparams` that come from neither files nor points. Reads the points only if there are
 * params except those of files.
 */
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

/** Returns the names of the values below a name, as Aim writes them: `config.lr`. */
function leavesOf(name: string, value: Tree): readonly string[] {
  if (!(value instanceof Map)) return [name];
  return entriesOf(value as Tree).flatMap(([key, child]) => leavesOf(`${name}.${key}`, child));
}
