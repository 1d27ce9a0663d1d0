import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle } from '../../contract/index.ts';
import { isFields } from '../../http/index.ts';

/** A tracker run, as a handle stores it; the same online and offline. */
export interface WandbRun {
  readonly id: string;
  /** Empty if the run was opened offline, and no entity was set. */
  readonly entity: string;
  readonly project: string;
  /** The start of `_runtime`, in seconds: it is a part of every row, so it never changes. */
  readonly startedAt: number;
  /** Set for a run that another program opened: its number of lines, and the lead of its own steps over them. */
  readonly joined?: { readonly lines: number; readonly stepAhead: number };
}

/** Packs a run into a handle. */
export function handleOf({ id, entity, project, startedAt, joined }: WandbRun): Handle {
  return handleText({ run: id, entity, project, started: startedAt, joined });
}

/** Unpacks a handle. Throws MB9001 if it is not a handle of this backend. */
export const readHandle = handleReader(
  'a W&B run',
  ['run', 'entity', 'project', 'started', 'joined'],
  ({ run, entity, project, started, joined }): WandbRun | undefined => {
    if (!isName(run) || typeof entity !== 'string' || typeof project !== 'string') return undefined;
    const base = { id: run, entity, project, startedAt: Number(started) };
    if (!isFields(joined)) return base;
    return { ...base, joined: { lines: Number(joined['lines']), stepAhead: Number(joined['stepAhead']) } };
  },
);
