import type { LeftOut } from './left-out.ts';
import type { Rename } from './rename.ts';

/**
 * How a lane treats a run, as it was decided when the first of it was sent: kept with the positions, and not changed
 * by another configuration.
 */
export interface RunMapping {
  /** Path of the run whose tracker run it goes into. */
  readonly target: string;
  /** Stands before its tags there. */
  readonly prefix: string;
  /** Goes before that, if the tracker run is one that another program opened. */
  readonly joinPrefix?: string;
  readonly renames: readonly Rename[];
  /** Tags whose name there is another one than prefix and renames make of it, since another series has that. */
  readonly names: Readonly<Record<string, string>>;
  /** By tag, what of it the lane did not get so far. */
  readonly left: Readonly<Record<string, LeftOut>>;
  /** The lane is not to have it. */
  readonly isOut: boolean;
}

/** A run that goes into its own tracker run, whole and under its own names. */
export function plainMapping(path: string): RunMapping {
  return { target: path, prefix: '', renames: [], names: {}, left: {}, isOut: false };
}

/** What happens to a run with replaced files: a new tracker run, or the same one continues. */
export const REPLACED = ['new_run', 'same_run'] as const;
/** What happens to a tracker run when a file of its run holds other content. */
export type Replaced = (typeof REPLACED)[number];

/** What a tracker run was opened as: its name, its experiment, its parent stay what they were. */
export interface Opened {
  readonly name: string;
  readonly group: string;
  /** How often it was opened again, so that the former ones are not treated as it. */
  readonly epoch: number;
  /** How often that was because the former one could not be continued: its name says so. */
  readonly rebuilt?: number;
  /** How often it was opened as a new one since files were replaced. */
  readonly replaced?: number;
  /** The tracker's own id, of one that something else opened. */
  readonly joins?: string;
  /** The files that identify it in its tracker, each with the checksum of a record. Missing: none were recorded. */
  readonly files?: readonly (readonly [file: string, checksum: number])[];
}
