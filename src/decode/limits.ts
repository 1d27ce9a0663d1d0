import { formatMemory } from '../memory/index.ts';
import type { Damage } from '../model/index.ts';

/** How large a record may be, in bytes, and with how much memory one would be within it that is not. */
export interface RecordLimits {
  /** Its data as it is in the file. */
  readonly record: number;
  /** Its values once they are decoded. */
  readonly values: number;
  /** The tags of its run, all together. */
  readonly tags: number;
  readonly needsForRecord: (bytes: number) => number | undefined;
  readonly needsForValues: (bytes: number) => number | undefined;
  readonly needsForTags: (bytes: number) => number | undefined;
}

const nothing = (): undefined => undefined;

/** Every record is decoded, whatever memory it takes. */
export const NO_LIMITS: RecordLimits = {
  record: Infinity,
  values: Infinity,
  tags: Infinity,
  needsForRecord: nothing,
  needsForValues: nothing,
  needsForTags: nothing,
};

/** Why a record is not read, and what would help. */
export function tooLarge(what: string, limit: number): string {
  return `${what}, the limit is ${formatMemory(limit)}`;
}

/** Damage that continues: what would help is what helps all of it. */
export function joined({ needs: before, ...damage }: Damage, end: number, needs: number | undefined): Damage {
  const both = before === undefined || needs === undefined ? undefined : Math.max(before, needs);
  return { ...damage, end, ...(both === undefined ? {} : { needs: both }) };
}
