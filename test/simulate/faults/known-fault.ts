// Faults that the service had, or nearly had: each is put back into a copy of the built code, and the simulator must
// find it.

import type { Fault, Plan } from '../plan.ts';
import type { TrackerKind } from '../tracker-traits.ts';

/** Parts of a plan. */
export interface Needs {
  readonly kinds?: readonly Fault['kind'][];
  readonly lane?: TrackerKind;
  readonly hasStore?: true;
  readonly isSiege?: true;
}

/** True if a plan has what is needed. */
export function has({ faults, lanes, hasStore, besieged }: Plan, { kinds = [], lane, ...needs }: Needs): boolean {
  return (
    kinds.every((kind) => faults.some((fault) => fault.kind === kind)) &&
    (lane === undefined || lanes.some(({ kind }) => kind === lane)) &&
    (needs.hasStore !== true || hasStore) &&
    (needs.isSiege !== true || besieged !== undefined)
  );
}

/** A change of a built module that brings a fault back. */
export interface KnownFault {
  readonly name: string;
  /** What goes wrong, in plain words. */
  readonly words: string;
  /** The module, below `src`, without its ending. */
  readonly module: string;
  /** A text of the built module, which is there once. */
  readonly from: string;
  readonly to: string;
  /** What a history must have to show it: others are passed over. Default: any history may. */
  readonly needs?: Needs;
  /** True if the text is there several times, and is changed everywhere. */
  readonly isEverywhere?: true;
}

/**
 * Returns the source of a module with a fault. Throws if the text is not there: then the fault must be put otherwise.
 */
export function withFault(source: string, { name, from, to, isEverywhere }: KnownFault): string {
  const parts = source.split(from);
  if (parts.length < 2 || (parts.length > 2 && isEverywhere !== true))
    throw new Error(`the fault ${name} does not fit: its text is there ${parts.length - 1} times`);
  return parts.join(to);
}
