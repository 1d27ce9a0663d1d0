import { createHash } from 'node:crypto';
import type { Handle } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';

/** What becomes a context: `train/` before a tag, the folded sub-directory, or nothing. */
export const CONTEXT_RULES = ['none', 'prefix', 'directory'] as const;
/** One of `CONTEXT_RULES`. */
export type ContextRule = (typeof CONTEXT_RULES)[number];

/** An Aim run, as it is found again. */
export interface TrackedRun {
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
  return createHash('sha256')
    .update(JSON.stringify(['mirrorboard', key, group, attempt]))
    .digest('hex')
    .slice(0, 24);
}

/** Packs a run into a handle. */
export function handleOf({ hash, attempt, context, isJoined }: TrackedRun): Handle {
  return JSON.stringify({ run: hash, attempt, context, ...(isJoined ? { joined: true } : {}) }) as Handle;
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
export function readHandle(handle: Handle): TrackedRun {
  try {
    const { run, attempt, context, joined } = JSON.parse(handle) as Record<string, unknown>;
    if (typeof run === 'string' && run !== '' && typeof attempt === 'number' && isContextRule(context)) {
      return { hash: run, attempt, context, isJoined: joined === true };
    }
  } catch {
    // Said below.
  }
  throw new MirrorError('MB9001', `the handle of an Aim run is not one: ${handle.slice(0, 80)}`);
}

/** Whether a value of the configuration is a context rule. */
export function isContextRule(value: unknown): value is ContextRule {
  return value === 'none' || value === 'prefix' || value === 'directory';
}
