import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle } from '../../contract/index.ts';
import { isFields } from '../../http/index.ts';

/** A tracker run, as it is found again; the same whether it is written to online or offline. */
export interface WandbRun {
  readonly id: string;
  /** Empty if it was opened offline, and none was set. */
  readonly entity: string;
  readonly project: string;
  /** What `_runtime` counts from, seconds: a part of every row, so it stays. */
  readonly startedAt: number;
  /** Of a run that another program opened: its lines, and how far its own steps are ahead of them. */
  readonly joined?: { readonly lines: number; readonly stepAhead: number };
}

/** Packs a run into a handle. */
export function handleOf({ id, entity, project, startedAt, joined }: WandbRun): Handle {
  return handleText({ run: id, entity, project, started: startedAt, joined });
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
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
