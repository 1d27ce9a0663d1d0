/** Finds the end of an hparams session, with which a run itself reports that it has ended. */
import { type Batch, interpret, type Json, type Series } from '../model/index.ts';

/**
 * How a run reports the end of its session. `timed`: with a time. `untimed`: without one, as some frameworks write it
 * at the start of a training.
 */
export type SessionEnd = 'timed' | 'untimed';

/** Returns the end of a session among the points of a batch; undefined if there is none. */
export function sessionEndIn({ objects }: Pick<Batch, 'objects'>, series: readonly Pick<Series, 'plugin'>[]): SessionEnd | undefined {
  let end: SessionEnd | undefined;
  for (const point of objects) {
    if (point.form !== 'content' || series[point.series]?.plugin !== 'hparams') continue;
    const value = interpret('hparams', point);
    const info = value.kind === 'hparams' ? value.data['session_end_info'] : undefined;
    if (isObject(info) && info['status'] !== 'STATUS_RUNNING') end = info['end_time_secs'] === undefined ? 'untimed' : 'timed';
  }
  return end;
}

/** The session of a run that goes into a tracker run. */
export interface SessionSource {
  /** The end of the session, as the run's last points show it. */
  readonly sessionEnd: SessionEnd | undefined;
  /** The largest step that the run has delivered; null without points. */
  readonly lastStep: number | bigint | null;
  /** True if the run has a session at all. */
  readonly hasSession: boolean;
}

/**
 * True if the sessions of a tracker run are over. An end without a time counts only after points with a step above 0:
 * before them, nothing was trained.
 */
export function isSessionOver(sources: readonly SessionSource[]): boolean {
  const isOver = ({ sessionEnd, lastStep }: SessionSource): boolean =>
    sessionEnd === 'timed' || (sessionEnd === 'untimed' && lastStep !== null && lastStep > 0);
  return sources.some(isOver) && sources.every((source) => isOver(source) || !source.hasSession);
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
