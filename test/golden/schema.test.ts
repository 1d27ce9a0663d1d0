import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freshDirectory, mustRun, remove, repository } from '../e2e/command.ts';
import { parseExport, type TruthText } from '../support/compare-truth.ts';
import * as w from '../support/event-writer.ts';

let folder: string;
let db: DatabaseSync;
let exported: TruthText;

beforeAll(async () => {
  folder = freshDirectory();
  await mustRun(['backfill', join(repository, 'test/logs')], { cwd: folder });
  exported = parseExport((await mustRun(['export'], { cwd: folder })).stdout);
  db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
});

afterAll(() => {
  db.close();
  remove(folder);
});

type Row = Record<string, unknown>;

/** Rows as JSON has them: integers beyond 2^53 are texts. */
function rows(sql: string, ...parameters: (string | number)[]): Row[] {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all(...parameters).map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => {
        if (typeof value !== 'bigint') return [key, value];
        return [key, Number.isSafeInteger(Number(value)) ? Number(value) : String(value)];
      }),
    ),
  );
}

/** The points of the export whose plugin is one of these, as `[run, tag, step, wall time, value]`. */
function points(...plugins: readonly string[]): [run: string, tag: string, step: unknown, wallTime: unknown, value: never][] {
  return Object.entries(exported.runs).flatMap(([run, { tags }]) =>
    Object.entries(tags).flatMap(([tag, series]) =>
      plugins.includes(series.plugin)
        ? series.points.map(([step, time, value]) => [run, tag, step, time, value as never] as [string, string, unknown, unknown, never])
        : [],
    ),
  );
}

/** A number as SQL has it: NaN is NULL, an integer beyond int64 the nearest double. */
function number(x: unknown): unknown {
  if (x === 'NaN') return null;
  if (typeof x !== 'string') return x;
  return x.includes('Infinity') || BigInt(x) > 2n ** 63n - 1n ? Number(x) : x;
}

/** Rows as texts that can be compared in any order. */
const sorted = (list: readonly (readonly unknown[])[]): string[] =>
  list.map((row) => row.map((x) => (Object.is(x, -0) ? '-0' : String(x))).join('\u0000')).sort();

describe('the views', () => {
  it('scalars: every number with its run, tag, step and wall time', () => {
    const wanted = points('scalars').filter(([, , , , value]) => typeof value !== 'object');
    const got = rows('SELECT run, tag, step, wall_time, value FROM scalars').map((row) => Object.values(row));
    expect(got.length).toBeGreaterThan(3000);
    expect(sorted(got)).toEqual(sorted(wanted.map(([run, tag, step, time, value]) => [run, tag, step, number(time), number(value)])));
  });

  it('runs: points, tags, files and times of each run', () => {
    const got = rows('SELECT run, root, points, tags, files, last_step, first_wall_time, last_wall_time FROM runs ORDER BY run');
    expect(got.map(({ run }) => run).sort()).toEqual(Object.keys(exported.runs).sort());
    for (const { run, root, points: count, tags, files, last_step, first_wall_time, last_wall_time } of got) {
      const want = exported.runs[String(run)]!;
      const all = Object.values(want.tags).flatMap((series) => series.points);
      expect([run, root, files, count]).toEqual([run, 'logs', want.files.length, all.length]);
      expect([run, tags]).toEqual([run, Object.keys(want.tags).length]);
      const steps = all.map(([step]) => BigInt(step)).sort((a, b) => (a < b ? -1 : 1));
      expect([run, last_step === null ? undefined : BigInt(last_step as string)]).toEqual([run, steps.at(-1)]);
      const times = all.map(([, time]) => Number(time)).filter((time) => !Number.isNaN(time));
      const [first, last] =
        times.length === 0 ? [null, null] : [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
      expect([run, first_wall_time, last_wall_time]).toEqual([run, first, last]);
    }
  });

  it('tags: the same as an aggregate over the points', () => {
    const aggregated = rows(`
      SELECT run, tag, count(*) AS count, min(step) AS first_step, max(step) AS last_step, max(wall_time) AS last_wall_time,
        CAST(min(value) AS REAL) + 0.0 AS min, CAST(max(value) AS REAL) + 0.0 AS max FROM (
        SELECT run, tag, step, wall_time, value FROM scalars
        UNION ALL
        SELECT run.path, tag.name, object.step, object.wall_time, NULL FROM object
          JOIN file ON file.id = object.file AND file.generation = object.generation JOIN series ON series.id = object.series
          JOIN tag ON tag.id = series.tag JOIN run ON run.id = series.run)
      GROUP BY run, tag ORDER BY run, tag`);
    const listed = rows('SELECT run, tag, count, first_step, last_step, last_wall_time, min, max FROM tags ORDER BY run, tag');
    expect(listed.length).toBeGreaterThan(400);
    expect(listed).toEqual(aggregated);
    const facts = rows('SELECT run, tag, plugin, display_name, description, data_class FROM tags');
    for (const { run, tag, plugin, display_name, description, data_class } of facts) {
      const series = exported.runs[String(run)]?.tags[String(tag)];
      expect([plugin, display_name, description, data_class]).toEqual([
        series?.plugin,
        series?.display_name ?? '',
        series?.description ?? '',
        series?.data_class,
      ]);
    }
  });

  it('histograms: the buckets, and the untouched doubles of old ones', () => {
    const got = rows('SELECT run, tag, step, num, min, max, buckets, proto FROM histograms');
    expect(got.length).toBe(points('histograms').length);
    for (const [run, tag, step, , value] of points('histograms')) {
      const { buckets, proto } = value as { buckets: number[][]; proto?: Record<string, unknown> };
      const found = got.filter((row) => row['run'] === run && row['tag'] === tag && String(row['step']) === String(step));
      expect(found.map((row) => JSON.parse(String(row['buckets'])))).toContainEqual(buckets);
      if (proto === undefined) continue;
      expect(found.map((row) => JSON.parse(String(row['proto'])))).toContainEqual(proto);
      expect(found.map((row) => [row['num'], row['min'], row['max']])).toContainEqual(
        [proto['num'], proto['min'], proto['max']].map(number),
      );
    }
  });

  it('texts: the first string, and all of them', () => {
    const wanted = points('text').map(([run, tag, step, , value]) => {
      const { strings, shape } = value as { strings: unknown[]; shape: number[] };
      return [run, tag, step, typeof strings[0] === 'string' ? strings[0] : null, JSON.stringify(strings), JSON.stringify(shape)];
    });
    const got = rows('SELECT run, tag, step, text, strings, shape FROM texts').map((row) => Object.values(row));
    expect(wanted.length).toBeGreaterThan(40);
    expect(sorted(got)).toEqual(sorted(wanted));
  });

  it('hparams: each by its name, with its value', () => {
    const wanted = points('hparams').flatMap(([run, , , , value]) => {
      const { session_start_info } = value as { session_start_info?: { hparams?: Record<string, unknown> } };
      return Object.entries(session_start_info?.hparams ?? {}).map(([name, x]) => [
        run,
        name,
        String(x),
        typeof x === 'string' && !/^(NaN|-?Infinity)$/.test(x) ? null : number(typeof x === 'boolean' ? Number(x) : x),
      ]);
    });
    const got = rows('SELECT run, name, value, number FROM hparams').map((row) => Object.values(row));
    expect(wanted.length).toBeGreaterThan(20);
    expect(sorted(got)).toEqual(sorted(wanted));
    expect(rows('SELECT count(*) AS n FROM hparam_messages')).toEqual([{ n: points('hparams').length }]);
  });

  it('tensors: the values without a view of their own, with the bytes in the media folder', () => {
    const got = rows('SELECT run, tag, plugin, dtype, shape, sha256, path FROM tensors');
    const isOther = ([, , , , value]: readonly unknown[]): boolean => typeof value === 'object' && value !== null && 'dtype' in value;
    const plugins = new Set(Object.values(exported.runs).flatMap(({ tags }) => Object.values(tags).map(({ plugin }) => plugin)));
    const wanted = points(...plugins).filter(isOther);
    expect(got.length).toBeGreaterThan(40);
    expect(sorted(got.map(({ run, tag, dtype, shape }) => [run, tag, dtype, shape]))).toEqual(
      sorted(
        wanted.map(([run, tag, , , value]) => {
          const { dtype, shape } = value as { dtype: string; shape: number[] };
          return [run, tag, dtype, JSON.stringify(shape)];
        }),
      ),
    );
    for (const { path, sha256 } of got) if (path !== null) expectFile(String(path), String(sha256));
  });

  it('media: every file exists and is complete', () => {
    const got = rows('SELECT run, tag, kind, part, bytes, sha256, path, width, height FROM media');
    for (const { path, sha256, bytes } of got) expect(expectFile(String(path), String(sha256))).toBe(bytes);
    const hashes = (list: readonly unknown[]): string[] => list.map((part) => (part as { sha256: string }).sha256);
    const images = points('images').flatMap(([run, tag, , , value]) =>
      hashes((value as { images: unknown[] }).images).map((hash, i) => [run, tag, i, hash]),
    );
    const clips = points('audio').flatMap(([run, tag, , , value]) =>
      hashes((value as { clips: unknown[] }).clips).map((hash, i) => [run, tag, i, hash]),
    );
    expect(images.length).toBeGreaterThan(100);
    const ofKind = (kind: string): unknown[][] =>
      got.filter((row) => row['kind'] === kind).map(({ run, tag, part, sha256 }) => [run, tag, part, sha256]);
    expect(sorted(ofKind('images'))).toEqual(sorted(images));
    expect(sorted(ofKind('audio'))).toEqual(sorted(clips));
  });

  it('are all readable', () => {
    const views = rows("SELECT name FROM sqlite_schema WHERE type = 'view'").map(({ name }) => String(name));
    expect(views).toEqual(
      expect.arrayContaining(['runs', 'tags', 'files', 'scalars', 'pr_curves', 'layouts', 'malformed', 'marks', 'damage']),
    );
    const empty = views.filter((view) => rows(`SELECT count(*) AS n FROM "${view}"`)[0]?.['n'] === 0);
    expect(empty.filter((view) => view !== 'damage' && view !== 'malformed')).toEqual([]);
  });
});

function expectFile(path: string, sha256: string): number {
  const data = readFileSync(join(folder, 'mirrorboard.media', path));
  expect([path, createHash('sha256').update(data).digest('hex')]).toEqual([path, sha256]);
  return data.length;
}

describe('the query plans', () => {
  function plan(sql: string): string[] {
    return db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
  }

  it.each([
    "SELECT * FROM scalars WHERE run = 'a' AND tag = 'b'",
    "SELECT * FROM scalars WHERE run = 'a' AND tag = 'b' AND step > 7",
    "SELECT step, value FROM scalars WHERE run = 'a'",
    'SELECT * FROM tags',
    "SELECT * FROM tags WHERE run = 'a'",
    'SELECT * FROM runs',
    'SELECT * FROM files',
    "SELECT * FROM media WHERE run = 'a'",
    "SELECT * FROM histograms WHERE run = 'a' AND tag = 'b'",
    "SELECT * FROM texts WHERE run = 'a' AND tag = 'b'",
  ])('scan no points: %s', (sql) => {
    const steps = plan(sql);
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter((step) => /SCAN (point|odd_point|object|segment)\b/.test(step))).toEqual([]);
  });

  it('find a series of a run by its name', () => {
    const steps = plan("SELECT * FROM scalars WHERE run = 'a' AND tag = 'b'");
    expect(steps.filter((step) => step.startsWith('SCAN'))).toEqual([]);
    expect(steps.some((step) => /SEARCH point USING INTEGER PRIMARY KEY/.test(step))).toBe(true);
  });

  it('would reveal a scan', () => {
    expect(plan('SELECT * FROM point').some((step) => /SCAN point\b/.test(step))).toBe(true);
  });
});

describe('bytes that occur in several values', () => {
  let other: string;

  beforeEach(() => {
    other = freshDirectory();
  });

  afterEach(() => remove(other));

  it('have a file under the name in their row', async () => {
    mkdirSync(join(other, 'logs'));
    const long = new Uint8Array(5000).fill(0x61);
    const graph = w.stringTensor('graph', [long], { shape: [], meta: w.metadata({ plugin: 'graphs', dataClass: 'blob' }) });
    const events = [graph, w.stringTensor('note', [long, 'b'])].map((value, step) => w.event({ wallTime: 1, step, summary: [value] }));
    writeFileSync(join(other, 'logs/events.out.tfevents.1'), w.eventFile(...events));
    await mustRun(['backfill', 'logs'], { cwd: other });
    const store = new DatabaseSync(join(other, 'mirrorboard.db'), { readOnly: true });
    try {
      const media = store.prepare('SELECT DISTINCT path, sha256, bytes FROM blob').all();
      expect(media.length).toBe(1);
      for (const { path } of media) expect(readFileSync(join(other, 'mirrorboard.media', String(path))).equals(long)).toBe(true);
    } finally {
      store.close();
    }
  });
});
