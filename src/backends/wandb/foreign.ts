/** The content of projects that mirrorboard did not write, for a person who plans to switch the service off. */
import { firstWords, hparamNames, lookedThrough } from '../../backend-kit/index.ts';
import type { BackendContext, Foreign, ForeignLook, OwnRun } from '../../contract/index.ts';
import { eachPage, MOST_LISTED, PageSize, valueOrThrow } from '../../http/index.ts';
import type { ProjectPath, ProjectRun, WandbClient } from './client.ts';
import { readHandle, type WandbRun } from './handle.ts';
import { RUNS_PAGE } from './limits.ts';
import { tagsOf } from './names.ts';
import type { OnlineRun, OnlineStorage } from './online.ts';
import { storedPath } from './params-and-files.ts';
import { readBack } from './read-back.ts';
import { isOwnKey, paramKey, RunConfig } from './run-config.ts';
import type { WandbSettings } from './settings.ts';
import type { RunStorage } from './storage.ts';

/** The folders in which mirrorboard stores points. */
const OF_POINTS = /^(?:media|mirrorboard)\//;
/** The files that the service and its clients create from a run's own data. */
const OF_SERVICE = /^(?:wandb-[^/]*|config\.yaml)$/;

/** The scope of the search. */
export interface WandbForeignOptions {
  /** The entity of runs that were opened offline without one. Empty: that of the key. */
  readonly entity: string;
  /** The tags and notes that the lane's configuration sets for all its runs. */
  readonly configured: Pick<WandbSettings, 'tags' | 'notes'>;
  readonly warn: BackendContext['warn'];
}

type InRunOptions = Omit<WandbForeignOptions, 'entity'>;

interface Own extends Omit<OwnRun, 'handle'> {
  readonly run: WandbRun;
}

/** Lists the content that mirrorboard did not write. Undefined: the server lists no runs. */
export async function foreignIn(
  client: WandbClient,
  storages: OnlineStorage,
  all: readonly OwnRun[],
  { entity, ...options }: WandbForeignOptions,
  signal: AbortSignal,
): Promise<AsyncIterable<ForeignLook> | undefined> {
  const runs = all.map(({ handle }) => readHandle(handle));
  const isHomeAsked = entity === '' && runs.some((run) => run.entity === '');
  const home = isHomeAsked ? valueOrThrow(await client.viewer(signal)).entity : entity;
  const own = all.map(({ handle: _, ...stored }, i): Own => {
    const run = runs[i] as WandbRun;
    return { ...stored, run: { ...run, entity: run.entity || home } };
  });
  const [first] = own;
  if (first !== undefined) {
    const reply = await client.runs(first.run, undefined, 1, signal);
    if (reply.kind !== 'ok' && reply.cause === 'refused') return undefined;
    valueOrThrow(reply);
  }
  return namesIn(client, storages, own, options, signal);
}

async function* namesIn(
  client: WandbClient,
  storages: OnlineStorage,
  own: readonly Own[],
  options: InRunOptions,
  signal: AbortSignal,
): AsyncGenerator<ForeignLook, void, void> {
  for (const [, [first, ...others]] of Map.groupBy(own, ({ run }) => JSON.stringify([run.entity, run.project]))) {
    if (first === undefined) continue;
    const known = new Set([first, ...others].map(({ run }) => run.id));
    for await (const { id, name, config } of runsIn(client, first.run, signal)) {
      const isOurs = known.has(id) || RunConfig.read(config).own !== undefined;
      if (!isOurs) yield { kind: 'run', name: name === '' ? id : name };
    }
  }
  for (const each of own) {
    const reply = await storages.find(each.run, signal);
    const storage = reply.kind !== 'ok' && reply.cause === 'gone' ? undefined : valueOrThrow(reply);
    if (storage === undefined) continue;
    const title = storage.facts.displayName || each.run.id;
    yield* lookedThrough(title, inRun(client, storage, each, { ...options, title }, signal));
  }
}

async function* inRun(
  client: WandbClient,
  storage: OnlineRun,
  { run, files, params, tags }: Own,
  { title, configured, warn }: InRunOptions & { readonly title: string },
  signal: AbortSignal,
): AsyncGenerator<Foreign, void, void> {
  if (params !== undefined) for (const name of await paramsOf(storage, run, params, signal)) yield { kind: 'param', name, in: title };
  const ours = new Set(tagsOf(tags, configured.tags));
  for (const name of storage.facts.tags) if (!ours.has(name)) yield { kind: 'tag', name, in: title };
  const note = configured.notes === undefined ? await notesOf(client, run, signal) : '';
  if (note !== '') yield { kind: 'note', name: firstWords(note), in: title };
  const listed = await storage.fileLengths(signal);
  if (listed.kind !== 'ok' && listed.cause === 'refused') {
    warn('mirrorboard does not check what others stored with a run', { run: run.id, reason: listed.error.message });
    return;
  }
  const stored = new Set(files.map(storedPath));
  for (const path of valueOrThrow(listed).keys()) {
    if (!stored.has(path) && !OF_POINTS.test(path) && !OF_SERVICE.test(path)) yield { kind: 'file', name: path, in: title };
  }
}

/** Returns the notes of a run. Compatible servers may not support notes. */
async function notesOf(client: WandbClient, run: WandbRun, signal: AbortSignal): Promise<string> {
  const reply = await client.notes(run, signal);
  return reply.kind !== 'ok' && reply.cause === 'refused' ? '' : valueOrThrow(reply).trim();
}

async function* runsIn(client: WandbClient, project: ProjectPath, signal: AbortSignal): AsyncGenerator<ProjectRun, void, void> {
  const listing = { what: 'listing the runs of the project', address: client.address, size: new PageSize(RUNS_PAGE) };
  const ask = (after: string | undefined, most: number) => client.runs(project, after, most, signal);
  for await (const runs of eachPage({ ...listing, limits: { items: MOST_LISTED } }, ask)) yield* runs;
}

/**
 * Returns the names in the configuration that come from neither files nor points. Reads the history for the
 * hyperparameters of points only if there are names besides those of files.
 */
async function paramsOf(
  storage: RunStorage,
  { joined }: WandbRun,
  params: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ours = new Set(params.map(paramKey));
  const others = [...storage.config.values.keys()].filter((name) => !isOwnKey(name) && !ours.has(name));
  if (others.length === 0) return others;
  const points = readBack(storage, joined?.lines ?? 0, { signal, isWanted: (tag) => tag.startsWith('_hparams_/') });
  const ofPoints = new Set([...(await hparamNames(points))].map(paramKey));
  return others.filter((name) => !ofPoints.has(name));
}
