import type { Backend } from './backends/contract.ts';
import type { RunRef } from './model/index.ts';

/** The local store of a configuration. */
export interface StoreOptions {
  /** The SQLite file. */
  readonly path: string;
  /** The folder of media. */
  readonly mediaPath: string;
}

/** What a run is called in a tracker. */
export interface RunNames {
  readonly name: string;
  /** Of the experiment or project. */
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A lane that leads to a tracker, with its backend made. */
export interface TrackerLaneOptions {
  readonly name: string;
  /** The backend's type. */
  readonly type: string;
  /** Where it leads, without secrets: another target begins at 0. */
  readonly target: string;
  readonly backend: Backend;
  readonly namesOf: (run: RunRef) => RunNames;
}
