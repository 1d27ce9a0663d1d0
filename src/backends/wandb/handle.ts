import type { Handle } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';

/** A tracker run, as it is found again; the same whether it is written to online or offline. */
export interface TrackedRun {
  readonly id: string;
  /** Empty where it was opened offline, and nobody said one. */
  readonly entity: string;
  readonly project: string;
  /** What `_runtime` counts from, seconds: a part of every row, so it stays. */
  readonly startedAt: number;
  /** Of a run that something else opened: its lines, and what its own steps are ahead of them. */
  readonly joined?: { readonly lines: number; readonly stepAhead: number };
}

/** Packs a run into a handle. */
export function handleOf({ id, entity, project, startedAt, joined }: TrackedRun): Handle {
  return JSON.stringify({ run: id, entity, project, started: startedAt, ...(joined === undefined ? {} : { joined }) }) as Handle;
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
export function readHandle(handle: Handle): TrackedRun {
  try {
    const { run, entity, project, started, joined } = JSON.parse(handle) as Record<string, unknown>;
    if (typeof run === 'string' && run !== '' && typeof entity === 'string' && typeof project === 'string') {
      const base = { id: run, entity, project, startedAt: Number(started) };
      if (typeof joined !== 'object' || joined === null) return base;
      const { lines, stepAhead } = joined as Record<string, unknown>;
      return { ...base, joined: { lines: Number(lines), stepAhead: Number(stepAhead) } };
    }
  } catch {
    // Said below.
  }
  throw new MirrorError('MB9001', `the handle of a W&B run is not one: ${handle.slice(0, 80)}`);
}
