/** The content of projects that mirrorboard did not write, for a person who plans to give Trackio up. */
import { hparamNames, lookedThrough } from '../../backend-kit/index.ts';
import type { Foreign, ForeignLook, OwnRun, ReadBackChunk } from '../../contract/index.ts';
import { type Client, sqlText } from './client.ts';
import { paramKey, readConfig } from './config.ts';
import { artifactName } from './files.ts';
import { readHandle, type TrackioRun } from './handle.ts';
import { QUERY_ROWS } from './limits.ts';

/** Names in the config of a run that are no params. */
const NO_PARAMS = new Set(['mirrorboard', '_Created']);

/** Lists the runs, params and files that other programs wrote into the projects of our runs. */
export async function* foreignIn(
  client: Client,
  hparams: (run: TrackioRun) => AsyncIterable<ReadBackChunk>,
  own: readonly OwnRun[],
  signal: AbortSignal,
): AsyncGenerator<ForeignLook, void, void> {
  const runs = own.map((each) => ({ ...each, run: readHandle(each.handle) }));
  const known = new Set(runs.map(({ run }) => `${run.project}/${run.run}`));
  for (const project of new Set(runs.map(({ run }) => run.project))) {
    const mirrored = await mirroredRuns(client, project, signal);
    for (const { id, name } of await client.runs(project, signal)) {
      if (!known.has(`${project}/${id}`) && !mirrored.has(id)) yield { kind: 'run', name };
    }
  }
  for (const each of runs) yield* lookedThrough(each.run.run, inRun(client, hparams, each, signal));
}

/** Returns the ids of all runs of a project that a mirrorboard made, ours or another one. */
async function mirroredRuns(client: Client, project: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let last = ''; ; ) {
    const query =
      "select distinct run_id from metrics where log_id > 'mirrorboard/' and log_id < 'mirrorboard0' " +
      `and run_id > ${sqlText(last)} order by run_id limit ${QUERY_ROWS}`;
    const rows = await client.query(project, query, signal);
    for (const { run_id: id } of rows) ids.add(String(id));
    if (rows.length < QUERY_ROWS) return ids;
    last = String(rows.at(-1)?.['run_id']);
  }
}

async function* inRun(
  client: Client,
  hparams: (run: TrackioRun) => AsyncIterable<ReadBackChunk>,
  { run, files, params }: OwnRun & { readonly run: TrackioRun },
  signal: AbortSignal,
): AsyncGenerator<Foreign, void, void> {
  const place = run.run;
  const others = Object.keys(await readConfig(client, run, signal)).filter((name) => !NO_PARAMS.has(name));
  if (params !== undefined && others.length > 0) {
    const ours = new Set([...params, ...(await hparamNames(hparams(run)))].map(paramKey));
    for (const name of others) if (!ours.has(name)) yield { kind: 'param', name, in: place };
  }
  const names = new Set(files.map((path) => artifactName(run, path)));
  const query =
    'select distinct a.name from artifact_versions v join artifacts a on a.id = v.artifact_id ' +
    `where v.producer_run_id = ${sqlText(run.run)} limit ${QUERY_ROWS}`;
  for (const { name } of await client.query(run.project, query, signal)) {
    if (!names.has(String(name))) yield { kind: 'file', name: String(name), in: place };
  }
}
