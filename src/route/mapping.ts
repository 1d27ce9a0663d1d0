import type { LeftOut } from './left-out.ts';
import type { Rename } from './rename.ts';

/**
 * A lane's treatment of a run, decided when its first part was sent. It is kept with the positions, and another
 * configuration does not change it.
 */
export interface RunMapping {
  /** The path of the run whose tracker run it goes into. */
  readonly target: string;
  /** The prefix of its tags there. */
  readonly prefix: string;
  /** The text before that prefix, if another program opened the tracker run. */
  readonly joinPrefix?: string;
  readonly renames: readonly Rename[];
  /**
   * The tags whose name there differs from the one that prefix and renames give, because another series has that
   * name.
   */
  readonly names: Readonly<Record<string, string>>;
  /** The parts that the lane did not get so far, by tag. */
  readonly left: Readonly<Record<string, LeftOut>>;
  /** True if the lane excludes the run. */
  readonly isOut: boolean;
}

/** Returns the mapping of a run that goes into its own tracker run, whole and under its own names. */
export function plainMapping(path: string): RunMapping {
  return { target: path, prefix: '', renames: [], names: {}, left: {}, isOut: false };
}

/** The rules for a run with replaced files: it gets a new tracker run, or the same one continues. */
export const REPLACED = ['new_run', 'same_run'] as const;
/** The rule for a tracker run when a file of its run holds other content. */
export type Replaced = (typeof REPLACED)[number];

/** The names with which a tracker run was opened: its name, its experiment and its parent do not change. */
export interface Opened {
  readonly name: string;
  readonly group: string;
  /** The number of times it was opened again, so that former tracker runs are not mistaken for it. */
  readonly epoch: number;
  /** The number of times that the former one could not be continued: its name contains it. */
  readonly rebuilt?: number;
  /** The number of times it was opened as a new one because files were replaced. */
  readonly replaced?: number;
  /** The run under whose name it was opened, as `keyOfRun`, if it belongs to another one now: the run has moved. */
  readonly openedAt?: string;
  /** The tracker's own id, if another program opened it. */
  readonly joins?: string;
  /** The files that identify it in its tracker, each with the checksum of a record. Missing: none were recorded. */
  readonly files?: readonly (readonly [file: string, checksum: number])[];
}
