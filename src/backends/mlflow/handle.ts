import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle } from '../../contract/index.ts';
import { artifactRoot } from './artifacts.ts';
import type { MlflowRunFacts } from './client.ts';

/** The facts by which mirrorboard finds a tracker run again. */
export interface MlflowRun {
  readonly runId: string;
  readonly experimentId: string;
  /** The run's folder behind the artifact proxy; undefined if mirrorboard cannot store files. */
  readonly root: string | undefined;
}

/** Returns the run that the server's facts describe. */
export function trackedRun({ runId, experimentId, artifactUri }: MlflowRunFacts): MlflowRun {
  return { runId, experimentId, root: artifactRoot(artifactUri) };
}

/** Packs a run into a handle. */
export function handleOf({ runId, experimentId, root }: MlflowRun): Handle {
  return handleText({ run: runId, experiment: experimentId, root });
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
export const readHandle = handleReader(
  'an MLflow run',
  ['run', 'experiment', 'root'],
  ({ run, experiment, root }): MlflowRun | undefined =>
    isName(run) && typeof experiment === 'string'
      ? { runId: run, experimentId: experiment, root: typeof root === 'string' ? root : undefined }
      : undefined,
);
