import { formatMemory } from '../memory/index.ts';
import type { Damage } from '../model/index.ts';

/**
 * The largest size of a record and of a batch, in bytes, and the memory with which a larger record would be within it.
 */
export interface RecordLimits {
  /** The record's data in the file. */
  readonly record: number;
  /** The record's values after decoding. */
  readonly values: number;
  /** All tags of its run together. */
  readonly tags: number;
  /** The columns of a batch of a run with many tags. */
  readonly batch: number;
  readonly needsForRecord: (bytes: number) => number | undefined;
  readonly needsForValues: (bytes: number) => number | undefined;
  readonly needsForTags: (bytes: number) => number | undefined;
}

const nothing = (): undefined => undefined;

/** The limits that let every record be decoded, whatever memory it takes. */
export const NO_LIMITS: RecordLimits = {
  record: Infinity,
  values: Infinity,
  tags: Infinity,
  batch: Infinity,
  needsForRecord: nothing,
  needsForValues: nothing,
  needsForTags: nothing,
};

/** Returns why a record is not read. */
export function tooLarge(what: string, limit: number): string {
  return `${what}, the limit is ${formatMemory(limit)}`;
}

/** Extends damage over a further range; the memory that would help is the larger of both. */
export function joined({ needs: before, ...damage }: Damage, end: number, needs: number | undefined): Damage {
  const both = before === undefined || needs === undefined ? undefined : Math.max(before, needs);
  return { ...damage, end, ...(both === undefined ? {} : { needs: both }) };
}
