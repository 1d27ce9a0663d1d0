import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parquetReadObjects } from 'hyparquet';
import { parseExport } from '../support/compare-truth.ts';
import * as w from '../support/event-writer.ts';
import { corpus, freshDirectory, mustRun, remove, repository } from './command.ts';

/** Variables of the tests are none of the program's. */
const PLAIN = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' };
const ALL_LOGS = join(repository, 'test/logs');
/** What steers a terminal: control characters but the line end, and those that change the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

let folder: string;
let mirrored: string;

beforeAll(async () => {
  mirrored = freshDirectory();
  const { stdout, stderr } = await mustRun(['backfill', ALL_LOGS], { cwd: mirrored });
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(STEERING);
});

afterAll(() => remove(mirrored));

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(() => remove(folder));

describe('standard output', () => {
  it('has the data and nothing else', async () => {
    const { stdout, stderr } = await mustRun(['export'], { cwd: mirrored });
    expect(Object.keys(parseExport(stdout).runs).length).toBeGreaterThan(50);
    expect(stderr).toBe('');
    expect((await mustRun(['export', '--format', 'csv'], { cwd: mirrored })).stdout).toMatch(/^run,tag,step,wall_time,value\n/);
  });

  it.each([
    ['a backfill', ['backfill', corpus('tf2_scalars')], 0, 'summary'],
    ['a backfill with damage', ['backfill', join(repository, 'test/damaged')], 1, 'summary'],
    ['a dry run', ['backfill', '--dry-run', corpus('tf2_scalars')], 0, 'plan'],
    ['an inspection', ['inspect', corpus('tf2_media')], 0, 'inspection'],
    ['a failure', ['backfill', 'nowhere'], 2, 'error'],
    ['wrong use', ['backfill', '--frobnicate'], 2, 'error'],
  ] as const)('is one JSON document with --json: %s', async (_, args, code, type) => {
    const { stdout } = await mustRun([...args, '--json'], { cwd: folder }, code);
    expect(JSON.parse(stdout)).toMatchObject({ type });
    expect(stdout.endsWith('}\n')).toBe(true);
  });

  it('may be closed early: head is not an error', () => {
    const main = fileURLToPath(new URL('../../app/main.js', import.meta.url));
    for (const format of ['json', 'csv', 'parquet']) {
      const command = `{ "$0" --disable-warning=ExperimentalWarning "$1" export --format ${format} --kind all; echo "exit code $?" >&2; } | head -c 100`;
      const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, main], { cwd: mirrored, encoding: 'utf8', env: PLAIN });
      expect(stdout.length).toBeGreaterThan(50);
      expect(stderr).toBe('exit code 0\n');
    }
  });
});

describe('standard error', () => {
  it('is silent with -qq, and short with -q', async () => {
    expect((await mustRun(['backfill', '-qq', corpus('tf2_scalars')], { cwd: folder })).stderr).toBe('');
    const quiet = (await mustRun(['backfill', '-q', corpus('tf2_media')], { cwd: folder })).stderr;
    expect(quiet).toMatch('new points');
  });

  it('has color only if requested', async () => {
    const { stderr } = await mustRun(['backfill', '--color', 'always', join(repository, 'test/damaged')], { cwd: folder }, 1);
    expect(stderr).toMatch('\u001b[');
    expect((await mustRun(['backfill', join(repository, 'test/damaged')], { cwd: folder }, 1)).stderr).not.toMatch(STEERING);
  });
});

describe('names with control characters for a terminal', () => {
  const evil = '\u001b[31mred\u0007\r\u009b2Jcsi\u202eesrever';

  it('are harmless in all output', async () => {
    const logs = join(folder, `root${evil}`);
    mkdirSync(join(logs, `run${evil}`), { recursive: true });
    const points = [0, 1].map((step) => w.event({ wallTime: 1, step, summary: [w.simpleValue(`tag${evil}`, step), w.text(evil, evil)] }));
    const bytes = w.eventFile(...points);
    bytes[bytes.length - 3]! ^= 255;
    writeFileSync(join(logs, `run${evil}`, `events.tfevents.${evil}`), bytes);
    const said = [
      await mustRun(['backfill', logs], { cwd: folder }, 1),
      await mustRun(['inspect', logs], { cwd: folder }, 1),
      await mustRun(['backfill', '--dry-run', logs, '--store', 'other.db'], { cwd: folder }),
      await mustRun(['backfill', `missing${evil}`], { cwd: folder }, 2),
      await mustRun(['backfill', `--option${evil}`], { cwd: folder }, 2),
      await mustRun([`command${evil}`], { cwd: folder }, 2),
      await mustRun(['backfill', '--color', evil, logs], { cwd: folder }, 2),
      await mustRun(['export', '--root', evil], { cwd: folder }, 2),
      await mustRun(['export', '--kind', evil, '--format', 'csv'], { cwd: folder }, 2),
      await mustRun(['export', '--out', `out${evil}.json`], { cwd: folder }),
      await mustRun(['backfill', '--config', `config${evil}`, logs], { cwd: folder }, 2),
      await mustRun(['backfill', logs, '--store', `store${evil}.db`], { cwd: folder }, 1),
    ];
    const steering = said
      .filter(({ stdout, stderr }) => STEERING.test(stdout + stderr))
      .map(({ stdout, stderr }) => JSON.stringify(stdout + stderr));
    expect(steering).toEqual([]);
    // The data are as they were.
    const exported = parseExport((await mustRun(['export'], { cwd: folder })).stdout);
    expect(Object.keys(exported.runs)).toEqual([`run${evil}`]);
    expect(Object.keys(exported.runs[`run${evil}`]!.tags).sort()).toEqual([evil, `tag${evil}`].sort());
  });
});

describe('an export', () => {
  it('writes a file that appears when it is complete', async () => {
    const out = join(folder, 'all.json');
    const { stdout, stderr } = await mustRun(['export', '--out', out], { cwd: mirrored });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/points written to .*all\.json/);
    expect(readFileSync(out, 'utf8')).toBe((await mustRun(['export'], { cwd: mirrored })).stdout);
    expect(readdirSync(folder)).toEqual(['all.json']);
  });

  it('reports that it cannot write a file', async () => {
    const { stderr } = await mustRun(['export', '--out', join(folder, 'nowhere/all.json')], { cwd: mirrored }, 1);
    expect(stderr).toMatch('MB3009');
    expect((await mustRun(['export', '--out', folder], { cwd: mirrored }, 1)).stderr).toMatch('MB3009');
    expect(readdirSync(folder)).toEqual([]);
    expect(readdirSync(join(folder, '..')).filter((name) => name.startsWith(folder.split('/').at(-1)!))).toHaveLength(1);
  });

  it('holds the same scalars as CSV and Parquet', async () => {
    const exported = parseExport((await mustRun(['export'], { cwd: mirrored })).stdout);
    const wanted = Object.entries(exported.runs).flatMap(([run, { tags }]) =>
      Object.entries(tags).flatMap(([tag, { plugin, points }]) =>
        plugin === 'scalars'
          ? points.filter(([, , value]) => typeof value !== 'object').map(([step, time, value]) => [run, tag, step, time, value])
          : [],
      ),
    );
    expect(wanted.length).toBeGreaterThan(3000);
    const number = (x: unknown): number => (x === 'NaN' ? NaN : Number(x));

    await mustRun(['export', '--format', 'csv', '--out', join(folder, 'all.csv')], { cwd: mirrored });
    const lines = readFileSync(join(folder, 'all.csv'), 'utf8').trimEnd().split('\n').slice(1);
    const isQuoted = (name: unknown): boolean => /[",\r\n]/.test(String(name));
    const plain = wanted.filter(([run, tag]) => !isQuoted(run) && !isQuoted(tag));
    const fields = lines.filter((line) => !line.includes('"')).map((line) => line.split(','));
    expect(fields.length).toBe(plain.length);
    for (const [i, [run, tag, step, time, value]] of fields.entries()) {
      const [wantedRun, wantedTag, wantedStep, wantedTime, wantedValue] = plain[i]!;
      expect([run, tag, step, number(time), number(value)]).toEqual([
        wantedRun,
        wantedTag,
        String(wantedStep),
        number(wantedTime),
        number(wantedValue),
      ]);
    }

    await mustRun(['export', '--format', 'parquet', '--out', join(folder, 'all.parquet')], { cwd: mirrored });
    const bytes = readFileSync(join(folder, 'all.parquet'));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const rows = await parquetReadObjects({ file, compressors: { ZSTD: (data) => zstdDecompressSync(data) } });
    expect(rows.length).toBe(wanted.length);
    for (const [i, { run, tag, step, wall_time, value }] of rows.entries()) {
      const [wantedRun, wantedTag, wantedStep, wantedTime, wantedValue] = wanted[i]!;
      expect([run, tag, String(step), wall_time]).toEqual([wantedRun, wantedTag, String(wantedStep), number(wantedTime)]);
      expect(number(value)).toBe(number(wantedValue));
    }
  });

  it('contains one of several roots', async () => {
    await mustRun(['backfill', corpus('tf2_scalars'), `mine=${corpus('tf2_media')}`], { cwd: folder });
    expect((await mustRun(['export'], { cwd: folder }, 2)).stderr).toMatch(/several roots: mine, tf2_scalars/);
    const mine = (await mustRun(['export', '--root', 'mine'], { cwd: folder })).stdout;
    expect(mine).toBe((await mustRun(['inspect', '--format', 'json', corpus('tf2_media')], { cwd: folder })).stdout);
    const scalars = (await mustRun(['export', '--root', 'tf2_scalars'], { cwd: folder })).stdout;
    expect(scalars).toBe((await mustRun(['inspect', '--format', 'json', corpus('tf2_scalars')], { cwd: folder })).stdout);
  });

  it('of one event file contains the points of that file', async () => {
    const [run = ''] = readdirSync(corpus('tf2_media'));
    const { stdout } = await mustRun(['inspect', '--format', 'json', join(corpus('tf2_media'), run)], { cwd: folder });
    expect(Object.keys(parseExport(stdout).runs['.']?.tags ?? {}).length).toBeGreaterThan(5);
  });
});
