import type { Handle } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { artifactRoot } from './artifacts.ts';
import type { RunFacts } from './client.ts';

/** A tracker run, as it is found again. */
export interface TrackedRun {
  readonly runId: string;
  readonly experimentId: string;
  /** The run's folder behind the artifact proxy; undefined where there is no way to store files. */
  readonly root: string | undefined;
}

/** The run that the server's facts describe. */
export function trackedRun({ runId, experimentId, artifactUri }: RunFacts): TrackedRun {
  return { runId, experimentId, root: artifactRoot(artifactUri) };
}

/** Packs a run into a handle. */
export function handleOf({ runId, experimentId, root }: TrackedRun): Handle {
  return JSON.stringify({ run: runId, experiment: experimentId, ...(root === undefined ? {} : { root }) }) as Handle;
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
export function readHandle(handle: Handle): TrackedRun {
  try {
    const { run, experiment, root } = JSON.parse(handle) as Record<string, unknown>;
    if (typeof run === 'string' && run !== '' && typeof experiment === 'string') {
      return { runId: run, experimentId: experiment, root: typeof root === 'string' ? root : undefined };
    }
  } catch {
    // Said below.
  }
  throw new MirrorError('MB9001', `the handle of an MLflow run is not one: ${handle.slice(0, 80)}`);
}
