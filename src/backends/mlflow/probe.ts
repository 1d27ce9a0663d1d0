import { MirrorError } from '../../errors.ts';
import { headerOf } from '../../http/index.ts';
import type { Probe } from '../contract.ts';
import { failureOf } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { deletedError } from './experiments.ts';
import type { MlflowSettings } from './settings.ts';

/** Clocks further apart are worth a word: times of runs are theirs. */
const SKEW_MS = 60_000;

/** A look at the server that writes nothing. Throws what stands in the way. */
export async function probeServer(
  client: MlflowClient,
  artifacts: Artifacts,
  settings: MlflowSettings,
  signal: AbortSignal,
): Promise<Probe> {
  const notes: string[] = [];
  const health = await client.raw({ method: 'GET', path: '/health', signal });
  if (health.kind === 'retry' && health.status === undefined)
    throw failureOf(health, 'looking for the tracking server', client.address).error;
  const version = await client.raw({ method: 'GET', path: '/version', signal });
  const clockSkewMs = skewOf(headerOf(version.headers, 'date'));
  // Health is answered whatever the host's name and the rights are: this is the first call that proves something.
  const search = await client.call('looking for experiments', 'POST', 'experiments/search', { max_results: 1 }, signal);
  if (search.kind !== 'ok') throw search.cause === 'missing' ? notMlflow(client.address) : search.error;
  const server = await client.serverFacts(signal);
  if (server.kind !== 'ok') throw server.error;
  if (server.value.isFileStore) {
    notes.push(
      'The server keeps its data in files (FileStore), which keep every copy of a point: what is sent again is looked up first, which is slow, and points that were under way in a crash may be there twice. "/" in names of metrics is escaped. A database (SQLite) has none of this.',
    );
  }
  if (!settings.artifacts) notes.push('Artifacts are switched off: only scalars are mirrored.');
  else if ((await artifacts.isServed(signal)) === false) {
    notes.push('The server does not serve artifacts (--no-serve-artifacts): only scalars are mirrored.');
  }
  if (clockSkewMs !== undefined && Math.abs(clockSkewMs) > SKEW_MS) {
    notes.push(`The server's clock is ${Math.round(Math.abs(clockSkewMs) / 1000)} s ${clockSkewMs > 0 ? 'ahead of' : 'behind'} ours.`);
  }
  await lookForExperiment(client, settings, notes, signal);
  const text = version.kind === 'ok' ? version.body.toString('utf8').trim() : '';
  return { address: client.address, version: /^\d[\w.+-]*$/.test(text) ? text : undefined, clockSkewMs, notes };
}

async function lookForExperiment(client: MlflowClient, settings: MlflowSettings, notes: string[], signal: AbortSignal): Promise<void> {
  const { experimentId, experimentName } = settings;
  if (experimentId === undefined && experimentName === undefined) return;
  const found =
    experimentId === undefined
      ? await client.experimentNamed(experimentName ?? '', signal)
      : await client.experimentById(experimentId, signal);
  if (found.kind === 'ok') {
    if (found.value.isDeleted && !settings.restoreDeleted) throw deletedError(found.value);
    if (experimentId !== undefined && experimentName !== undefined && found.value.name !== experimentName) {
      notes.push(`The experiment ${experimentId} is named ${found.value.name}, not ${experimentName}: the id is used.`);
    }
    return;
  }
  if (found.cause !== 'missing' && found.cause !== 'refused') throw found.error;
  if (experimentId !== undefined) {
    throw new MirrorError('MB4004', `there is no experiment with the id ${experimentId} at ${client.address}`, {
      hint: 'Correct experiment_id (MLFLOW_EXPERIMENT_ID), or give experiment_name.',
    });
  }
  notes.push(`The experiment ${experimentName} is not there yet: it will be made.`);
}

function notMlflow(address: string): MirrorError {
  return new MirrorError('MB4003', `${address} does not know MLflow's API`, {
    hint: 'Check tracking_uri: is it a tracking server, and is the path before /api right (--static-prefix)?',
  });
}

/** Headers tell seconds: half of one is what is meant on average. */
function skewOf(date: string | undefined): number | undefined {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(theirs) ? undefined : theirs + 500 - Date.now();
}
