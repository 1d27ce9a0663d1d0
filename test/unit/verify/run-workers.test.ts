import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { backfill } from '../../../src/sync/backfill.ts';
import { type Difference, exitCodeOf, type Verification } from '../../../src/verify/compare/index.ts';
import { openStoreSource } from '../../../src/verify/store-source.ts';
import { type VerifyLaneOptions, verifyLane } from '../../../src/verify/verify-pass.ts';
import { event, eventFile, simpleValue, text } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUNS = 12;
/** More differences than a thread sends before it waits. */
const STEPS = 3000;
let folder = '';
let store: { path: string; mediaPath: string };

beforeEach(async () => {
  folder = temporaryFolder();
  store = { path: join(folder, 'a.db'), mediaPath: join(folder, 'a.media') };
  for (let run = 0; run < RUNS; run++) {
    const records = Array.from({ length: run % 4 === 0 ? STEPS : 20 }, (_, step) =>
      event({ wallTime: step, step, summary: [simpleValue('loss', step / (run + 1)), ...(step === 3 ? [text('note', ['hello'])] : [])] }),
    );
    mkdirSync(join(folder, `logs/run ${run}`), { recursive: true });
    writeFileSync(join(folder, `logs/run ${run}/events.out.tfevents.1`), eventFile(...records));
  }
  await backfill({ roots: [{ path: join(folder, 'logs') }], store, signal: new AbortController().signal });
});

/** Changes values, lists wrong counts, and removes points, in several runs. */
function damage(): void {
  const db = new DatabaseSync(store.path);
  const pointsOf = (run: number): string => `SELECT point FROM scalars WHERE run = 'run ${run}'`;
  db.exec(`UPDATE point SET value = value + 1 WHERE id IN (${pointsOf(4)});
    DELETE FROM point WHERE id IN (${pointsOf(8)} LIMIT 2000);
    UPDATE run SET points = 7 WHERE path = 'run 2';
    UPDATE point SET step = 99 WHERE id IN (${pointsOf(11)} LIMIT 1)`);
  db.close();
  writeFileSync(join(folder, 'logs/run 5/events.out.tfevents.1'), new Uint8Array(9000));
}

async function verifyWith(jobs: number, more: Partial<VerifyLaneOptions> = {}): Promise<{ done: Verification; differences: Difference[] }> {
  const differences: Difference[] = [];
  using source = openStoreSource(store);
  const done = await verifyLane({
    roots: [],
    source,
    signal: new AbortController().signal,
    onDifference: (difference) => differences.push(difference),
    threads: { store, jobs, leastBytes: 0 },
    ...more,
  });
  return { done, differences };
}

describe('runs compared at the same time', () => {
  test('give the same report in the same order as one after the other', async () => {
    damage();
    const one = await verifyWith(1);
    const three = await verifyWith(3);
    expect(one.differences.length).toBeGreaterThan(5000);
    expect(three.differences).toEqual(one.differences);
    expect({ ...three.done, elapsedMs: 0 }).toEqual({ ...one.done, elapsedMs: 0 });
    expect(three.done.troubled).toHaveLength(1);
    expect(exitCodeOf(three.done, false)).toBe(1);
  });

  test('choose the same series of a sample', async () => {
    damage();
    const sample = { percent: 50, seed: 'a seed' };
    const one = await verifyWith(1, { sample });
    const four = await verifyWith(4, { sample });
    expect({ ...four.done, elapsedMs: 0 }).toEqual({ ...one.done, elapsedMs: 0 });
    expect(four.differences).toEqual(one.differences);
  });

  test('count the progress of all', async () => {
    let progress: Parameters<NonNullable<VerifyLaneOptions['onStart']>>[0] | undefined;
    await verifyWith(3, { onStart: (started) => (progress = started) });
    const points = 3 * STEPS + (RUNS - 3) * 20 + RUNS;
    expect(progress).toMatchObject({ points, runs: { total: RUNS, done: RUNS }, files: { total: RUNS, done: RUNS }, phase: 'done' });
    expect(progress?.bytes.read).toBe(progress?.bytes.total);
  });

  test('end early when they are interrupted, also while nobody takes the differences', async () => {
    damage();
    const aborter = new AbortController();
    const { done, differences } = await verifyWith(3, { signal: aborter.signal, onStart: () => aborter.abort() });
    expect(done).toMatchObject({ interrupted: true, runs: [] });
    expect(differences).toEqual([]);
    const later = new AbortController();
    let count = 0;
    const second = await verifyWith(3, {
      signal: later.signal,
      onDifference: () => {
        if (++count === 1) later.abort();
      },
    });
    expect(second.done.interrupted).toBe(true);
    expect(second.done.runs.length).toBeLessThan(RUNS);
  });

  test('stop at a store that cannot be read, as one after the other', async () => {
    const bytes = readFileSync(store.path);
    const one = await verifyDamaged(1, bytes);
    const three = await verifyDamaged(3, bytes);
    expect(one.done.obstacles).toHaveLength(1);
    expect(one.done.obstacles[0]?.what).toBe(store.path);
    expect(three.done.obstacles).toEqual(one.done.obstacles);
    expect(three.done.runs).toEqual(one.done.runs);
    expect(exitCodeOf(three.done, false)).toBe(3);
  });
});

/** Breaks the pages with points once the runs are known. */
function verifyDamaged(jobs: number, bytes: Buffer): Promise<{ done: Verification }> {
  writeFileSync(store.path, bytes);
  const onStart = (): void => {
    const db = new DatabaseSync(store.path, { readOnly: true });
    const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'segment'").get()?.['rootpage']);
    db.close();
    writeFileSync(store.path, Buffer.from(bytes).fill(0xff, (root - 1) * 16_384, root * 16_384));
  };
  return verifyWith(jobs, { onStart });
}
