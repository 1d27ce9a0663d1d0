import { describe, expect, it } from '@jest/globals';
import type { VerifyFlags } from '../../../src/cli/verify-flags.ts';
import { nextOfVerification } from '../../../src/cli/verify-next.ts';
import { type Repairs, totalsOf, type Verification } from '../../../src/verify/compare/index.ts';
import { verification } from '../../support/verifications.ts';

function next(of: Verification, flags: VerifyFlags = {}, isOnePending = true): string | undefined {
  const { lane } = of;
  return nextOfVerification(of, totalsOf(of), undefined, { roots: [], flags, program: 'mirrorboard', lane, isOnePending: isOnePending });
}

const left: Repairs = {
  gaps: 0,
  missingPoints: 0,
  refused: 0,
  distrusted: [],
  listings: 0,
  media: 0,
  artifacts: 0,
  left: [{ what: 'runs/a', reason: 'nothing is removed from a tracker' }],
};
const damaged = { damagedFiles: ['/mnt/runs/a/e.1'] };

describe('the next step after a comparison', () => {
  it.each<[state: string, command: string, of: Verification]>([
    ['points that can be sent again', 'verify --repair --lane mlflow', verification({ missing: 1, extra: 1 })],
    ['too many points in a tracker', 'verify --lane mlflow --report differences.jsonl', verification({ extra: 1 })],
    ['too many points in the store', 'verify --repair --lane local', verification({ extra: 1 }, { lane: 'local' })],
    [
      'what a repair had to leave as it is',
      'verify --lane mlflow --report differences.jsonl',
      verification({ extra: 1 }, { repairs: left }),
    ],
    ['what was put right at once', 'verify --lane mlflow', verification({ listing: 1 }, { repairs: { ...left, listings: 1 } })],
    [
      'points that are asked for again',
      'backfill /mnt/runs --to mlflow',
      verification({ refused: 2 }, { repairs: { ...left, refused: 2 } }),
    ],
    ['damage', 'inspect /mnt/runs/a/e.1', verification({ pendingBytes: 42, damaged: { before: 42, behind: 0 } }, damaged)],
    [
      'damage, and something to bring',
      'backfill /mnt/runs --to mlflow',
      verification({ pendingBytes: 42, incompleteBytes: 7, damaged: { before: 42, behind: 0 } }, damaged),
    ],
    ['one lane that is behind', 'backfill /mnt/runs --to mlflow', verification({ incompleteBytes: 7 })],
  ])('of %s is %s', (_, command, of) => {
    expect(next(of)).toBe(`mirrorboard ${command}`);
  });

  it('mirrors several lanes that are behind with one command', () => {
    expect(next(verification({ incompleteBytes: 7 }), {}, false)).toBe('mirrorboard backfill /mnt/runs');
  });

  it('is not doctor if the tracker answers but does not return some runs', () => {
    const run = { what: 'mlflow, runs/a', reason: 'it gives pages without end', isAboutRun: true } as const;
    expect(next(verification({}, { obstacles: [run] }))).toBeUndefined();
    expect(next(verification({}, { obstacles: [run, { what: 'mlflow', reason: 'nobody answers' }] }))).toBe('mirrorboard doctor /mnt/runs');
  });

  it('is empty if only manual steps remain', () => {
    expect(next(verification({ extra: 1 }), { report: 'differences.jsonl' })).toBeUndefined();
  });
});
