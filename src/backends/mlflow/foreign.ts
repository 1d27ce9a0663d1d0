/** Content of experiments that was not mirrored into them, for a user who plans to switch a server off. */
import { firstWords, hparamNames, lookedThrough } from '../../backend-kit/index.ts';
import type { Foreign, ForeignLook, OwnRun, ReadBackChunk } from '../../contract/index.ts';
import { type AnswerFields, eachPage, FolderWalk, MOST_LISTED, PageSize, taken, valueOrThrow } from '../../http/index.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient, MlflowRunFacts } from './client.ts';
import { EXACT_FOLDER } from './exact-files.ts';
import { type MlflowRun, readHandle } from './handle.ts';
import { type KeyOptions, keyOf, tagOf } from './keys.ts';
import { RUNS_PAGE } from './limits.ts';
import { foreignVersions } from './model-versions.ts';
import { TRIAL_PARAM } from './run-params.ts';
import { KEY } from './source-tags.ts';
import { TEXT_FOLDER } from './text-tables.ts';

/** Folders of a run in which mirrorboard stores points. */
const OURS = new Set([EXACT_FOLDER, TEXT_FOLDER, 'images', 'audio', 'graph']);
/** Tag with the text that people write about a run (`MLFLOW_RUN_NOTE` in `mlflow/utils/mlflow_tags.py`). */
const NOTE = 'mlflow.note.content';
/** Tags by which mirrorboard finds a run again, and those that clients and server set by themselves. */
const OF_SYSTEM = /^(?:mlflow|mirrorboard)\./;

/** The facts by which `foreignIn` recognizes our content. */
export interface MlflowForeignOptions extends KeyOptions {
  /** Reads the points of a run that hold hyperparameters. */
  readonly hparams: (run: MlflowRunFacts, signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
}

type Own = MlflowRun & Omit<OwnRun, 'handle'>;

/** Lists the content of our experiments that no mirror wrote. */
export async function* foreignIn(
  client: MlflowClient,
  artifacts: Artifacts,
  own: readonly OwnRun[],
  options: MlflowForeignOptions,
  signal: AbortSignal,
): AsyncGenerator<ForeignLook, void, void> {
  const runs = own.map(({ handle, ...each }): Own => ({ ...each, ...readHandle(handle) }));
  const known = new Set(runs.map(({ runId }) => runId));
  for (const experiment of new Set(runs.map(({ experimentId }) => experimentId))) {
    for await (const { id, name, isOurs } of runsIn(client, experiment, signal)) {
      if (!isOurs && !known.has(id)) yield { kind: 'run', name };
    }
  }
  const names = new Map<string, string>();
  for (const run of runs) {
    const reply = await client.run(run.runId, signal);
    if (reply.kind !== 'ok' && reply.cause === 'missing') continue;
    const facts = valueOrThrow(reply);
    const place = facts.tags.get('mlflow.runName') ?? run.runId;
    names.set(run.runId, place);
    yield* lookedThrough(place, inRun(client, artifacts, { run, facts, place }, options, signal));
  }
  for await (const { name, runId } of foreignVersions(client, known, signal)) {
    yield { kind: 'model', name, in: names.get(runId) ?? runId };
  }
}

async function* inRun(
  client: MlflowClient,
  artifacts: Artifacts,
  {
    run: { runId, root, files, params, tags },
    facts,
    place,
  }: { readonly run: Own; readonly facts: MlflowRunFacts; readonly place: string },
  options: MlflowForeignOptions,
  signal: AbortSignal,
): AsyncGenerator<Foreign, void, void> {
  if (params !== undefined) {
    const names = new Set([...params, ...(await hparamNames(options.hparams(facts, signal)))]);
    const keys = new Set([...names].map((name) => keyOf(name, options)));
    for (const name of facts.params.keys())
      if (!keys.has(name) && !names.has(tagOf(name)) && !name.startsWith(TRIAL_PARAM)) yield { kind: 'param', name, in: place };
  }
  const answer = new Set(Object.keys(tags).flatMap((name) => [name, keyOf(name, options)]));
  for (const name of facts.tags.keys())
    if (!answer.has(name) && !answer.has(tagOf(name)) && !OF_SYSTEM.test(name)) yield { kind: 'tag', name, in: place };
  const note = answer.has(NOTE) ? '' : (facts.tags.get(NOTE) ?? '').trim();
  if (note !== '') yield { kind: 'note', name: firstWords(note), in: place };
  if (root === undefined) return;
  const stored = new Set(files);
  for await (const path of filesOf(client, artifacts, runId, signal)) if (!stored.has(path)) yield { kind: 'file', name: path, in: place };
}

async function* runsIn(
  client: MlflowClient,
  experiment: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly id: string; readonly name: string; readonly isOurs: boolean }, void, void> {
  const what = `listing the runs of the experiment ${experiment}`;
  const listing = { what, address: client.address, size: new PageSize(RUNS_PAGE), limits: { items: MOST_LISTED } };
  const pages = eachPage(listing, async (token, most) => {
    const input = { experiment_ids: [experiment], max_results: most, ...(token === undefined ? {} : { page_token: token }) };
    const reply = await client.call(what, 'POST', 'runs/search', input, signal);
    return taken(reply, (answer) => ({ items: answer.list('runs').map(shortFacts), next: answer.text('next_page_token', '') }));
  });
  for await (const runs of pages) yield* runs;
}

function shortFacts(run: AnswerFields): { readonly id: string; readonly name: string; readonly isOurs: boolean } {
  const info = run.object('info');
  const id = info.id('run_id');
  const isOurs = run
    .object('data')
    .list('tags')
    .some((tag) => tag.text('key', '') === KEY);
  return { id, name: info.text('run_name', '') || id, isOurs };
}

/** Lists the paths of a run's files, without the folders in which mirrorboard stores points. */
async function* filesOf(
  client: MlflowClient,
  artifacts: Artifacts,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const walk = new FolderWalk('listing the files of the run', client.address);
  for (let folder = walk.next(); folder !== undefined; folder = walk.next()) {
    const { files, folders } = valueOrThrow(await artifacts.entries(runId, folder, signal));
    yield* files.keys();
    walk.found(
      files.size,
      [...folders].filter((path) => !OURS.has(path)),
    );
  }
}
