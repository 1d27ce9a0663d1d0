import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { exitCodeOf } from '../../../src/cli/backfill.js';
import { plainStyle, renderReport, reportJson } from '../../../src/cli/terminal/index.js';
import type { LaneReport, Report, RunReport } from '../../../src/status/index.js';

const NEXT = 'mirrorboard export --format csv > metrics.csv';

function runOf(path: string, points: number, overrides: Partial<RunReport> = {}): RunReport {
  return {
    run: { root: 'logs', path },
    files: 1,
    tags: 3,
    newPoints: points === 0 ? {} : { scalars: points },
    pointsBefore: 0,
    bytes: 1000,
    lastStep: 99,
    ...overrides,
  };
}

function reportOf(runs: readonly RunReport[], overrides: Partial<Report> = {}): Report {
  const newPointsByKind: Record<string, number> = {};
  for (const run of runs) {
    for (const [kind, count] of Object.entries(run.newPoints)) newPointsByKind[kind] = (newPointsByKind[kind] ?? 0) + count;
  }
  return {
    runs,
    totals: {
      runs: runs.length,
      files: runs.length,
      filesUnchanged: 0,
      bytes: 1000 * runs.length,
      bytesRead: 1000 * runs.length,
      records: 10,
      newPoints: Object.values(newPointsByKind).reduce((sum, count) => sum + count, 0),
      newPointsByKind,
      pointsBefore: runs.reduce((sum, run) => sum + run.pointsBefore, 0),
      filesGone: 0,
    },
    damage: [],
    incidents: [],
    elapsedMs: 2000,
    interrupted: false,
    lanes: [],
    stores: [{ lane: 'local', where: '.mirrorboard/store.db', bytes: 1536 }],
    ...overrides,
  };
}

const STUCK: LaneReport = {
  name: 'mlflow',
  type: 'mlflow',
  where: 'http://127.0.0.1:5000 mirror',
  state: 'stuck',
  reason: 'POST http://127.0.0.1:5000/api/2.0/mlflow/runs/log-batch: no answer within 120 s',
  remedy: undefined,
  points: 0,
  refused: 0,
  refusedInAll: 0,
  refusedFiles: [],
  unsupportedFiles: [],
  refusal: undefined,
  unsupported: 0,
  leftOut: 0,
  pendingBytes: 123_456,
  stoppedRuns: [],
  links: [],
};

const REFUSING: LaneReport = {
  ...STUCK,
  state: 'done',
  reason: undefined,
  pendingBytes: 0,
  refusedFiles: Array.from({ length: 70 }, (_, i) => ({ run: { root: 'r', path: 'a' }, path: `${i}.pt`, reason: '413: too large' })),
};

const render = (report: Report): string => renderReport(report, { style: plainStyle, next: NEXT });

describe('the summary', () => {
  test('shows runs, kinds, rate, store and the next command', () => {
    const report = reportOf([
      runOf('.', 1200, { newPoints: { images: 5, other: 1000, scalars: 195 } }),
      runOf('b', 1, { lastStep: 2n ** 62n, pointsBefore: 7 }),
    ]);
    expect(render(report)).toBe(`Run     Tags  New points  Already there                  Last step  Files
logs       3       1,200              0                         99      1
logs/b     3           1              7  4,611,686,018,427,387,904      1

1,201 new points: scalars 196, images 5, other 1,000
7 points already there
2 runs, 2 files, 1.95 KiB; read in this pass: 10 records, 1.95 KiB

Took 2.0 s: 601 points/s, 1000 B/s
Store local: .mirrorboard/store.db (1.50 KiB)
Next: ${NEXT}
`);
  });

  test('lists the biggest thirty of many runs in the order of their names', () => {
    const runs = Array.from({ length: 40 }, (_, i) => runOf(`r${String(i).padStart(2, '0')}`, (i * 7) % 40));
    const lines = render(reportOf(runs)).split('\n');
    const listed = lines.filter((line) => line.startsWith('logs/'));
    expect(listed).toHaveLength(30);
    expect(listed).toEqual(listed.toSorted());
    expect(listed.every((line) => Number(line.split(/ +/)[2]) >= 10)).toBe(true);
    expect(lines).toContain('… and 10 more runs');
  });

  test.each([40, 60])('fits %i columns, except for long words and the suggested command', (width) => {
    const runs = [
      runOf('experiments/2024-05-01/seed-17/train', 123_456_789, { pointsBefore: 9_876_543_210, lastStep: 123_456_789 }),
      runOf('b', 1),
    ];
    const report = reportOf(runs, { lanes: [STUCK] });
    const text = renderReport(report, { style: plainStyle, next: NEXT, width });
    const lines = text.trimEnd().split('\n');
    expect(lines.slice(0, -1).filter((line) => stringWidth(line) > width && line.trim().includes(' '))).toEqual([]);
    expect(lines.at(-1)).toBe(`Next: ${NEXT}`);
    for (const fact of ['123,456,789', '9,876,543,210']) expect(text).toContain(fact);
  });

  test('names files and params that a tracker refused, and reports a problem', () => {
    const report = reportOf([], { lanes: [REFUSING] });
    expect(render(report)).toMatch(/up to date, 0 new points, 70 artifacts refused\n {2}r\/a\/0\.pt refused: 413: too large\n/);
    expect(render(report)).toMatch(/\n {2}… and \d+ more\n/);
    expect(exitCodeOf(report, false)).toBe(1);
    expect(reportJson(report)).toMatchObject({
      lanes: [{ refused_files: expect.arrayContaining([expect.objectContaining({ path: '6.pt' })]) }],
    });
  });

  test('names files that a tracker cannot store, and reports success', () => {
    const unsupportedFiles = [{ run: { root: 'r', path: 'a' }, path: 'm.pt', reason: 'the tracker keeps no files' }];
    const report = reportOf([], { lanes: [{ ...REFUSING, refusedFiles: [], unsupportedFiles }] });
    expect(render(report)).toMatch(/0 new points, 1 artifact unsupported\n {2}r\/a\/m\.pt: the tracker keeps no/);
    expect(exitCodeOf(report, false)).toBe(0);
  });

  test('reports clearly that there is no new data', () => {
    const report = reportOf([runOf('a', 0, { pointsBefore: 45_000 })]);
    const lines = render(report).split('\n');
    expect(lines).toContain('0 new points');
    expect(lines).toContain('45,000 points already there');
    expect(lines).toContain('Took 2.0 s');
    expect(render(reportOf([]))).toContain('No event files were found.');
  });

  test('shows the effect of include and exclude if no run remains', () => {
    const renderLeft = (runs: number, files: number): string => renderReport(reportOf([]), { style: plainStyle, leftOut: { runs, files } });
    expect(renderLeft(2, 3)).toContain('Nothing to mirror: include, exclude and ignore skip all 2 runs (3 files).');
    expect(renderLeft(1, 1)).toContain('skip the only run (1 file).');
    expect(renderLeft(2, 3)).not.toContain('No event files were found.');
  });

  test('counts deleted files, even if all are deleted', () => {
    const some = reportOf([runOf('a', 0, { pointsBefore: 7 })]);
    const gone = (report: Report, filesGone: number): string[] =>
      render({ ...report, totals: { ...report.totals, filesGone } }).split('\n');
    expect(gone(some, 1)).toContain('1 file mirrored earlier no longer exists; the points are kept');
    expect(gone(some, 1200)).toContain('1,200 files mirrored earlier no longer exist; the points are kept');
    expect(gone(some, 0).join()).not.toContain('no longer exist');
    expect(gone(reportOf([]), 2)).toContain('2 files mirrored earlier no longer exist; the points are kept');
    expect(gone(reportOf([]), 2)).not.toContain('No event files were found.');
  });

  test('shows after an interrupt that the data is kept', () => {
    const lines = render(reportOf([runOf('a', 1200)], { interrupted: true })).split('\n');
    expect(lines).toContain('Interrupted: the 1,200 new points above are kept; run the same command to resume.');
  });

  test('distinguishes damage from incomplete ends', () => {
    const run = { root: 'logs', path: 'a' };
    const report = reportOf([runOf('a', 1)], {
      damage: [
        { run, file: 'ev\x1b[2J', start: 1234567, end: 1234608, reason: 'data_checksum', detail: 'expected 1, found 2' },
        { run, file: 'events.1', start: 24, end: 25, reason: 'torn' },
      ],
      incidents: [{ kind: 'vanished', root: 'logs', path: 'b/events.2', reason: 'ENOENT' }],
    });
    expect(render(report)).toContain(
      [
        'Damage: 1 place, 41 B: not readable as records',
        String.raw`  logs/a/ev\x1b[2J, offset 1234567, 41 bytes: a record's data does not match its checksum (expected 1, found 2)`,
        '',
        'Waiting: 1 place, 1 B: incomplete, which is normal while a writer is running',
        "  logs/a/events.1, offset 24, 1 byte: the file's last record is incomplete",
        '',
        'Incidents:',
        '  logs/b/events.2: the file disappeared before mirrorboard could read it (ENOENT)',
        '',
      ].join('\n'),
    );
  });

  test('limits the lines about damage', () => {
    const damage = Array.from({ length: 25 }, (_, i) => ({
      run: { root: 'logs', path: 'a' },
      file: 'events.1',
      start: i * 100,
      end: i * 100 + 10,
      reason: 'length_checksum' as const,
    }));
    const text = render(reportOf([runOf('a', 1)], { damage }));
    expect(text.match(/offset/g)).toHaveLength(20);
    expect(text).toContain('  … and 5 more\n');
    expect(text).toContain('25 places, 250 B');
  });
});

describe('the summary as JSON', () => {
  test('has units in its names and can be parsed again', () => {
    const run = { root: 'logs', path: 'a' };
    const report = reportOf([runOf('a', 5, { lastStep: 2n ** 62n }), runOf('b', 0, { lastStep: null })], {
      damage: [{ run, file: 'events.1', start: 24, end: 30, reason: 'zeros' }],
    });
    expect(JSON.parse(JSON.stringify(reportJson(report)))).toEqual({
      type: 'summary',
      interrupted: false,
      elapsed_ms: 2000,
      totals: {
        ...{ runs: 2, files: 2, files_unchanged: 0, bytes: 2000, bytes_read: 2000, records: 10 },
        ...{ new_points: 5, new_points_by_kind: { scalars: 5 }, points_before: 0, files_gone: 0 },
      },
      runs: [
        {
          ...{ root: 'logs', run: 'a', files: 1, tags: 3, new_points_by_kind: { scalars: 5 }, points_before: 0, bytes: 1000 },
          last_step: '4611686018427387904',
        },
        { root: 'logs', run: 'b', files: 1, tags: 3, new_points_by_kind: {}, points_before: 0, bytes: 1000, last_step: null },
      ],
      damage: [{ root: 'logs', run: 'a', file: 'events.1', start: 24, end: 30, bytes: 6, reason: 'zeros', pending: true }],
      incidents: [],
      lanes: [],
      stores: [{ lane: 'local', where: '.mirrorboard/store.db', bytes: 1536 }],
    });
  });
});
