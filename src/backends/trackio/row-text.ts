import type { TrackioRun } from './handle.ts';

/** A row to store, its JSON parts as texts. */
export interface LogRow {
  readonly id: string;
  readonly step?: number | bigint;
  readonly metrics?: string;
  readonly config?: string;
  /** An ISO date: only an inbox keeps it. */
  readonly timestamp?: string;
}

/** Returns the text of a row of `bulk_log`, or of an inbox if it has a date. */
export function rowText({ project, run }: TrackioRun, name: string, row: LogRow): string {
  const { id, step = 0, metrics = '{}', config, timestamp } = row;
  const head = timestamp === undefined ? '' : `"v":1,"kind":"metric","timestamp":"${timestamp}",`;
  const owner = `"project":${JSON.stringify(project)},"run":${JSON.stringify(name)},"run_id":${JSON.stringify(run)}`;
  const tail = config === undefined ? '' : `,"config":${config}`;
  return `{${head}${owner},"metrics":${metrics},"step":${step},"log_id":${JSON.stringify(id)}${tail}}`;
}

/** Returns a wall time as Trackio writes one; undefined if no calendar has it. */
export function isoDate(wallTime: number | undefined): string | undefined {
  const micros = wallTime === undefined ? Number.NaN : Math.round(wallTime * 1e6);
  const date = new Date(Math.floor(micros / 1000));
  const year = date.getUTCFullYear();
  if (!Number.isSafeInteger(micros) || Number.isNaN(year) || year > 9999 || year < 1) return undefined;
  return `${date.toISOString().slice(0, -1)}${String(((micros % 1000) + 1000) % 1000).padStart(3, '0')}+00:00`;
}
