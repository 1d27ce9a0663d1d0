/** The end of an hparams session: a run says on its own that it has ended. */
import { type Batch, interpret, type Json, type Series } from '../model/index.ts';

/**
 * What a run says of the end of its session. `timed`: it says when. `untimed`: it does not, as those that some
 * frameworks write at the start of a training.
 */
export type SessionEnd = 'timed' | 'untimed';

/** The end of a session among the points of a batch; undefined if there is none. */
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

/** What a run that goes into a tracker run says of its session. */
export interface SessionSource {
  /** What its last points tell. */
  readonly sessionEnd: SessionEnd | undefined;
  /** The largest step it has delivered; null without points. */
  readonly lastStep: number | bigint | null;
  /** Whether it has a session at all. */
  readonly hasSession: boolean;
}

/**
 * True if the sessions of a tracker run are over. An end that says no time counts after points with a step above 0:
 * nothing was trained before.
 */
export function isSessionOver(sources: readonly SessionSource[]): boolean {
  const isOver = ({ sessionEnd, lastStep }: SessionSource): boolean =>
    sessionEnd === 'timed' || (sessionEnd === 'untimed' && lastStep !== null && lastStep > 0);
  return sources.some(isOver) && sources.every((source) => isOver(source) || !source.hasSession);
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
