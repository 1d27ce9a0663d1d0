/** Something small of every kind: where a server takes none of it, it is out of order, and refuses what is sound, too. */
import { MirrorError } from '../../errors.ts';
import type { Failure } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import type { TrackedRun } from './handle.ts';
import { isAboutContent, stopOf } from './stop.ts';

const FILE = 'mirrorboard/trial.txt';

/** Stores a file of a few bytes. */
export function tryFile(artifacts: Artifacts, root: string, signal: AbortSignal): Promise<Failure | undefined> {
  return artifacts.put(root, FILE, Buffer.from(new Date().toISOString()), signal);
}

/** `metric`: one that the run holds; sent again it changes nothing. Throws what stands in the way. */
export async function tryOut(
  client: MlflowClient,
  artifacts: Artifacts,
  { runId, root }: TrackedRun,
  { hasFiles, metric }: { readonly hasFiles: boolean; readonly metric: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  const tag = await client.logTags(runId, [{ key: 'mirrorboard.alive', value: new Date().toISOString() }], signal);
  if (tag.kind !== 'ok') throw trouble(tag);
  if (metric !== undefined) {
    const again = await client.logMetrics(runId, metric, signal);
    // A database that finds the row there is at work.
    if (again.kind !== 'ok' && again.cause !== 'clash') throw trouble(again);
  }
  const failure = hasFiles && root !== undefined ? await tryFile(artifacts, root, signal) : undefined;
  if (failure !== undefined && failure.cause !== 'notServed') throw trouble(failure);
}

/** What even something small meets is no matter of what was sent. */
export function trouble(failure: Failure): MirrorError {
  if (!isAboutContent(failure)) return stopOf(failure).outcome.error;
  const { code, message, hint, context, cause } = failure.error;
  return new MirrorError(code, message, { retry: 'later', context, cause, ...(hint === undefined ? {} : { hint }) });
}
