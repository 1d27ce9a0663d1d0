import { nameHash } from '../../backend-kit/exact-points/index.ts';
import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle, RunSource } from '../../contract/index.ts';
import { sqlText } from './client.ts';

/** A tracker run, as a handle stores it. */
export interface TrackioRun {
  readonly project: string;
  /** Trackio's id of the run. */
  readonly run: string;
  /** The hash of what the run is made from, and the number of the attempt: a removed run's number is not used again. */
  readonly base: string;
  readonly attempt: number;
  /** True if another program made the run: mirrorboard only adds to it. */
  readonly isJoined: boolean;
}

/** Returns the run of an attempt to make one for a source. */
export function madeRun(project: string, { key, joins }: Pick<RunSource, 'key' | 'joins'>, attempt: number): TrackioRun {
  const base = nameHash(['mirrorboard', key, joins ?? ''], 24);
  return { project, run: joins ?? `${base}-${attempt}`, base, attempt, isJoined: joins !== undefined };
}

/** Returns what the ids of a run's rows begin with, before a slash. */
export function prefixOf({ base, attempt }: Pick<TrackioRun, 'base' | 'attempt'>): string {
  return `${base}-${attempt}`;
}

/** Returns what the ids of the rows begin with that say whose run this is; without an attempt: those of all of them. */
export function factPrefix(base: string, attempt?: number): string {
  return attempt === undefined ? `mirrorboard/${base}/` : `mirrorboard/${base}/${attempt}/`;
}

/** Returns the condition of SQL for rows whose id begins with a text that ends with a slash, and is after another. */
export function idsBelow(prefix: string, after = prefix): string {
  return `log_id > ${sqlText(after)} and log_id < ${sqlText(`${prefix.slice(0, -1)}0`)}`;
}

/** Packs a run into a handle. */
export function handleOf({ isJoined, ...fields }: TrackioRun): Handle {
  return handleText({ ...fields, joined: isJoined || undefined });
}

/** Unpacks a handle. Throws MB9001 if it is not a handle of this backend. */
export const readHandle = handleReader(
  'a Trackio run',
  ['project', 'run', 'base', 'attempt', 'joined'],
  ({ project, run, base, attempt, joined }): TrackioRun | undefined =>
    isName(project) && isName(run) && isName(base) && typeof attempt === 'number'
      ? { project, run, base, attempt, isJoined: joined === true }
      : undefined,
);
