/**
 * Small writes of each kind. If a task accepts none of a kind, the server is out of order and also refuses valid
 * data.
 */
import { asLater } from '../../backend-kit/failures/index.ts';
import type { TrialKind } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { sha256Of } from '../../model/index.ts';
import { OWN_METRIC } from './exact-files.ts';
import { contentOf } from './files.ts';
import type { EventSink } from './sink.ts';

/** Path of the trial file below the task's folder, and its key among the artifacts. */
export const TRIAL_FILE = 'mirrorboard/trial.txt';
/** Section of the trial param. */
export const TRIAL_SECTION = 'mirrorboard';

/** Returns an event whose key is not that of a point: `readBack` skips it. */
export function trialEvent(task: string): string {
  const place = { task, metric: OWN_METRIC, variant: 'trial', key: 'trial' };
  return JSON.stringify({ type: 'training_stats_scalar', ...place, iter: 0, timestamp: Date.now(), value: 1 });
}

/** Writes something small of a kind, which replaces what was written before. Throws what is wrong. */
export async function tryOut(sink: EventSink, kind: TrialKind, signal: AbortSignal): Promise<void> {
  const now = new Date().toISOString();
  try {
    if (kind === 'params') {
      const param = { section: TRIAL_SECTION, name: 'trial', value: now, type: 'str' } as const;
      throwFailure(await sink.addParams([param], signal));
      return;
    }
    if (kind === 'points') throwFailure(await sink.tryEvent(signal));
    const data = Buffer.from(now);
    const uri = await sink.put(TRIAL_FILE, contentOf(data, 'text/plain'), signal);
    if (kind === 'points') return;
    const file = { key: TRIAL_FILE, type: 'custom', uri, hash: sha256Of(data), bytes: data.length };
    const timestamp = Math.floor(Date.parse(now) / 1000);
    throwFailure(await sink.addArtifacts([{ ...file, contentType: 'text/plain', preview: now, timestamp }], signal));
  } catch (error) {
    // If even something small fails, the cause is not the sent data.
    if (!(error instanceof MirrorError) || error.code !== 'MB4005' || error.retry !== 'never') throw error;
    throw asLater(error);
  }
}

function throwFailure(reply: Awaited<ReturnType<EventSink['addParams']>>): void {
  if (reply.kind !== 'ok') throw reply.error;
}
