import { nameHash } from '../../backend-kit/exact-points/index.ts';
import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle } from '../../contract/index.ts';

/** The sources of a context: `train/` before a tag, the folded sub-directory, or nothing. */
export const CONTEXT_RULES = ['none', 'prefix', 'directory'] as const;
/** One of `CONTEXT_RULES`. */
export type ContextRule = (typeof CONTEXT_RULES)[number];

/** An Aim run, as a handle stores it. */
export interface AimRun {
  readonly hash: string;
  /** The number of the attempt to make a run for one key: the hash of a deleted run is never used again. */
  readonly attempt: number;
  /** The rule that turned tags into names and contexts when the run was opened. */
  readonly context: ContextRule;
  /** True if another program made the run: mirrorboard only adds points to it. */
  readonly isJoined: boolean;
}

/** Returns the hash of a run. It becomes a directory name, so it contains no text of a user. */
export function runHash(key: string, group: string, attempt: number): string {
  return nameHash(['mirrorboard', key, group, attempt], 24);
}

/** Packs a run into a handle. */
export function handleOf({ hash, attempt, context, isJoined }: AimRun): Handle {
  return handleText({ run: hash, attempt, context, joined: isJoined || undefined });
}

/** Unpacks a handle. Throws MB9001 if it is not a handle of this backend. */
export const readHandle = handleReader(
  'an Aim run',
  ['run', 'attempt', 'context', 'joined'],
  ({ run, attempt, context, joined }): AimRun | undefined =>
    isName(run) && typeof attempt === 'number' && isContextRule(context)
      ? { hash: run, attempt, context, isJoined: joined === true }
      : undefined,
);

/** True if a value of the configuration is a context rule. */
export function isContextRule(value: unknown): value is ContextRule {
  return value === 'none' || value === 'prefix' || value === 'directory';
}
