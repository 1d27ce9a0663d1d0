import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Setting } from '../../bench/bench.ts';
import { spread, times } from '../../bench/figures.ts';
import { REPORT, type ReportEntry } from '../../bench/report/entries.ts';
import { linesOf, markdownTable } from '../../bench/report/lines.ts';
import { fillPage } from '../../bench/report/pages.ts';
import { report } from '../../bench/report/report.ts';
import { markedText } from '../../support/marked-text.ts';
import { REPOSITORY } from '../../support/python-tools.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url));
const PAGE = '# Page\n\nBefore.\n\n<!-- report -->\n\nold\n\n<!-- /report -->\n\nAfter, and `<!-- report -->` once more.\n';

const setting = { pairs: 2, scale: 1, references: { versions: ['client 1.2.3'] } } as unknown as Setting;
const GOOD: ReportEntry = {
  name: 'good',
  what: 'Store',
  run: async ({ row }) => {
    const figure = spread([0.5, 0.4, 0.6]);
    row({ what: '10 points', ours: '1 s', reference: '2 s', against: 'other', multipleOf: 'time', figure, format: times });
    row({ what: '  size', ours: '3 MB', reference: '4 MB', isDetail: true });
  },
};

/** The rows of a table of Markdown without its head, as cells. */
function rowsOf(table: string): string[][] {
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

describe('the report', () => {
  it('has a line for each row, and leaves details to the long table', async () => {
    const { tables, failures } = await report([GOOD], setting, []);
    expect(failures).toBe(0);
    const first = ['Store: 10 points', '1 s', 'other: 2 s', '0.50× its time (0.40×–0.60×)'];
    expect(rowsOf(tables.report)).toEqual([first]);
    expect(rowsOf(tables['report in detail'])).toEqual([first, ['– size', '3 MB', '4 MB', '']]);
  });

  it('names the machine, its load, the versions, the date and the number of pairs', async () => {
    const { tables } = await report([GOOD], setting, []);
    const below = tables.report.split('\n').at(-1);
    expect(below).toMatch(/^Measured on \d{4}-\d\d-\d\d: \d+ cores? \(.+\), \d+ GB, .+, load \d+\.\d before\. /);
    expect(below).toContain(`Node ${process.versions.node}, mirrorboard `);
    expect(below).toContain(', client 1.2.3. A ratio is the median of 2 pairs ');
  });

  it('has a reason instead of figures if a benchmark fails, and continues with the others', async () => {
    const bad = { name: 'bad', what: 'Tracker', run: () => Promise.reject(new Error('no | server\n  at all')) };
    const { tables, failures } = await report([bad, GOOD], setting, []);
    expect(failures).toBe(1);
    expect(tables.report).toContain('| Tracker | not measured here: no \\| server at all |  |  |\n| Store: 10 points |');
  });

  it('has a reason if a reference is missing, and keeps its other figures', () => {
    const notes = ['Aim: not installed'];
    const absent = { what: 'Aim', ours: 'not measured here: Aim: not installed', reference: '', ratio: '' };
    expect(linesOf('Aim', { rows: [], notes }, false)).toEqual([absent]);
    const alone = linesOf('Decode', { rows: [{ what: 'floats', ours: '9 M/s' }], notes: ['no compiler'] }, false);
    expect(alone).toEqual([{ what: 'Decode: floats', ours: '9 M/s', reference: '', ratio: 'not compared here: no compiler' }]);
    const broken = linesOf('Decode', { rows: [{ what: 'floats', ours: '9 M/s' }], notes: [], failure: 'killed' }, false);
    expect(broken.at(-1)).toEqual({ what: '– what follows', ours: 'not measured here: killed', reference: '', ratio: '' });
  });

  it('keeps the last line of a long reason, and no folders', () => {
    const failure = `/home/me/venv/bin/pip: ${'Traceback\n'.repeat(50)}ConnectionError: refused`;
    const [line] = linesOf('X', { rows: [], notes: [], failure }, false);
    expect(line?.ours).toMatch(/^not measured here: pip: Traceback .* … .* ConnectionError: refused$/);
    expect(line?.ours.length).toBeLessThan(200);
  });

  it('shows a figure without a reference in the column of mirrorboard', () => {
    const rows = [{ what: 'processor', ours: '0.3 s', figure: spread([1.5]), format: (x: number) => `${x} %` }];
    expect(linesOf('Watch', { rows, notes: [] }, false)).toEqual([
      { what: 'Watch: processor', ours: '1.5 % (0.3 s)', reference: '', ratio: '' },
    ]);
  });
});

describe('a page of the report', () => {
  it('keeps the text outside of the marks', () => {
    const filled = fillPage(PAGE, { report: 'new', 'report in detail': 'long' });
    expect(filled).toBe(PAGE.replace('\nold\n', '\nnew\n'));
    expect(fillPage(filled, { report: 'new', 'report in detail': 'long' })).toBe(filled);
    expect(fillPage(PAGE.replaceAll('report -->', 'report in detail -->'), { report: 'new', 'report in detail': 'long' })).toContain(
      '<!-- report in detail -->\n\nlong\n\n<!-- /report in detail -->',
    );
  });

  it('without marks is refused before the first measurement', async () => {
    const path = join(temporaryFolder(), 'page.md');
    writeFileSync(path, '# Page\n');
    let isMeasured = false;
    const run = async (): Promise<void> => {
      isMeasured = true;
    };
    await expect(report([{ name: 'x', what: 'X', run }], setting, [path])).rejects.toThrow('<!-- report -->');
    expect([isMeasured, readFileSync(path, 'utf8')]).toEqual([false, '# Page\n']);
  });

  it.each([
    ['README.md', 'report'],
    ['docs/performance.md', 'report in detail'],
  ])('%s has a line for each entry of the report', (page, name) => {
    const table = markedText(readFileSync(join(REPOSITORY, page), 'utf8'), name) ?? '';
    expect(table.split('\n').slice(0, 2).join('\n')).toBe(markdownTable([], '').trim());
    const begins = rowsOf(table).map(([what = '']) => what.replaceAll('&amp;', '&'));
    expect(REPORT.filter(({ what }) => !begins.some((begin) => begin === what || begin.startsWith(`${what}: `)))).toEqual([]);
    expect(table).toMatch(/\n\nMeasured on \d{4}-\d\d-\d\d/);
  });
});

/** Less than the time of a test. */
const TIMEOUT_MS = 280_000;
// A process is measured through Python.
const hasPython = spawnSync('python3', ['--version']).status === 0;

describe('npm run bench -- --report --quick', () => {
  (hasPython ? it : it.skip)('measures small sizes, installs nothing, and writes the given page', () => {
    const folder = temporaryFolder();
    const page = join(folder, 'page.md');
    writeFileSync(page, PAGE);
    const places = ['MIRRORBOARD_SHARED', 'MIRRORBOARD_BENCH_CACHE', 'MIRRORBOARD_TEST_CACHE'].map((name) => [name, join(folder, name)]);
    const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TMPDIR: folder, ...Object.fromEntries(places) };
    const args = ['--disable-warning=ExperimentalWarning', MAIN, '--report', '--quick', '--page', page, 'decode', 'mlflow', 'aim-convert'];
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: TIMEOUT_MS });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const text = readFileSync(page, 'utf8');
    const rows = rowsOf(markedText(text, 'report') ?? '');
    expect(rows).toEqual([
      ['Decode, records a second: simple_value', expect.stringMatching(/^[\d.]+ M\/s$/), '', expect.stringMatching(/^not compared here: /)],
      ['MLflow', expect.stringMatching(/^not measured here: MLflow: /), '', ''],
      ['Aim, and its converter', expect.stringMatching(/^not measured here: Aim: /), '', ''],
    ]);
    expect([text.split('<!-- report -->')[0], text.split('<!-- /report -->')[1]]).toEqual([
      PAGE.split('<!-- report -->')[0],
      PAGE.split('<!-- /report -->')[1],
    ]);
  });
});
