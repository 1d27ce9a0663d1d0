// Verifications as a comparison gives them, for tests of their texts.
import { NO_ARTIFACTS, NO_DAMAGE, NO_MEDIA, NOTHING_ABSENT, type RunVerdict, type Verification } from '../../src/verify/compare/index.ts';

/** A run of 50 points of which nothing is to be said. */
export const RUN_VERDICT: RunVerdict = {
  run: { root: 'runs', path: 'a' },
  points: 50,
  missing: 0,
  extra: 0,
  changed: 0,
  allowed: 0,
  refused: 0,
  unsupported: 0,
  leftOut: 0,
  notYet: 0,
  losses: { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 },
  absent: NOTHING_ABSENT,
  unjudged: { gone: 0, replaced: 0, stale: 0, unreadable: 0 },
  pendingBytes: 0,
  incompleteBytes: 0,
  damaged: NO_DAMAGE,
  listing: 0,
  media: NO_MEDIA,
  artifacts: NO_ARTIFACTS,
};

/** Of one run in a tracker. */
export function verification(run: Partial<RunVerdict> = {}, more: Partial<Verification> = {}): Verification {
  return {
    lane: 'mlflow',
    where: 'http://mlflow',
    roots: ['/mnt/runs'],
    sample: undefined,
    runs: [{ ...RUN_VERDICT, ...run }],
    troubled: [],
    damagedFiles: [],
    obstacles: [],
    repairs: undefined,
    bytes: 0,
    elapsedMs: 0,
    interrupted: false,
    ...more,
  };
}
