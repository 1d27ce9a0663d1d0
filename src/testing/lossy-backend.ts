// Simulates a bad line between delivery and a backend that has no server of its own to fail.
import type { Backend, Outcome, TrackerParcel } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { type FaultQueue, untilAborted } from './fault.ts';

/** Returns the backend itself, whose sends fail as the queue says. */
export function lossy<Inner extends Backend>(backend: Inner, faults: FaultQueue): Inner {
  const send = backend.send.bind(backend);
  backend.send = async (parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> => {
    const fault = faults.next();
    if (fault === undefined) return send(parcels, signal);
    if (fault.kind === 'answerLost' || fault.kind === 'hangStored') await send(parcels, signal);
    if (fault.kind === 'hang' || fault.kind === 'hangStored') await untilAborted(signal);
    const error = new MirrorError('MB4001', `a bad line: ${fault.kind}`, { retry: 'later' });
    const after = fault.afterSec === undefined ? {} : { afterMs: fault.afterSec * 1000 };
    return parcels.map(() => ({ kind: 'retry', error, ...after }));
  };
  return backend;
}
