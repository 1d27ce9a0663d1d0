import { nameHash } from '../../backend-kit/exact-points/index.ts';
import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle } from '../../contract/index.ts';

/** What becomes a context: `train/` before a tag, the folded sub-directory, or nothing. */
export const CONTEXT_RULES = ['none', 'prefix', 'directory'] as const;
/** One of `CONTEXT_RULES`. */
export type ContextRule = (typeof CONTEXT_RULES)[number];

/** An Aim run, as it is found again. */
export interface AimRun {
  readonly hash: string;
  /** Counts the runs made for one key: a hash whose run was deleted is never used again. */
  readonly attempt: number;
  /** How tags become names and contexts, as it was when the run was opened. */
  readonly context: ContextRule;
  /** Not ours: only points are added to it. */
  readonly isJoined: boolean;
}

/** It becomes a directory name, so nothing of a user's text is in it. */
export function runHash(key: string, group: string, attempt: number): string {
  return nameHash(['mirrorboard', key, group, attempt], 24);
}

/** Packs a run into a handle. */
export function handleOf({ hash, attempt, context, isJoined }: AimRun): Handle {
  return handleText({ run: hash, attempt, context, joined: isJoined || undefined });
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
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
