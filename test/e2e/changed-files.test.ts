import { appendFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openForReading } from '../../src/backends/local/client.ts';
import { StoreReader } from '../../src/backends/local/reader.ts';
import { filesSource } from '../../src/cli/files-source.ts';
import { findTarget } from '../../src/cli/survey.ts';
import { type ExportSource, storeSource, writeTruthJson } from '../../src/export/index.ts';
import * as w from '../support/event-writer.ts';
import { freshDirectory, mustRun, remove } from './command.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = freshDirectory();
  mkdirSync(join(folder, 'logs/run'), { recursive: true });
  path = join(folder, 'logs/run/events.out.tfevents.1');
});

afterEach(() => remove(folder));

/** One scalar at `step`, of two tags. */
function scalars(step: number, value = step): Uint8Array {
  return w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', value), w.simpleValue('acc', -value)] });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function rows(sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

interface Summary {
  readonly totals: { readonly new_points: number; readonly bytes_read: number };
  readonly incidents: readonly { readonly kind: string; readonly path: string }[];
  readonly damage: readonly unknown[];
}

async function backfill(code = 0): Promise<Summary> {
  return JSON.parse((await mustRun(['backfill', 'logs', '--json'], { cwd: folder }, code)).stdout);
}

async function textOf(source: ExportSource): Promise<string> {
  const chunks: string[] = [];
  await writeTruthJson(source, (chunk) => void chunks.push(chunk));
  return chunks.join('');
}

/** What the store says is what the files say; the listings say what the points say. */
async function expectPresent(): Promise<void> {
  const reader = new StoreReader(openForReading(join(folder, 'mirrorboard.db')), '');
  try {
    expect(await textOf(storeSource(reader, { roots: ['logs'] }))).toBe(await textOf(filesSource(await findTarget(join(folder, 'logs')))));
  } finally {
    reader.close();
  }
  const aggregated =
    rows(`SELECT run, tag, count(*) AS count, min(step) AS first_step, max(step) AS last_step, max(wall_time) AS last_wall_time,
    min(value) + 0.0 AS min, max(value) + 0.0 AS max FROM scalars GROUP BY run, tag ORDER BY run, tag`);
  expect(
    rows('SELECT run, tag, count, first_step, last_step, last_wall_time, min, max FROM tags WHERE count > 0 ORDER BY run, tag'),
  ).toEqual(aggregated);
  const runs =
    rows(`SELECT run, count(*) AS points, max(step) AS last_step, min(wall_time) AS first_wall_time, max(wall_time) AS last_wall_time
    FROM scalars GROUP BY run ORDER BY run`);
  expect(rows('SELECT run, points, last_step, first_wall_time, last_wall_time FROM runs WHERE points > 0 ORDER BY run')).toEqual(runs);
}

describe('an event file between two backfills', () => {
  it('that grew resumes at its position', async () => {
    writeFileSync(path, w.eventFile(...range(0, 10).map((step) => scalars(step))));
    await backfill();
    const more = w.frame(scalars(10));
    appendFileSync(path, more.subarray(0, 20));
    expect(await backfill()).toMatchObject({ totals: { new_points: 0 }, damage: [{ reason: 'torn', pending: true }] });
    appendFileSync(path, more.subarray(20));
    expect(await backfill()).toMatchObject({ totals: { new_points: 2, bytes_read: more.length }, damage: [] });
    await expectPresent();
  });

  it('that was only touched has no new data', async () => {
    writeFileSync(path, w.eventFile(scalars(1)));
    await backfill();
    utimesSync(path, 1, 1);
    expect(await backfill()).toMatchObject({ totals: { new_points: 0, bytes_read: 0 } });
    await expectPresent();
  });

  it('that was replaced shows its current content; its former points stay in the tables', async () => {
    writeFileSync(path, w.eventFile(...range(0, 10).map((step) => scalars(step))));
    await backfill();
    writeFileSync(path, new Uint8Array(Buffer.concat([w.versionEvent(5), ...range(20, 40).map((step) => scalars(step))].map(w.frame))));
    const summary = await backfill();
    expect(summary).toMatchObject({ totals: { new_points: 40 }, incidents: [{ kind: 'replaced', path: 'run/events.out.tfevents.1' }] });
    await expectPresent();
    expect(rows('SELECT count(*) AS n FROM scalars')).toEqual([{ n: 40 }]);
    expect(rows('SELECT count(*) AS n FROM point')).toEqual([{ n: 60 }]);
    expect(rows('SELECT generation FROM files')).toEqual([{ generation: 1 }]);
    expect(await backfill()).toMatchObject({ totals: { new_points: 0 }, incidents: [] });
  });

  it('that was cut keeps its points until other points replace them', async () => {
    const all = range(0, 10).map((step) => w.frame(scalars(step)));
    const head = w.eventFile();
    const whole = Buffer.concat([head, ...all]);
    const cut = Buffer.concat([head, ...all.slice(0, 4)]);
    writeFileSync(path, whole);
    await backfill();
    writeFileSync(path, cut);
    expect(await backfill()).toMatchObject({
      incidents: [],
      damage: [{ reason: 'cut', start: cut.length, end: whole.length, pending: true }],
    });
    expect(rows('SELECT count(*) AS n FROM scalars')).toEqual([{ n: 20 }]);
    expect(rows('SELECT reason, start FROM damage')).toEqual([{ reason: 'cut', start: cut.length }]);
    appendFileSync(path, w.frame(scalars(50)));
    expect(await backfill()).toMatchObject({ incidents: [{ kind: 'shortened' }], damage: [] });
    await expectPresent();
    expect(rows('SELECT count(*) AS n FROM scalars')).toEqual([{ n: 10 }]);
    writeFileSync(path, whole);
    await backfill();
    await expectPresent();
  });

  it('that is overwritten with the same bytes continues: nothing is stored twice', async () => {
    const whole = Buffer.from(w.eventFile(...range(0, 500).map((step) => scalars(step))));
    writeFileSync(path, whole);
    await backfill();
    for (const size of [0, 10, 40, 1000, whole.length / 2, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, size));
      expect(await backfill()).toMatchObject({ totals: { new_points: 0 }, incidents: [], damage: [{ reason: 'cut' }] });
      expect(rows('SELECT count(*) AS n FROM scalars')).toEqual([{ n: 1000 }]);
    }
    writeFileSync(path, Buffer.concat([whole.subarray(0, 9000), Buffer.alloc(whole.length - 9000)]));
    expect(await backfill()).toMatchObject({ totals: { new_points: 0 }, incidents: [], damage: [{ reason: 'cut' }] });
    writeFileSync(path, Buffer.concat([whole, w.frame(scalars(500))]));
    expect(await backfill()).toMatchObject({ totals: { new_points: 2 }, incidents: [], damage: [] });
    await expectPresent();
    expect(rows('SELECT count(*) AS n FROM point')).toEqual([{ n: 1002 }]);
    expect(rows('SELECT generation FROM files')).toEqual([{ generation: 0 }]);
  });

  it('that was emptied keeps its points, even while its new content has none, and status and verify show it', async () => {
    writeFileSync(path, w.eventFile(scalars(1)));
    await backfill();
    for (const content of ['', w.eventFile(), Buffer.alloc(5000), new Uint8Array(w.frame(w.versionEvent(7)))]) {
      writeFileSync(path, content);
      expect(await backfill()).toMatchObject({ incidents: [], damage: [{ reason: 'cut' }] });
      expect(rows('SELECT count(*) AS n FROM scalars')).toEqual([{ n: 2 }]);
    }
    const status = await mustRun(['status'], { cwd: folder });
    expect(status.stdout).toMatch(/1 file is shorter than the mirrored part; the points are kept\n {2}logs\/run\/events.out.tfevents.1: /);
    expect((await mustRun(['verify'], { cwd: folder }, 3)).stderr).toMatch(/it is shorter than its mirrored part/);
    writeFileSync(path, new Uint8Array(Buffer.concat([w.versionEvent(7), scalars(9)].map(w.frame))));
    await backfill();
    await expectPresent();
    expect(rows('SELECT step FROM scalars')).toEqual([{ step: 9 }, { step: 9 }]);
  });

  it('that is gone keeps its points', async () => {
    writeFileSync(path, w.eventFile(scalars(1)));
    writeFileSync(join(folder, 'logs/run/events.out.tfevents.2'), w.eventFile(scalars(2)));
    await backfill();
    rmSync(path);
    expect(await backfill()).toMatchObject({ totals: { new_points: 0 } });
    expect(rows('SELECT count(*) AS n FROM scalars')).toEqual([{ n: 4 }]);
  });

  it.each([
    ['data', 14],
    ['a length', 0],
    ['a checksum of data', -2],
  ])('whose %s was repaired delivers the missing points, in their place', async (_, at) => {
    const records = [w.versionEvent(), ...range(0, 10).map((step) => scalars(step))].map(w.frame);
    const whole = Buffer.concat(records);
    const start = Buffer.concat(records.slice(0, 5)).length;
    const broken = Buffer.from(whole);
    const flipped = at >= 0 ? start + at : start + records[5]!.length + at;
    broken[flipped]! ^= 1;
    writeFileSync(path, broken);
    expect(await backfill(1)).toMatchObject({ totals: { new_points: 18 }, damage: [{ start, end: start + records[5]!.length }] });
    await backfill(1);
    expect(rows("SELECT step FROM scalars WHERE tag = 'loss'").map(({ step }) => step)).toEqual(range(0, 10).filter((step) => step !== 4));
    writeFileSync(path, whole);
    expect(await backfill()).toMatchObject({ totals: { new_points: 2 }, damage: [], incidents: [] });
    await expectPresent();
    expect(rows('SELECT * FROM damage')).toEqual([]);
    expect(await backfill()).toMatchObject({ totals: { new_points: 0 } });
  });

  it('whose first record was repaired shows its writer', async () => {
    const whole = w.eventFile(scalars(1), scalars(2));
    const broken = Buffer.from(whole);
    broken[14]! ^= 1;
    writeFileSync(path, broken);
    await backfill(1);
    writeFileSync(path, whole);
    await backfill();
    await expectPresent();
    expect(rows('SELECT file_version FROM files')).toEqual([{ file_version: 'brain.Event:2' }]);
  });

  it('that was damaged after its position stays damaged until it is repaired, and then resumes', async () => {
    const whole = w.eventFile(...range(0, 10).map((step) => scalars(step)));
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(300, 0xee)]));
    await backfill(1);
    writeFileSync(path, Buffer.concat([whole, w.frame(scalars(10)), w.frame(scalars(11))]));
    expect(await backfill()).toMatchObject({ totals: { new_points: 4 }, damage: [] });
    await expectPresent();
  });
});
