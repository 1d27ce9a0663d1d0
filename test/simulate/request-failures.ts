// What a request that failed means for what was sent.
import type { Outcome } from '../../src/contract/index.ts';
import { MirrorError } from '../../src/errors.ts';
import type { RequestFailed, TrackerServer } from './tracker-server.ts';

/** The outcome of a parcel whose request failed. */
export function outcomeOf(server: TrackerServer, failed: RequestFailed): Outcome {
  const error = errorOf(server, failed);
  switch (failed.kind) {
    case 'lost':
    case 'later':
      return { kind: 'retry', error, ...(failed.afterMs === undefined ? {} : { afterMs: failed.afterMs }) };
    case 'denied':
      return { kind: 'fatal', error };
    case 'refused':
    case 'tooMuch':
      return { kind: 'rejected', error };
    case 'noRun':
    case 'conflict':
      return { kind: 'runFatal', error };
    default:
      return failed.kind satisfies never;
  }
}

const CODES = {
  lost: 'MB4001',
  later: 'MB4005',
  denied: 'MB4002',
  refused: 'MB4007',
  tooMuch: 'MB4007',
  noRun: 'MB4006',
  conflict: 'MB4006',
} as const;

/** The error of a request that failed. */
export function errorOf(server: TrackerServer, failed: RequestFailed): MirrorError {
  const retry = failed.kind === 'lost' || failed.kind === 'later' ? 'later' : 'never';
  return new MirrorError(CODES[failed.kind], `${server.name}: ${failed.message}`, { retry, cause: failed });
}
