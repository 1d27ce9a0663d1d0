import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { openStore } from '../../../src/backends/local/index.ts';
import type { UnitRule } from '../../../src/config/index.ts';
import type { Handle } from '../../../src/contract/index.ts';
import type { FileState, RunRef } from '../../../src/model/index.ts';
import { mergeShards, splitIntoShards } from '../../../src/shards/index.ts';
import { keepLaneWish, pausesIn, StateFile } from '../../../src/state/index.ts';
import { backfill } from '../../../src/sync/index.ts';
import * as w from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RULE: UnitRule = { fold: { names: ['train'], flat: [], hparams: false } };
const RUNS = ['a', 'a/train', 'b', 'c', 'd/train', 'e', 'f'];

let folder = '';

beforeEach(() => {
  folder = temporaryFolder();
});

const placesIn = (name: string) => ({
  statePath: join(folder, name, 'mirrorboard.state'),
  store: { path: join(folder, name, 'mirrorboard.db'), mediaPath: join(folder, name, 'mirrorboard.media') },
});
const at = (path: string): RunRef => ({ root: 'logs', path });

function writeLogs(): void {
  for (const [i, run] of RUNS.entries()) {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    const events = Array.from({ length: 20 }, (_, step) =>
      w.event({ wallTime: step, step, summary: [w.simpleValue('loss', step * i), w.simpleValue('acc', step % 7 === 0 ? NaN : -0)] }),
    );
    writeFileSync(join(folder, 'logs', run, 'events.out.tfevents.1'), w.eventFile(...events));
  }
}

function fileState(watermark: number): FileState {
  return {
    name: 'f',
    generation: 0,
    position: { watermark, gaps: [] },
    guard: { first: { offset: 0, length: 24, checksum: 7 }, last: undefined },
    damage: [],
    size: 100,
    stamp: '1.1.5',
    records: 2,
  };
}

/** A state that has mirrored so much of some runs. */
function mirrored(name: string, runs: Readonly<Record<string, number>>, handle = 'handle'): void {
  mkdirSync(join(folder, name), { recursive: true });
  const state = StateFile.open(placesIn(name).statePath, { now: () => 0 });
  const lane = state.lane('mlflow', 'there');
  for (const [run, watermark] of Object.entries(runs)) {
    lane.accepted(at(run), fileState(watermark), []);
    lane.keepHandle(at(run), `${handle} of ${run}` as Handle);
  }
  state.close();
}

/** By run, how far the lane is. */
function known(name: string): Record<string, number | undefined> {
  const state = StateFile.openForReading(placesIn(name).statePath);
  try {
    return Object.fromEntries(
      [...state.lane('mlflow', 'there').knownRuns()].map(([run, { files }]) => [run.path, files[0]?.position.watermark]),
    );
  } finally {
    state.close();
  }
}

function storedRows(name: string): unknown[] {
  const reader = openStore(placesIn(name).store.path);
  try {
    return [...reader.expectedRuns('logs')].map((run) => [run.path, reader.positions(run).points, reader.positions(run).files.length]);
  } finally {
    reader.close();
  }
}

describe('splitting and merging', () => {
  it('gives each run to one shard, with its folded runs, and restores the original', async () => {
    writeLogs();
    mkdirSync(join(folder, 'one'));
    mirrored('one', { a: 100, 'a/train': 80, b: 60, c: 100, 'd/train': 100, e: 0, f: 100 });
    const signal = new AbortController().signal;
    await backfill({ roots: [{ path: join(folder, 'logs') }], store: placesIn('one').store, signal });
    const before = [known('one'), storedRows('one')];

    const shards = splitIntoShards({ from: placesIn('one'), count: 3, to: join(folder, 'three'), rule: RULE });
    expect(readdirSync(join(folder, 'three')).sort()).toEqual(['0', '1', '2']);
    expect(shards.reduce((sum, { points }) => sum + points, 0)).toBe(RUNS.length * 40);
    const parts = [0, 1, 2].map((i) => Object.keys(known(`three/${i}`)));
    expect(parts.flat().sort()).toEqual([...RUNS].sort());
    expect(parts.find((runs) => runs.includes('a'))).toContain('a/train');
    const ids = [0, 1, 2].map((i) => StateFile.openForReading(placesIn(`three/${i}`).statePath));
    expect(ids.map(({ shard }) => shard)).toEqual([0, 1, 2].map((index) => ({ index, count: 3 })));
    expect(new Set(ids.map(({ instanceId }) => instanceId)).size).toBe(1);
    for (const reader of ids) reader.close();

    const folders = [0, 1, 2].map((i) => join(folder, 'three', String(i)));
    mergeShards({ folders, names: placesIn('one'), to: join(folder, 'again'), rule: RULE });
    expect([known('again'), storedRows('again').sort()]).toEqual([before[0], (before[1] as unknown[]).sort()]);
    const again = StateFile.openForReading(placesIn('again').statePath);
    expect(again.shard).toBeUndefined();
    again.close();
    // Nothing is left to do, and nothing is stored twice.
    const report = await backfill({ roots: [{ path: join(folder, 'logs') }], store: placesIn('again').store, signal });
    expect(report.totals.newPoints).toBe(0);
  });

  it('takes a run that two shards know from the one with the later position', () => {
    mirrored('x', { a: 50, b: 100 });
    mirrored('y', { a: 100 });
    mergeShards({ folders: ['x', 'y'].map((name) => join(folder, name)), names: placesIn('x'), to: join(folder, 'z'), rule: RULE });
    expect(known('z')).toEqual({ a: 100, b: 100 });
  });

  it('keeps paused lanes, in every shard and for every root', () => {
    mirrored('x', { a: 50, b: 60, c: 70, e: 10 });
    const pause = (name: string, roots: readonly string[], nowMs: number) =>
      keepLaneWish(placesIn(name).statePath, { kind: 'pause', name: 'mlflow', target: 'there', roots, nowMs });
    const pauses = (name: string) => pausesIn(placesIn(name).statePath, 'mlflow', 'there');
    const merge = (to: string) =>
      mergeShards({ folders: [0, 1].map((i) => join(folder, 'two', String(i))), names: placesIn('x'), to: join(folder, to), rule: RULE });
    pause('x', ['logs'], 500);
    splitIntoShards({ from: placesIn('x'), count: 2, to: join(folder, 'two'), rule: RULE });
    const ofRoot = { root: 'logs', sinceMs: 500 };
    expect([0, 1].map((i) => pauses(`two/${i}`))).toEqual([[ofRoot], [ofRoot]]);

    // Only one of the shards is paused as a whole, and its pause of the root began earlier.
    pause('two/1', [], 300);
    keepLaneWish(placesIn('two/0').statePath, { kind: 'resume', name: 'mlflow', target: 'there', roots: ['logs'], nowMs: 600 });
    pause('two/0', ['logs'], 700);
    merge('again');
    expect(pauses('again')).toEqual([{ root: undefined, sinceMs: 300 }, ofRoot]);
    keepLaneWish(placesIn('again').statePath, { kind: 'resume', name: 'mlflow', target: 'there', roots: [], nowMs: 800 });
    expect(pauses('again')).toEqual([]);
  });

  it('refuses two shards that know a run as different tracker runs, and leaves nothing behind', () => {
    mirrored('x', { a: 50 });
    mirrored('y', { a: 100 }, 'another handle');
    const merge = () =>
      mergeShards({ folders: ['x', 'y'].map((name) => join(folder, name)), names: placesIn('x'), to: join(folder, 'z'), rule: RULE });
    expect(merge).toThrow(expect.objectContaining({ code: 'MB3108', message: expect.stringContaining('logs/a') }));
    expect(readdirSync(folder).sort()).toEqual(['x', 'y']);
  });

  it('refuses a merge if a shard is missing', () => {
    mirrored('x', { a: 50, b: 60, c: 70 });
    splitIntoShards({ from: placesIn('x'), count: 3, to: join(folder, 'three'), rule: RULE });
    const folders = [0, 2].map((i) => join(folder, 'three', String(i)));
    const merge = () => mergeShards({ folders, names: placesIn('x'), to: join(folder, 'z'), rule: RULE });
    expect(merge).toThrow(expect.objectContaining({ code: 'MB3108', message: expect.stringContaining('1/3') }));
  });

  it('refuses a file that is not a store', () => {
    mkdirSync(join(folder, 'odd'));
    new DatabaseSync(placesIn('odd').store.path).close();
    writeFileSync(placesIn('odd').store.path, 'not a store, and long enough to pass for one');
    const split = () => splitIntoShards({ from: placesIn('odd'), count: 2, to: join(folder, 'two'), rule: RULE });
    expect(split).toThrow(expect.objectContaining({ code: expect.stringMatching(/^MB300[26]$/) }));
    expect(existsSync(join(folder, 'two'))).toBe(false);
  });

  it('marks the shards of a store that has no state', async () => {
    writeLogs();
    mkdirSync(join(folder, 'one'));
    const signal = new AbortController().signal;
    await backfill({ roots: [{ path: join(folder, 'logs') }], store: placesIn('one').store, signal });
    splitIntoShards({ from: placesIn('one'), count: 2, to: join(folder, 'two'), rule: RULE });
    for (const index of [0, 1]) {
      const reader = StateFile.openForReading(placesIn(`two/${index}`).statePath);
      expect(reader.shard).toEqual({ index, count: 2 });
      reader.close();
    }
  });

  it('writes into the target folder of a link', () => {
    mirrored('x', { a: 50 });
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    splitIntoShards({ from: placesIn('x'), count: 1, to: join(folder, 'link'), rule: RULE });
    expect(readdirSync(join(folder, 'real'))).toEqual(['0']);
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    const reader = StateFile.openForReading(placesIn('real/0').statePath);
    expect(reader.shard).toBeUndefined();
    reader.close();
  });

  it('refuses a folder that is not empty, a source without shards, a single shard, and a state in use', () => {
    mirrored('x', { a: 50 });
    const split = (to: string, from = placesIn('x')) => splitIntoShards({ from, count: 2, to: join(folder, to), rule: RULE });
    expect(() => split('x')).toThrow(expect.objectContaining({ code: 'MB3009' }));
    expect(() => split('to', placesIn('nowhere'))).toThrow(expect.objectContaining({ code: 'MB3105' }));
    split('two');
    const part = [0, 1].find((i) => Object.keys(known(`two/${i}`)).length > 0);
    expect(() => split('to', placesIn(`two/${part}`))).toThrow(expect.objectContaining({ code: 'MB3107' }));
    const state = StateFile.open(placesIn('x').statePath, { now: () => 0 });
    expect(() => split('to')).toThrow(expect.objectContaining({ code: 'MB3106' }));
    state.close();
    expect(existsSync(join(folder, 'to'))).toBe(false);
  });
});
