import type { RunRef } from '../model/index.ts';

/** One event file of a run, by its name in the run's directory. */
export interface FileRef {
  readonly run: RunRef;
  readonly name: string;
}
