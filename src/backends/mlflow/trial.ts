/** Small writes of each kind. If a server accepts none of a kind, it is out of order and also refuses valid data. */
import type { MlflowFailure } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { DERIVED_PREFIX } from './keys.ts';
import { metricText } from './map.ts';

const FILE = 'mirrorboard/trial.txt';
/** The trial metric. Its prefix is one that `readBack` skips. */
export const TRIAL_METRIC = `${DERIVED_PREFIX}trial`;

/** Stores a file of a few bytes. */
export function tryFile(artifacts: Artifacts, root: string, signal: AbortSignal): Promise<MlflowFailure | undefined> {
  return artifacts.put(root, FILE, Buffer.from(new Date().toISOString()), signal);
}

/** Writes a point of a metric of our own. Another time makes another row, so that the database must write it. */
export async function tryMetric(client: MlflowClient, runId: string, signal: AbortSignal): Promise<MlflowFailure | undefined> {
  const reply = await client.logMetrics(runId, metricText(JSON.stringify(TRIAL_METRIC), 0, Date.now() / 1000, 1), signal);
  // A database that finds the row there is working.
  return reply.kind === 'ok' || reply.cause === 'clash' ? undefined : reply;
}

/** Writes a tag. Returns the failure if the server does not accept it. */
export async function tryTag(client: MlflowClient, runId: string, signal: AbortSignal): Promise<MlflowFailure | undefined> {
  const reply = await client.logTags(runId, [{ key: 'mirrorboard.alive', value: new Date().toISOString() }], signal);
  return reply.kind === 'ok' ? undefined : reply;
}
