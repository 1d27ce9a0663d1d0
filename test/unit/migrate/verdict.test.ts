import { describe, expect, it } from '@jest/globals';
import type { MigrateFlags } from '../../../src/cli/migrate-flags.ts';
import { nextOfMigration } from '../../../src/cli/migrate-next.ts';
import { type Verdict, verdictOf } from '../../../src/migrate/verdict.ts';
import type { LaneReport, Report } from '../../../src/status/index.ts';
import { NOTHING_ABSENT, type RunVerdict, type Verification } from '../../../src/verify/compare/index.ts';
import type { ForeignFindings } from '../../../src/verify/index.ts';
import { RUN_VERDICT, verification } from '../../support/verifications.ts';

const between = (run: Partial<RunVerdict> = {}, more: Partial<Verification> = {}): Verification =>
  verification(run, { lane: 'local', other: 'mlflow', uncompared: [], ...more });

function report(lane: Partial<LaneReport> = {}, more: Partial<Report> = {}): Report {
  const lanes = [
    {
      name: 'mlflow',
      state: 'done',
      pendingBytes: 0,
      stoppedRuns: [],
      refusedInAll: 0,
      refusedFiles: [],
      ...lane,
    } as unknown as LaneReport,
  ];
  return { lanes, damage: [], interrupted: false, ...more } as unknown as Report;
}

function judged(
  of: Report,
  verifications: readonly Verification[],
  accepted: readonly string[] = [],
  foreign?: Partial<ForeignFindings>,
): Verdict {
  const found = { counts: { run: 0, param: 0, file: 0, tag: 0, note: 0, model: 0 }, examples: [], obstacles: [], interrupted: false };
  return verdictOf({ from: 'local', to: 'mlflow', accepted }, of, verifications, foreign && { ...found, ...foreign });
}

function next(of: Report, verifications: readonly Verification[]): string | undefined {
  const flags: MigrateFlags = { from: 'local', to: 'mlflow' };
  const requests = [{ path: '/mnt/runs', name: 'runs' }];
  return nextOfMigration({ report: of, verifications, roots: [], requests, flags, program: 'mirrorboard' });
}

const uncompared = (why: 'elsewhere' | 'rules' | 'routes') =>
  ({ uncompared: [{ run: { root: 'other', path: 'b' }, root: '/mnt/other', points: 70, why }] }) as const;

describe('the verdict of a migration', () => {
  it('is that the old lane is no longer needed if the new one has everything', () => {
    expect(judged(report(), [verification(), between()])).toMatchObject({ exitCode: 0, reasons: [], losses: {} });
  });

  it.each(['elsewhere', 'rules', 'routes'] as const)('counts runs that were not compared (%s)', (why) => {
    const all = [verification(), between({}, uncompared(why))];
    const { exitCode, reasons, losses } = judged(report(), all);
    expect([exitCode, losses]).toEqual([1, { runs: 1 }]);
    expect(reasons).toEqual([expect.stringMatching(/^local has 1 run \(70 points: other\/b\) /)]);
    const accepted = judged(report(), all, ['runs']);
    expect([accepted.exitCode, accepted.but]).toEqual([0, '1 run (70 points: other/b) that were not compared']);
  });

  it('confirms nothing if nothing was compared', () => {
    const nothing = judged(report(), [verification({ points: 0 }), between({ points: 0 })]);
    expect([nothing.exitCode, nothing.reasons]).toEqual([3, ['nothing of local was compared, so nothing is confirmed']]);
  });

  it('names files that the new lane refused', () => {
    const [own, both] = [verification({ artifacts: { named: 3, missing: 0, changed: 0, refused: 2, unsupported: 0 } }), between()];
    expect(judged(report(), [own, both])).toMatchObject({ exitCode: 1, reasons: ['mlflow refused 2 artifacts'] });
    expect(next(report(), [own, both])).toMatch(/ verify --repair .*--lane mlflow/);
  });

  it('does not count pending or refused points as acceptable losses', () => {
    const pendingPart = { notYet: 30, absent: { ...NOTHING_ABSENT, pending: { scalars: 30 }, refused: { texts: 5 } }, refused: 5 };
    const { reasons, losses } = judged(report({ state: 'parked' }), [verification({ incompleteBytes: 900 }), between(pendingPart)]);
    expect(losses).toEqual({});
    expect(reasons).toEqual([
      'mlflow did not accept everything: parked',
      '30 points of local are pending for mlflow',
      '900 B are pending for mlflow',
    ]);
  });

  it('treats points that no file holds any more as a loss, not as a difference', () => {
    const gone = between({ missing: 5, absent: { ...NOTHING_ABSENT, gone: { scalars: 5 } } });
    const { exitCode, reasons, losses } = judged(report(), [verification(), gone]);
    expect([exitCode, losses]).toEqual([1, { scalars: 5 }]);
    expect(reasons).toEqual([expect.stringContaining('local has 5 points (scalars 5) that are not in any event file, so')]);
    expect(judged(report(), [verification(), gone], ['scalars']).exitCode).toBe(0);
  });

  it('counts series that were never in an event file as foreign, not as a difference', () => {
    const foreign = between({ missing: 2, absent: { ...NOTHING_ABSENT, foreign: { scalars: 2 } }, foreignTags: ['user/acc'] });
    const { exitCode, reasons, losses, foreignMetrics } = judged(report(), [verification(), foreign]);
    expect([exitCode, losses, foreignMetrics.length]).toEqual([1, {}, 1]);
    expect(reasons).toEqual([expect.stringMatching(/^local has 1 metric that never were in event files/), 'metric user/acc of runs/a']);
    expect(judged(report(), [verification(), foreign], ['foreign'])).toMatchObject({ exitCode: 0, but: '1 metric' });
    expect(judged(report(), [verification(), foreign], ['scalars']).exitCode).toBe(1);
  });

  it('names tags, notes and versions of models from other programs', () => {
    const counts = { run: 0, param: 0, file: 0, tag: 2, note: 1, model: 3 };
    const examples = [{ kind: 'model', name: 'Net version 1', in: 'a' }] as const;
    const { exitCode, reasons } = judged(report(), [verification(), between()], [], { counts, examples });
    expect([exitCode, reasons]).toEqual([
      1,
      [expect.stringMatching(/^local has 2 tags, 1 note and 3 model versions that never were/), 'model Net version 1 of a'],
    ]);
  });

  it('is undecided if some data could not be searched', () => {
    const obstacles = [{ what: 'local, a', reason: 'it gives folders without end' }];
    const judgedSo = judged(report(), [verification(), between()], [], { obstacles });
    expect(judgedSo).toMatchObject({ exitCode: 3, reasons: [expect.stringMatching(/^local, a could not be searched .*: it gives/)] });
    expect(judged(report(), [verification(), between()], ['foreign'], { obstacles }).exitCode).toBe(0);
    expect(judged(report(), [verification(), between()], [], { interrupted: true })).toMatchObject({
      exitCode: 130,
      reasons: [expect.stringMatching(/^interrupted before local was searched/)],
    });
  });

  it('does not wait for damaged bytes', () => {
    const damaged = verification({ pendingBytes: 41, damaged: { before: 41, behind: 0 } });
    expect(judged(report(), [damaged, between()])).toMatchObject({ exitCode: 0, reasons: [] });
  });

  it('does not blame the new lane for data that only it has', () => {
    expect(judged(report(), [verification(), between({ extra: 20 })])).toMatchObject({ exitCode: 0, reasons: [] });
  });
});

describe('the next step of a migration', () => {
  it('is the same command if the search for foreign data was interrupted', () => {
    const flags: MigrateFlags = { from: 'local', to: 'mlflow' };
    const migrated = {
      report: report(),
      verifications: [verification(), between()],
      roots: [],
      requests: [],
      flags,
      program: 'mirrorboard',
    };
    expect(nextOfMigration({ ...migrated, isInterrupted: true })).toBe('mirrorboard migrate --from local --to mlflow');
  });

  const gone = between({ missing: 5, absent: { ...NOTHING_ABSENT, gone: { scalars: 5 } } });
  const damage = [{ run: RUN_VERDICT.run, file: 'e.1', start: 0, end: 41, reason: 'checksum' }] as unknown as Report['damage'];

  it.each<[state: string, command: string | undefined, of: Report, verifications: readonly Verification[]]>([
    ['something is pending', 'migrate --from local --to mlflow', report(), [verification(), between({ notYet: 3 })]],
    ['damage', 'inspect /mnt/runs/a/e.1', report({}, { damage }), [verification(), gone]],
    ['only losses', undefined, report(), [verification(), gone]],
    ['points that can be sent again', 'verify --repair --lane mlflow', report(), [verification({ missing: 2 }), between()]],
    ['too many points', 'verify --lane mlflow --report differences.jsonl', report(), [verification({ extra: 2 }), between()]],
    [
      'other directories',
      'migrate /mnt/runs /mnt/other --from local --to mlflow',
      report(),
      [verification(), between({}, uncompared('elsewhere'))],
    ],
    ['runs that are left out', undefined, report(), [verification(), between({}, uncompared('rules'))]],
  ])('is, if there is %s, %s', (_, command, of, verifications) => {
    expect(next(of, verifications)).toBe(command === undefined ? undefined : `mirrorboard ${command}`);
  });
});
