import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { backfill } from '../../src/sync/backfill.ts';
import { exitCodeOf, totalsOf } from '../../src/verify/compare/index.ts';
import { verifyLanes } from '../../src/verify/index.ts';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { type Ended, endAll, freshDirectory, mirrorboard, mustRun, remove, repository, start } from './command.ts';

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

interface Line {
  readonly kind: string;
  readonly run: string;
  readonly tag: string | null;
  readonly [field: string]: unknown;
}

interface Summary {
  readonly differences: number;
  readonly writer: string | null;
  readonly next: string | null;
  readonly totals: Readonly<Record<string, number>> & { readonly media: Readonly<Record<string, number>> };
  readonly files_not_compared: readonly { readonly file: string; readonly why: string; readonly reason: string }[];
  readonly could_not_judge: readonly { readonly what: string; readonly reason: string }[];
  readonly repair: Readonly<Record<string, unknown>> | null;
}

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3, 4]);

/** One record of two scalars; the value of `loss` at step 3 is -0, and step 4 has the wall time of step 5. */
function scalars(step: number): Uint8Array {
  const loss = step === 3 ? -0 : step + 0.25;
  return w.event({ wallTime: 1000 + (step === 4 ? 5 : step), step, summary: [w.simpleValue('loss', loss), w.simpleValue('acc', -step)] });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function fileOf(run: string, name = 'events.out.tfevents.1'): string {
  mkdirSync(join(folder, 'logs', run), { recursive: true });
  return join(folder, 'logs', run, name);
}

/** Two runs, one of them with media and a text. */
async function mirrored(): Promise<void> {
  writeFileSync(fileOf('a'), w.eventFile(...range(0, 20).map(scalars)));
  const media = w.event({
    wallTime: 1,
    step: 1,
    summary: [w.image('picture', { width: 2, height: 2, encoded: PNG }), w.text('note', ['hello'])],
  });
  writeFileSync(fileOf('b'), w.eventFile(...range(0, 5).map(scalars), media));
  await mustRun(['backfill', 'logs'], { cwd: folder });
}

async function verified(args: readonly string[] = [], code = 0): Promise<Summary> {
  return JSON.parse((await mustRun(['verify', '--json', ...args], { cwd: folder }, code)).stdout);
}

/** The summary and the lines of the report. */
async function reported(args: readonly string[] = [], code = 1): Promise<{ summary: Summary; lines: Line[] }> {
  const summary = await verified(['--report', 'report.jsonl', ...args], code);
  const text = readFileSync(join(folder, 'report.jsonl'), 'utf8');
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  expect(lines).toHaveLength(summary.differences);
  return { summary, lines };
}

function tamper(...statements: readonly string[]): void {
  const db = new DatabaseSync(join(folder, 'mirrorboard.db'));
  try {
    for (const sql of statements) expect(db.prepare(sql).run().changes).toBeGreaterThan(0);
  } finally {
    db.close();
  }
}

/** How long the store is, and what was written ahead of it. */
function storedBytes(): number {
  return ['mirrorboard.db', 'mirrorboard.db-wal'].reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** The row of a point. */
function point(run: string, tag: string, step: number): string {
  return `(SELECT point FROM scalars WHERE run = '${run}' AND tag = '${tag}' AND step = ${step})`;
}

/** After a repair and the backfill it asks for, nothing differs any more. */
async function expectRepaired(): Promise<Summary> {
  const { repair } = await verified(['--repair'], 1);
  await mustRun(['backfill', 'logs'], { cwd: folder });
  const after = await verified();
  expect(after).toMatchObject({ differences: 0, totals: { pending_bytes: 0, incomplete_bytes: 0 } });
  expect((await mustRun(['backfill', 'logs', '--json'], { cwd: folder })).stdout).toMatch(/"new_points":0,/);
  return { ...after, repair };
}

describe('an untouched store', () => {
  const corpora = ['test/logs', 'test/damaged'].flatMap((name) =>
    readdirSync(join(repository, name)).map((log) => [`${name}/${log}`] as const),
  );

  it.each(corpora)('holds every point of %s', async (log) => {
    const store = { path: join(folder, 'mirrorboard.db'), mediaPath: join(folder, 'mirrorboard.media') };
    const roots = [{ path: join(repository, log) }];
    const { signal } = new AbortController();
    const { totals } = await backfill({ roots, store, signal });
    const [verification] = await verifyLanes({
      roots: [],
      store,
      trackers: [],
      statePath: join(folder, 'mirrorboard.state'),
      signal,
      onDifference: (difference) => {
        throw new Error(JSON.stringify(difference));
      },
    });
    expect(exitCodeOf(verification!, false)).toBe(0);
    expect(totalsOf(verification!)).toMatchObject({ points: totals.newPoints, differences: 0 });
  });

  it('is equal after kills, and data that is not mirrored yet is pending', async () => {
    w.bigLog({ dir: join(folder, 'logs'), runs: 2, tags: 10, steps: 20_000 });
    let midway = 0;
    for (let tries = 1; midway < 2 && tries <= 20; tries++) {
      const { child, ended } = start(['backfill', 'logs'], { cwd: folder });
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      // By what was stored, not by the clock: a machine with other work takes its time.
      const least = storedBytes() + tries * 500_000;
      while (!isOver && storedBytes() < least) await sleep(1);
      child.kill('SIGKILL');
      await ended;
      const { code, stdout } = await mirrorboard(['verify', '--json'], { cwd: folder });
      // Killed before anything was in it: there is nothing to verify.
      if (code === 2) continue;
      const { differences, totals } = JSON.parse(stdout) as Summary;
      expect([code, differences]).toEqual([0, 0]);
      if (totals['points'] !== 0 && totals['incomplete_bytes'] !== 0) midway++;
      if (totals['incomplete_bytes'] !== 0) continue;
      for (const name of readdirSync(folder)) if (name !== 'logs') rmSync(join(folder, name), { recursive: true });
    }
    expect(midway).toBeGreaterThan(0);
    await mustRun(['backfill', 'logs'], { cwd: folder });
    expect(await verified(['--strict'])).toMatchObject({ differences: 0, totals: { points: 400_000, incomplete_bytes: 0 } });
  });

  it('is compared up to its positions when files have grown; new runs and incomplete ends are pending', async () => {
    await mirrored();
    const more = w.frame(scalars(20));
    appendFileSync(fileOf('a'), more);
    appendFileSync(fileOf('b'), more.subarray(0, 10));
    writeFileSync(fileOf('c'), w.eventFile(scalars(1)));
    const pending = more.length + 10 + readFileSync(fileOf('c')).length;
    expect(await verified()).toMatchObject({ differences: 0, totals: { points: 52, incomplete_bytes: pending } });
    expect((await verified(['--strict'], 1)).next).toMatch(/ backfill /);
  });

  it('ignores damage, which is pending', async () => {
    const bytes = w.eventFile(...range(0, 20).map(scalars));
    const record = w.frame(scalars(1)).length;
    const damaged = Buffer.from(bytes);
    damaged[bytes.length - 3 * record + 20]! ^= 1;
    writeFileSync(fileOf('a'), damaged);
    await mustRun(['backfill', 'logs'], { cwd: folder }, 1);
    expect(await verified()).toMatchObject({ differences: 0, totals: { points: 38, pending_bytes: record } });
    await verified(['--strict'], 1);
    // Whole again, but not mirrored yet: still pending.
    writeFileSync(fileOf('a'), bytes);
    expect(await verified()).toMatchObject({ differences: 0, totals: { points: 38, pending_bytes: record } });
    await mustRun(['backfill', 'logs'], { cwd: folder });
    expect(await verified(['--strict'])).toMatchObject({ differences: 0, totals: { points: 40, pending_bytes: 0 } });
  });
});

describe('a difference is found and named', () => {
  beforeEach(mirrored);

  it('when a row was deleted', async () => {
    tamper(`DELETE FROM point WHERE id = ${point('a', 'loss', 7)}`);
    const { lines, summary } = await reported();
    expect(lines.filter(({ kind }) => kind !== 'listing')).toEqual([
      expect.objectContaining({
        kind: 'missing',
        lane: 'local',
        root: 'logs',
        run: 'a',
        tag: 'loss',
        step: 7,
        wall_time: 1007,
        file: 'events.out.tfevents.1',
        index: 0,
        mine: 7.25,
        theirs: null,
      }),
    ]);
    expect(lines.filter(({ kind }) => kind === 'listing').map(({ tag, field, mine, theirs }) => [tag, field, mine, theirs])).toEqual([
      ['loss', 'count', 19, 20],
      [null, 'points', 39, 40],
    ]);
    expect(summary.next).toMatch(/ verify --repair$/);
    expect(summary.totals).toMatchObject({ points: 52, equal: 51, missing: 1, extra: 0, changed: 0, listing: 2 });
    expect((await expectRepaired()).repair).toMatchObject({ gaps: 1, missing_points: 1, files_to_resend: [] });
  });

  it('when one bit of a value changed', async () => {
    const db = new DatabaseSync(join(folder, 'mirrorboard.db'));
    db.prepare(`UPDATE point SET value = ? WHERE id = ${point('a', 'loss', 7)}`).run(7.25 + 2 ** -50);
    db.close();
    const { lines } = await reported();
    expect(lines).toEqual([
      expect.objectContaining({ kind: 'changed', run: 'a', tag: 'loss', step: 7, mine: 7.25, theirs: 7.25 + 2 ** -50 }),
    ]);
    expect((await expectRepaired()).repair).toMatchObject({ gaps: 0, files_to_resend: [{ run: 'a', file: 'events.out.tfevents.1' }] });
  });

  it('when -0 became 0', async () => {
    tamper(`DELETE FROM odd_point WHERE id = ${point('a', 'loss', 3)}`);
    const { lines } = await reported();
    expect(lines).toEqual([expect.objectContaining({ kind: 'changed', step: 3, mine: -0, theirs: 0 })]);
    await expectRepaired();
  });

  it('when a step changed', async () => {
    tamper(`UPDATE point SET step = 8 WHERE id = ${point('b', 'acc', 2)}`);
    const { lines } = await reported();
    expect(lines.filter(({ kind }) => kind !== 'listing')).toEqual([
      expect.objectContaining({ kind: 'changed', run: 'b', tag: 'acc', step: 2, their_step: 8, mine: -2, theirs: -2 }),
    ]);
    await expectRepaired();
  });

  it('when a wall time changed', async () => {
    tamper(`UPDATE point SET wall_time = 1e9 WHERE id = ${point('b', 'acc', 2)}`);
    const { lines } = await reported();
    expect(lines).toEqual([expect.objectContaining({ kind: 'changed', step: 2, wall_time: 1002, their_wall_time: 1e9 })]);
    await expectRepaired();
  });

  it('when rows were doubled', async () => {
    tamper(
      `INSERT INTO point (step, wall_time, value) SELECT step, wall_time, value FROM point WHERE id IN (SELECT point FROM scalars WHERE run = 'b' AND tag = 'loss')`,
      `INSERT INTO segment SELECT series, (SELECT max(id) - 4 FROM point), (SELECT max(id) FROM point), file, generation, first_offset, last_offset, places, buckets
         FROM segment WHERE first_point = ${point('b', 'loss', 0)}`,
    );
    const { lines } = await reported();
    expect(lines.filter(({ kind }) => kind === 'extra').map(({ run, tag, step }) => [run, tag, step])).toEqual(
      range(0, 5).map((step) => ['b', 'loss', step]),
    );
    expect(lines.every(({ kind }) => kind === 'extra' || kind === 'listing')).toBe(true);
    await expectRepaired();
  });

  it('when a text changed', async () => {
    tamper(`UPDATE object SET data = replace(data, 'hello', 'hallo') WHERE kind = 'text'`);
    const { lines } = await reported();
    expect(lines).toEqual([expect.objectContaining({ kind: 'changed', run: 'b', tag: expect.stringContaining('note'), step: 1 })]);
    expect(lines[0]?.['theirs']).toContain('hallo');
    await expectRepaired();
  });

  it('when a whole segment is lost', async () => {
    tamper(`DELETE FROM segment WHERE first_point = ${point('a', 'acc', 0)}`);
    const { summary } = await reported();
    expect(summary.totals).toMatchObject({ missing: 20, extra: 0, changed: 0 });
    // One stretch: nothing of the tag lies between its points.
    expect((await expectRepaired()).repair).toMatchObject({ gaps: 1, missing_points: 20, files_to_resend: [] });
  });

  it('when every segment of interleaved series is lost and their pending ranges overlap', async () => {
    w.bigLog({ dir: join(folder, 'logs/c'), runs: 1, tags: 3, steps: 500 });
    await mustRun(['backfill', 'logs'], { cwd: folder });
    tamper(`DELETE FROM segment WHERE series IN (SELECT series.id FROM series JOIN run ON run.id = run WHERE path LIKE 'c/%')`);
    const { summary } = await reported();
    expect(summary.totals).toMatchObject({ missing: 1500, extra: 0, changed: 0 });
    expect((await expectRepaired()).repair).toMatchObject({ gaps: 3, missing_points: 1500, files_to_resend: [] });
  });

  it('when a listing is wrong', async () => {
    tamper(
      `UPDATE series SET max = 99 WHERE tag = (SELECT id FROM tag WHERE name = 'loss') AND run = (SELECT id FROM run WHERE path = 'a')`,
    );
    const { lines } = await reported();
    expect(lines).toEqual([{ kind: 'listing', lane: 'local', root: 'logs', run: 'a', tag: 'loss', field: 'max', mine: 19.25, theirs: 99 }]);
    await verified(['--repair'], 1);
    await verified();
  });

  it('when the last value in a listing is wrong', async () => {
    tamper(
      `UPDATE series SET end_value = 99 WHERE tag = (SELECT id FROM tag WHERE name = 'loss') AND run = (SELECT id FROM run WHERE path = 'a')`,
    );
    const { lines } = await reported();
    expect(lines).toEqual([expect.objectContaining({ kind: 'listing', run: 'a', tag: 'loss', field: 'last', theirs: 99 })]);
    await verified(['--repair'], 1);
    await verified();
  });

  it('when a media file is deleted, or has another byte', async () => {
    const [path] = readdirSync(join(folder, 'mirrorboard.media'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.png'),
    );
    const file = join(folder, 'mirrorboard.media', path ?? '');
    expect((await verified()).totals.media).toEqual({ named: 1, missing: 0, changed: 0 });
    writeFileSync(file, PNG.with(7, 9));
    const { lines, summary } = await reported();
    expect(lines).toEqual([expect.objectContaining({ kind: 'media', run: 'b', tag: 'picture', path, mine: path?.slice(3, 67) })]);
    expect(lines[0]?.['theirs']).toMatch(/^[0-9a-f]{64}$/);
    expect(summary.totals.media).toEqual({ named: 1, missing: 0, changed: 1 });
    await verified(['--repair'], 1);
    expect(new Uint8Array(readFileSync(file))).toEqual(PNG);
    rmSync(file);
    expect((await reported()).lines).toEqual([expect.objectContaining({ kind: 'media', theirs: null })]);
    await verified(['--repair'], 1);
    await verified();
  });

  it('when there are several at once in one file', async () => {
    tamper(
      `DELETE FROM point WHERE id = ${point('a', 'loss', 2)}`,
      `DELETE FROM point WHERE id = ${point('a', 'loss', 9)}`,
      `DELETE FROM point WHERE id = ${point('a', 'acc', 9)}`,
      `UPDATE point SET value = 1 WHERE id = ${point('b', 'acc', 2)}`,
    );
    const { summary } = await reported();
    expect(summary.totals).toMatchObject({ missing: 3, extra: 0, changed: 1 });
    expect((await expectRepaired()).repair).toMatchObject({ gaps: 2, files_to_resend: [{ run: 'b' }] });
  });
});

describe('an obstacle for verify', () => {
  beforeEach(mirrored);

  it('is a missing root', async () => {
    renameSync(join(folder, 'logs'), join(folder, 'moved'));
    expect(await verified([], 3)).toMatchObject({
      could_not_judge: [{ what: join(folder, 'logs'), reason: 'the directory does not exist any more' }],
    });
    await verified(['logs'], 3);
    // A pass records where it lies now, even if nothing there was new.
    await verified(['logs=moved']);
    expect((await mustRun(['backfill', 'logs=moved'], { cwd: folder })).stderr).toMatch(/^0 new points/m);
    await verified();
  });

  it('is a root without files', async () => {
    rmSync(join(folder, 'logs'), { recursive: true });
    mkdirSync(join(folder, 'logs'));
    expect((await verified([], 3)).could_not_judge).toHaveLength(1);
  });

  it('is a deleted file; the others are compared', async () => {
    rmSync(fileOf('a'));
    const summary = await verified();
    expect(summary).toMatchObject({
      differences: 0,
      totals: { points: 12, points_not_judged: { gone: 40 } },
      files_not_compared: [{ file: 'events.out.tfevents.1', why: 'gone' }],
    });
    await verified(['--strict'], 3);
  });

  it('is a file that holds other records: the next pass reads it again', async () => {
    writeFileSync(fileOf('a'), w.eventFile(...range(30, 60).map(scalars)));
    const summary = await verified();
    expect(summary).toMatchObject({
      differences: 0,
      totals: { points: 12, points_not_judged: { stale: 40 } },
      files_not_compared: [{ why: 'stale' }],
    });
    expect(summary.next).toMatch(/ backfill /);
    await verified(['--strict'], 1);
    await mustRun(['backfill', 'logs'], { cwd: folder });
    await verified(['--strict']);
  });

  it('is an unreadable file', async () => {
    rmSync(fileOf('a'));
    mkdirSync(fileOf('a'));
    expect((await verified([], 3)).files_not_compared).toEqual([expect.objectContaining({ why: 'unreadable' })]);
  });

  it('is a range of bytes that was valid when it was read', async () => {
    const bytes = readFileSync(fileOf('a'));
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(fileOf('a'), bytes);
    const summary = await verified([], 3);
    expect(summary).toMatchObject({ differences: 0, totals: { points: 50, points_not_judged: { unreadable: 2 } } });
    expect(summary.files_not_compared[0]?.reason).toMatch(/^bytes \d+ to \d+ were readable before/);
  });

  it('is a damaged store', async () => {
    const path = join(folder, 'mirrorboard.db');
    const bytes = readFileSync(path);
    bytes.fill(0xff, 65_536, bytes.length);
    writeFileSync(path, bytes);
    expect((await verified([], 3)).could_not_judge).toEqual([expect.objectContaining({ what: './mirrorboard.db' })]);
  });

  it('is an invalid argument, such as a directory that was never mirrored, which exits 2', async () => {
    mkdirSync(join(folder, 'others'));
    expect((await mirrorboard(['verify', 'others'], { cwd: folder })).code).toBe(2);
    expect((await mirrorboard(['verify', 'nowhere'], { cwd: folder })).code).toBe(2);
    expect((await mirrorboard(['verify', '--store', 'none.db'], { cwd: folder })).code).toBe(2);
    expect((await mirrorboard(['verify', '--sample', '0'], { cwd: folder })).code).toBe(2);
  });
});

describe('verify', () => {
  it('reads only the requested directory', async () => {
    await mirrored();
    tamper(`DELETE FROM point WHERE id = ${point('a', 'loss', 7)}`);
    expect(await verified(['logs/b'])).toMatchObject({ differences: 0, totals: { runs: 1, points: 12 } });
    await verified(['logs/a'], 1);
  });

  it('chooses the same sample for the same seed, and reports that it is a sample', async () => {
    w.bigLog({ dir: join(folder, 'logs'), runs: 1, tags: 100, steps: 10 });
    await mustRun(['backfill', 'logs'], { cwd: folder });
    const points = async (...args: string[]): Promise<number> => (await verified(['--sample', ...args])).totals['points'] ?? 0;
    const half = await points('50%', '--seed', 'x');
    expect(half).toBeGreaterThan(200);
    expect(half).toBeLessThan(800);
    expect(await points('50', '--seed', 'x')).toBe(half);
    expect(await points('100%')).toBe(1000);
    const { stderr } = await mustRun(['verify', '--sample', '5%', '--seed', 'x'], { cwd: folder });
    expect(stderr).toContain('Sample: 5 % of the series, seed x');
  });

  it('prints counts, rate and the next command at its end', async () => {
    await mirrored();
    const good: Ended = await mustRun(['verify'], { cwd: folder });
    expect(good.stdout).toBe('');
    expect(good.stderr).toMatch(/^Run +Points +Equal +Missing +Extra +Changed +Allowed +Pending +Incomplete$/m);
    expect(good.stderr).toMatch(/52 points compared, 0 differences\nTook .*points\/s.*\nNext: mirrorboard export --format csv \| head\n$/);
    tamper(`UPDATE point SET value = 1 WHERE id = ${point('a', 'loss', 7)}`);
    const bad = await mustRun(['verify', 'logs'], { cwd: folder }, 1);
    expect(bad.stderr).toMatch(/changed: logs\/a loss step 7, events\.out\.tfevents\.1 offset \d+: the file has 7\.25, the lane 1\n/);
    expect(bad.stderr).toMatch(/1 difference\nTook .*\nNext: mirrorboard verify --repair logs\n$/);
    const repaired = await mustRun(['verify', '--repair', 'logs'], { cwd: folder }, 1);
    expect(repaired.stderr).toMatch(
      /logs\/a\/events\.out\.tfevents\.1 marked for the next backfill to mirror again[\s\S]*Next: mirrorboard backfill logs\n$/,
    );
  });

  it('does not suggest backfill while a watch mirrors pending data', async () => {
    await mirrored();
    cpSync(join(repository, 'test/damaged/torn_data'), join(folder, 'logs/torn'), { recursive: true });
    const watching = start(['watch', 'logs'], { cwd: folder });
    await watching.said(/root scanned/);
    expect(await until(async () => Number((await verified()).totals['points']) > 52)).toBe(true);
    const { stderr } = await mustRun(['verify', 'logs'], { cwd: folder });
    const note = `mirrorboard, process ${watching.child.pid} on .*, since .*, writes to the store, and is still mirroring: wait for it`;
    expect(stderr).toMatch(new RegExp(`${note}\nNext: mirrorboard verify logs\n$`));
    expect(await verified()).toMatchObject({
      writer: expect.stringContaining(`process ${watching.child.pid} `),
      next: 'mirrorboard verify',
    });
    watching.child.kill('SIGTERM');
    await watching.ended;
    expect(await verified()).toMatchObject({ writer: null, next: `mirrorboard backfill ${join(folder, 'logs')}` });
  });

  it('reports that a watch must end before a repair', async () => {
    await mirrored();
    tamper('UPDATE point SET value = 1e9 WHERE id = 3');
    const watching = start(['watch', 'logs'], { cwd: folder });
    await watching.said(/root scanned/);
    const { stderr } = await mustRun(['verify'], { cwd: folder }, 1);
    expect(stderr).toMatch(/writes to the store: stop it before a repair\nNext: mirrorboard verify --repair\n$/);
    watching.child.kill('SIGTERM');
    await watching.ended;
  });

  it('changes nothing by default', async () => {
    await mirrored();
    tamper(`DELETE FROM point WHERE id = ${point('a', 'loss', 7)}`);
    cpSync(join(folder, 'mirrorboard.db'), join(folder, 'before.db'));
    await verified([], 1);
    expect(readFileSync(join(folder, 'mirrorboard.db')).equals(readFileSync(join(folder, 'before.db')))).toBe(true);
  });
});
