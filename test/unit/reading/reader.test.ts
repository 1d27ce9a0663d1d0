import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Batch, type FileState, needsSearch, type Series } from '../../../src/model/index.ts';
import type { ReadEvent } from '../../../src/reading/read-event.ts';
import { FileWindow, readAt } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { concat, event, frame, maskedCrc, simpleValue, stringTensor, text, versionEvent } from '../../support/event-writer.ts';
import { readRun } from '../../support/read-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const NAME = 'events.out.tfevents.1';
const VERSION = frame(versionEvent());

function scalar(step: number, tag = 'loss'): Uint8Array {
  return frame(event({ wallTime: step, step, summary: [simpleValue(tag, step)] }));
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at < 0 ? copy.length + at : at]! ^= 0x10;
  return copy;
}

/** The header of a record that says to be `length` bytes long, with a valid checksum. */
function header(length: bigint): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, length, true);
  view.setUint32(8, maskedCrc(bytes, 0, 8), true);
  return bytes;
}

let directory = '';
beforeEach(() => {
  directory = temporaryFolder();
});
const put = (bytes: Uint8Array, name = NAME): void => writeFileSync(join(directory, name), bytes);
const append = (bytes: Uint8Array, name = NAME): void => appendFileSync(join(directory, name), bytes);

interface Pass {
  /** Steps of the scalars that came, by tag, in order. */
  readonly points: readonly string[];
  readonly outcomes: readonly string[];
  readonly batches: readonly Batch[];
  readonly reasons: readonly (string | undefined)[];
}

/** What a store would hold of a run: series and states, taken up pass by pass. */
class Store {
  series: readonly Series[] = [];
  states = new Map<string, FileState>();
  readonly window: FileWindow;

  constructor(window = new FileWindow()) {
    this.window = window;
  }

  get state(): FileState {
    return this.states.get(NAME)!;
  }

  pass({
    settled = false,
    names = [NAME],
    joinsGaps = false,
  }: {
    readonly settled?: boolean;
    readonly names?: readonly string[];
    readonly joinsGaps?: boolean;
  } = {}): Pass {
    const files = names.map((name) => {
      const state = this.states.get(name);
      return state === undefined ? { name } : { name, state };
    });
    const run = { root: 'logs', path: '.' };
    const events = [...readRun({ run, directory: directoryAt(directory), files, series: this.series, settled, joinsGaps }, this.window)];
    expect(events.at(-1)).toEqual({ kind: 'runDone', run, hasMore: false });
    return this.take(events);
  }

  take(events: readonly ReadEvent[]): Pass {
    const out = { points: [] as string[], outcomes: [] as string[], batches: [] as Batch[], reasons: [] as (string | undefined)[] };
    for (const one of events) {
      if (one.kind === 'file') {
        out.outcomes.push(one.outcome);
        out.reasons.push(one.reason);
      }
      if (one.kind !== 'batch') continue;
      const { batch, state } = one;
      // A store takes up what is new, one after the other, and can't hold a point of a series it was not told of.
      for (const series of batch.newSeries) {
        expect(series.id).toBe(this.series.length);
        this.series = [...this.series, series];
      }
      for (let row = 0; row < batch.scalars.count; row++) {
        const series = this.series[batch.scalars.series[row]!];

        if (series === undefined) throw new Error(`nobody was told of series ${batch.scalars.series[row]}`);
        out.points.push(`${series.tag} ${batch.scalars.step[row]}`);
      }
      this.states.set(batch.file, state);
      out.batches.push(batch);
    }
    return out;
  }
}

describe('readRun', () => {
  test('reads a new file completely, and only new data after that', () => {
    put(concat(VERSION, scalar(1), scalar(2)));
    const store = new Store();
    expect(store.pass()).toMatchObject({ points: ['loss 1', 'loss 2'], outcomes: ['read'] });
    expect(store.state).toMatchObject({
      name: NAME,
      generation: 0,
      records: 3,
      damage: [],
      fileVersion: 'brain.Event:2',
      position: { gaps: [] },
    });
    expect(store.state.position.watermark).toBe(store.state.size);

    append(concat(scalar(3), scalar(4, 'acc'), scalar(5)));
    const before = store.state.size;
    const second = store.pass();
    expect(second).toMatchObject({ points: ['loss 3', 'acc 4', 'loss 5'], outcomes: ['read'] });
    expect(second.batches[0]?.start).toBe(before);
    expect(second.batches[0]?.newSeries.map(({ id, tag }) => [id, tag])).toEqual([[1, 'acc']]);
    expect(store.state).toMatchObject({ records: 6, fileVersion: 'brain.Event:2', generation: 0 });
    expect(store.state.guard.first?.offset).toBe(0);
  });

  test('returns one empty batch for a file without new data, with its current state', () => {
    put(concat(VERSION, scalar(1)));
    const store = new Store();
    store.pass();
    const before = store.state;
    utimesSync(join(directory, NAME), 1, 1);
    const { points, outcomes, batches } = store.pass();
    expect({ points, outcomes }).toEqual({ points: [], outcomes: ['read'] });
    const { watermark } = before.position;
    expect(batches).toMatchObject([{ start: watermark, end: watermark, records: 0, objects: [], marks: [], newSeries: [] }]);
    expect(store.state.stamp).not.toBe(before.stamp);
    expect(store.state).toEqual({ ...before, stamp: store.state.stamp });
  });

  test('records the same stamp of a file as discover', () => {
    put(concat(VERSION, scalar(1)));
    const store = new Store();
    store.pass();
    const { name, size, stamp } = store.state;
    expect(walk(directory).runs[0]?.files).toEqual([{ name, size, stamp }]);
  });

  test('waits for the rest of an incomplete record, and reads the record when it is complete', () => {
    const record = scalar(2);
    put(concat(VERSION, scalar(1), record.subarray(0, 20)));
    const store = new Store();
    expect(store.pass().points).toEqual(['loss 1']);
    const watermark = VERSION.length + scalar(1).length;
    expect(store.state).toMatchObject({
      position: { watermark, gaps: [] },
      damage: [{ start: watermark, end: watermark + 20, reason: 'torn' }],
    });
    append(record.subarray(20, 25));
    expect(store.pass().points).toEqual([]);
    expect(store.state.damage).toEqual([{ start: watermark, end: watermark + 25, reason: 'torn' }]);
    append(record.subarray(25));
    expect(store.pass().points).toEqual(['loss 2']);
    expect(store.state.damage).toEqual([]);
  });

  test('reads a file that grows during the read up to its end at the start', () => {
    const parts = Array.from({ length: 70_000 }, (_, step) => scalar(step));
    put(concat(VERSION, ...parts));
    const store = new Store();
    const events: ReadEvent[] = [];
    let grown = false;
    for (const one of readRun(
      { run: { root: 'logs', path: '.' }, directory: directoryAt(directory), files: [{ name: NAME }], series: [], settled: false },
      store.window,
    )) {
      if (!grown) append(scalar(70_000));
      grown = true;
      events.push(one);
    }
    const first = store.take(events);
    expect(first.batches.length).toBeGreaterThan(1);
    expect(first.points).toHaveLength(70_000);
    expect(store.pass().points).toEqual(['loss 70000']);
  });

  test('treats zeros at the end as space for later bytes', () => {
    put(concat(VERSION, scalar(1), new Uint8Array(500)));
    const store = new Store();
    store.pass();
    expect(store.state.damage).toMatchObject([{ reason: 'zeros' }]);
    put(concat(VERSION, scalar(1), scalar(2), new Uint8Array(500 - scalar(2).length)));
    expect(store.pass()).toMatchObject({ points: ['loss 2'], outcomes: ['read'] });
    expect(store.state.damage).toMatchObject([{ reason: 'zeros' }]);
  });

  test('reports an empty file, and reads it once it has content', () => {
    put(new Uint8Array(0));
    const store = new Store();
    expect(store.pass()).toMatchObject({ points: [], outcomes: ['read'] });
    expect(store.state).toMatchObject({ size: 0, damage: [], records: 0, position: { watermark: 0, gaps: [] } });
    expect(store.pass()).toMatchObject({ points: [], outcomes: ['read'] });
    append(concat(VERSION, scalar(1)));
    expect(store.pass()).toMatchObject({ points: ['loss 1'], outcomes: ['read'] });
    expect(store.state.generation).toBe(0);
  });

  test('reports missing and unreadable files, and continues with the others', () => {
    put(concat(VERSION, scalar(1)), 'b.tfevents');
    mkdirSync(join(directory, 'c.tfevents'));
    execFileSync('mkfifo', [join(directory, 'd.tfevents')]);
    put(concat(VERSION, scalar(2)), 'e.tfevents');
    const store = new Store();
    const names = ['a.tfevents', 'b.tfevents', 'c.tfevents', 'd.tfevents', 'e.tfevents'];
    const { points, outcomes, reasons } = store.pass({ names });
    expect(outcomes).toEqual(['vanished', 'read', 'unreadable', 'unreadable', 'read']);
    expect(reasons[2]).toMatch(/not a regular file/);
    expect(points).toEqual(['loss 1', 'loss 2']);
    rmSync(join(directory, 'b.tfevents'));
    const second = store.pass({ names });
    expect(second.outcomes).toEqual(['vanished', 'vanished', 'unreadable', 'unreadable', 'read']);
    expect(second.points).toEqual([]);
    expect(store.states.get('b.tfevents')).toMatchObject({ records: 2 });
  });

  test('shares the series of a run among its files, in the given order', () => {
    put(concat(VERSION, scalar(1, 'a'), scalar(2, 'b')), '1.tfevents');
    put(concat(VERSION, scalar(3, 'b'), scalar(4, 'c')), '2.tfevents');
    const store = new Store();
    expect(store.pass({ names: ['1.tfevents', '2.tfevents'] }).points).toEqual(['a 1', 'b 2', 'b 3', 'c 4']);
    expect(store.series.map(({ tag, firstFile }) => [tag, firstFile])).toEqual([
      ['a', '1.tfevents'],
      ['b', '1.tfevents'],
      ['c', '2.tfevents'],
    ]);
  });
});

describe('a file that has the name of another one', () => {
  const run = { root: 'logs', path: '.' };
  const read = (store: Store, inode: string): ReadEvent[] => [
    ...readRun(
      { run, directory: directoryAt(directory), files: [{ name: NAME, state: store.state, inode }], series: store.series, settled: false },
      store.window,
    ),
  ];
  const inodeOf = (name: string): string => String(statSync(join(directory, name)).ino);
  const kinds = (events: readonly ReadEvent[]): string[] => events.map((each) => (each.kind === 'file' ? each.outcome : each.kind));

  test.each([
    ['replaced', [7, 8, 9]],
    ['shortened', [7]],
  ])('is read only if it is the one that was found (%s)', (outcome, steps) => {
    put(concat(VERSION, scalar(1), scalar(2)));
    const store = new Store();
    store.pass();
    const before = inodeOf(NAME);
    put(concat(VERSION, ...steps.map((step) => scalar(step))), 'other');
    renameSync(join(directory, 'other'), join(directory, NAME));
    expect(kinds(read(store, before))).toEqual(['otherFile', 'runDone']);
    expect(kinds(read(store, inodeOf(NAME)))).toEqual([outcome, 'batch', 'runDone']);
  });

  test('is read on if it has the same content', () => {
    put(concat(VERSION, scalar(1)));
    const store = new Store();
    store.pass();
    const before = inodeOf(NAME);
    put(concat(VERSION, scalar(1), scalar(2)), 'other');
    renameSync(join(directory, 'other'), join(directory, NAME));
    expect(kinds(read(store, before))).toEqual(['batch', 'read', 'runDone']);
  });
});

describe('a file whose content was replaced', () => {
  test('begins the next generation from its first byte if it has other bytes', () => {
    put(concat(VERSION, scalar(1), scalar(2)));
    const store = new Store();
    store.pass();
    put(concat(VERSION, scalar(7), scalar(8)), 'new');
    renameSync(join(directory, 'new'), join(directory, NAME));
    const { points, outcomes, batches } = store.pass();
    expect({ points, outcomes }).toEqual({ points: ['loss 7', 'loss 8'], outcomes: ['replaced'] });
    expect(batches.map(({ generation, start }) => [generation, start])).toEqual([[1, 0]]);
    expect(store.state).toMatchObject({ generation: 1, records: 3, damage: [] });
    expect(store.pass()).toMatchObject({ points: [], outcomes: ['read'] });
    expect(store.state.generation).toBe(1);
  });

  test('waits while it is a beginning of the known content, and begins the next generation once it is not', () => {
    put(concat(VERSION, scalar(1), scalar(2), scalar(3)));
    const store = new Store();
    store.pass();
    const { position, guard } = store.state;
    for (const size of [VERSION.length + scalar(1).length, 20, 0]) {
      truncateSync(join(directory, NAME), size);
      expect(store.pass()).toMatchObject({ points: [], outcomes: ['read'] });
      expect(store.state).toMatchObject({ generation: 0, records: 4, size, position, guard });
      expect(store.state.damage).toMatchObject([{ reason: 'cut', start: size, end: position.watermark }]);
    }
    put(concat(VERSION, scalar(1), scalar(2), scalar(3), scalar(4)));
    expect(store.pass()).toMatchObject({ points: ['loss 4'], outcomes: ['read'] });
    expect(store.state).toMatchObject({ generation: 0, damage: [] });
    put(concat(VERSION, scalar(1), scalar(9)));
    expect(store.pass()).toMatchObject({ points: ['loss 1', 'loss 9'], outcomes: ['shortened'] });
    expect(store.state).toMatchObject({ generation: 1, records: 3, damage: [] });
  });

  test('drops the damage and the gaps of its former content', () => {
    put(concat(VERSION, flipped(scalar(1), 20), scalar(2)));
    const store = new Store();
    store.pass();
    expect(store.state.damage).toHaveLength(1);
    put(concat(VERSION, scalar(3, 'other')));
    expect(store.pass().outcomes).toEqual(['shortened']);
    expect(store.state).toMatchObject({ damage: [], position: { gaps: [] } });
  });

  test('stays in the same generation if only its incomplete end became shorter', () => {
    put(concat(VERSION, scalar(1), scalar(2).subarray(0, 30)));
    const store = new Store();
    store.pass();
    truncateSync(join(directory, NAME), VERSION.length + scalar(1).length + 3);
    expect(store.pass()).toMatchObject({ points: [], outcomes: ['read'] });
    expect(store.state.generation).toBe(0);
    expect(store.state.damage).toMatchObject([{ reason: 'torn' }]);
  });
});

/** A window on files of which bytes can't be read while `bad` says so. */
function faultyWindow(bad: { range: readonly [start: number, end: number] | undefined }): FileWindow {
  return new FileWindow((fd, buffer, start, length, position) => {
    const { range } = bad;
    if (range !== undefined && range[0] < position + length && position < range[1])
      throw Object.assign(new Error('EIO'), { code: 'EIO', errno: -5 });
    return readAt(fd, buffer, start, length, position);
  });
}

describe('bytes that the system cannot read', () => {
  const records = Array.from({ length: 600 }, (_, i) => scalar(i));
  const file = concat(VERSION, ...records);
  const all = records.map((_, i) => `loss ${i}`);

  test('make their records pending, are named, and are mirrored when they become readable', () => {
    put(file);
    const bad: { range: readonly [number, number] | undefined } = { range: [8192, 12288] };
    const store = new Store(faultyWindow(bad));
    const { points, outcomes } = store.pass();
    expect(outcomes).toEqual(['read']);
    const missing = all.filter((point) => !points.includes(point));
    expect(missing.length).toBeLessThan(4096 / 40 + 2);
    expect(points[0]).toBe('loss 0');
    expect(points.at(-1)).toBe('loss 599');
    for (const damage of store.state.damage) expect(damage).toMatchObject({ reason: 'unreadable', detail: 'EIO' });
    expect(needsSearch(store.state)).toBe(true);
    expect(store.pass().points).toEqual([]);
    bad.range = undefined;
    expect(store.pass().points).toEqual(missing);
    expect(store.state).toMatchObject({ damage: [], position: { watermark: file.length, gaps: [] } });
  });

  test('are reported as corrupt when the system returns them and they are wrong', () => {
    const at = concat(VERSION, ...records.slice(0, 100)).length;
    put(concat(file.subarray(0, at), flipped(file.subarray(at), 20)));
    const bad: { range: readonly [number, number] | undefined } = { range: [at, at + 1] };
    const store = new Store(faultyWindow(bad));
    store.pass();
    bad.range = undefined;
    store.pass();
    store.pass();
    expect(store.state.damage).toEqual([{ start: at, end: at + scalar(100).length, reason: 'data_checksum' }]);
    bad.range = [at, at + 1];
    store.pass();
    expect(store.state.damage).toMatchObject([{ reason: 'unreadable', detail: 'EIO' }]);
  });

  test('do not count as a growing end if they are at the end of a file', () => {
    put(file);
    const bad: { range: readonly [number, number] | undefined } = { range: [file.length - 100, file.length] };
    const store = new Store(faultyWindow(bad));
    store.pass({ settled: true });
    for (const { reason } of store.state.damage) expect(reason).toBe('unreadable');
    expect(store.state.damage.at(-1)?.end).toBe(file.length);
    bad.range = undefined;
    store.pass({ settled: true });
    expect(store.state).toMatchObject({ damage: [], records: 601 });
  });

  test('do not make it another file if they identify the file', () => {
    put(file);
    const store = new Store();
    store.pass();
    append(scalar(600));
    const bad = { range: [file.length - 100, file.length] as const };
    const faulty = new Store(faultyWindow(bad));
    faulty.states = store.states;
    faulty.series = store.series;
    expect(faulty.pass()).toMatchObject({ points: ['loss 600'], outcomes: ['read'] });
  });

  test('are recorded as the state of a file if all bytes are unreadable, once, until it becomes readable', () => {
    mkdirSync(join(directory, NAME));
    const store = new Store();
    expect(store.pass().outcomes).toEqual(['unreadable']);
    expect(store.state.damage).toMatchObject([{ start: 0, reason: 'unreadable', detail: 'it is not a regular file but a directory' }]);
    expect(store.pass().batches).toEqual([]);
    rmSync(join(directory, NAME), { recursive: true });
    put(concat(VERSION, scalar(1)));
    expect(store.pass().points).toEqual(['loss 1']);
    expect(store.state.damage).toEqual([]);
  });
});

describe('a corrupt record that contains valid records', () => {
  const held = concat(VERSION, ...Array.from({ length: 30 }, (_, i) => scalar(500 + i)));
  const before = concat(VERSION, scalar(1));
  // Not the beginning of a field: nothing tells that it is the record's own.
  const record = frame(
    event({ wallTime: 1, step: 2, summary: [stringTensor('blob', [concat(Uint8Array.of(7, 7, 7), held, Uint8Array.of(9))])] }),
  );

  test('replaces them, once, when it is complete later, even if a pass ends in between', () => {
    const whole = concat(before, record, scalar(3));
    put(whole.subarray(0, before.length + record.length - 60));
    const store = new Store();
    expect(store.pass({ settled: true }).points.length).toBeGreaterThan(1);
    expect(store.state.damage[0]?.claim).toBe(before.length + record.length);
    put(whole);
    const { points, outcomes, batches } = store.pass({ settled: true });
    expect({ points, outcomes }).toEqual({ points: ['loss 1', 'loss 3'], outcomes: ['replaced'] });
    expect(batches.flatMap(({ objects }) => objects)).toHaveLength(1);
    expect(store.state).toMatchObject({ generation: 1, damage: [], position: { watermark: whole.length, gaps: [] } });
    expect(store.pass({ settled: true })).toMatchObject({ points: [], outcomes: ['read'] });
  });

  test('does not change them while it stays corrupt', () => {
    const others = Array.from({ length: 30 }, (_, i) => scalar(10 + i));
    put(concat(before, record.subarray(0, 50), ...others));
    const store = new Store();
    expect(store.pass({ settled: true }).points).toHaveLength(31);
    append(concat(...others));
    expect(store.pass({ settled: true })).toMatchObject({ outcomes: ['read'] });
    expect(store.state).toMatchObject({ generation: 0, records: 62 });
  });
});

describe('damage', () => {
  test('is repaired when its bytes are', () => {
    const good = concat(VERSION, scalar(1), scalar(2), scalar(3, 'acc'), scalar(4));
    const at = VERSION.length + scalar(1).length;
    for (const place of [0, 20]) {
      put(concat(good.subarray(0, at), flipped(good.subarray(at), place)));
      const store = new Store();
      expect(store.pass().points).toEqual(['loss 1', 'acc 3', 'loss 4']);
      const gap = { start: at, end: at + scalar(2).length };
      expect(store.state.position.gaps).toEqual([{ ...gap, reason: 'damage' }]);
      expect(store.state.damage).toMatchObject([gap]);
      const broken = store.state;
      expect(store.pass().points).toEqual([]);
      expect(store.state).toEqual(broken);

      put(good);
      const healed = store.pass();
      expect(healed).toMatchObject({ points: ['loss 2'], outcomes: ['read'] });
      expect(healed.batches[0]).toMatchObject({ ...gap, records: 1 });
      expect(store.state).toMatchObject({ damage: [], records: 5, position: { watermark: good.length, gaps: [] } });
      expect(store.pass().points).toEqual([]);
    }
  });

  test('stays as long as the bytes are damaged, and new data is read', () => {
    put(concat(VERSION, flipped(scalar(1), 20), scalar(2)));
    const store = new Store();
    store.pass();
    const { damage, position } = store.state;
    append(scalar(3));
    expect(store.pass().points).toEqual(['loss 3']);
    expect(store.state.damage).toEqual(damage);
    expect(store.state.position.gaps).toEqual(position.gaps);
  });

  test('at several places is repaired one by one', () => {
    const [a, b, c] = [scalar(1), scalar(2), scalar(3)];
    put(concat(VERSION, flipped(a, 20), b, flipped(c, 20), scalar(4)));
    const store = new Store();
    store.pass();
    expect(store.state.position.gaps).toHaveLength(2);
    put(concat(VERSION, flipped(a, 20), b, c, scalar(4)));
    expect(store.pass().points).toEqual(['loss 3']);
    expect(store.state.position.gaps).toMatchObject([{ start: VERSION.length }]);
    expect(store.state.damage).toMatchObject([{ start: VERSION.length }]);
    put(concat(VERSION, a, b, c, scalar(4), scalar(5)));
    expect(store.pass().points).toEqual(['loss 1', 'loss 5']);
    expect(store.state).toMatchObject({ damage: [], records: 6 });
  });

  test('at many places arrives in few batches if gaps may be joined, without the corrupt records', () => {
    const many = 9000;
    const records = Array.from({ length: many }, (_, i) => scalar(i, i % 3 === 0 ? 'rare' : 'loss'));
    const broken = (isBroken: (i: number) => boolean): Uint8Array =>
      concat(VERSION, ...records.flatMap((record, i) => [isBroken(i) ? flipped(record, -1) : record, scalar(i, 'sound')]));
    put(broken(() => true));
    const store = new Store();
    expect(store.pass({ joinsGaps: true }).points).toHaveLength(many);
    expect(store.state.position.gaps).toHaveLength(many);
    const stays = (i: number): boolean => i % 1000 === 7;
    put(broken(stays));
    const { batches, points } = store.pass({ joinsGaps: true });
    // Each carries all that is damaged: one for each place would be the square of them.
    expect(batches.length).toBeLessThan(6);
    expect(points).toEqual(records.flatMap((_, i) => (stays(i) ? [] : [`${i % 3 === 0 ? 'rare' : 'loss'} ${i}`])));
    const places = store.state.damage.map(({ start, end }) => ({ start, end }));
    expect(places).toHaveLength(9);
    expect(store.state.position.gaps.map(({ start, end }) => ({ start, end }))).toEqual(places);
    expect(store.state.records).toBe(1 + 2 * many - 9);
    put(broken(() => false));
    expect(store.pass({ joinsGaps: true }).points).toHaveLength(9);
    expect(store.state).toMatchObject({ damage: [], position: { gaps: [] }, records: 1 + 2 * many });
    expect(store.pass({ joinsGaps: true }).points).toEqual([]);
  });

  test('that is repaired only in part is read as far as it is valid', () => {
    const [a, b] = [scalar(1, 'fresh'), scalar(2)];
    // One damaged range of two records: the length of the first is destroyed, and the data of the second.
    put(concat(VERSION, flipped(a, 0), flipped(b, 25), scalar(3)));
    const store = new Store();
    store.pass();
    expect(store.state.position.gaps).toEqual([{ start: VERSION.length, end: VERSION.length + a.length + b.length, reason: 'damage' }]);
    put(concat(VERSION, a, flipped(b, 25), scalar(3), scalar(4, 'fresh'), scalar(5, 'another')));
    expect(store.pass().points).toEqual(['fresh 1', 'fresh 4', 'another 5']);
    expect(store.series.map(({ tag }) => tag)).toEqual(['loss', 'fresh', 'another']);
    expect(store.state.position.gaps).toEqual([
      { start: VERSION.length + a.length, end: VERSION.length + a.length + b.length, reason: 'damage' },
    ]);
    expect(store.state.damage).toMatchObject([{ start: VERSION.length + a.length, end: VERSION.length + a.length + b.length }]);
    put(concat(VERSION, a, b, scalar(3), scalar(4, 'fresh'), scalar(5, 'another')));
    expect(store.pass().points).toEqual(['loss 2']);
    expect(store.state).toMatchObject({ damage: [], position: { gaps: [] }, records: 6 });
  });

  test('that another lane knows less of is read completely once it is repaired', () => {
    const records = [0, 1, 2, 3].map((step) => scalar(step));
    const bytes = (...broken: readonly number[]): Uint8Array =>
      concat(VERSION, ...records.map((record, i) => (broken.includes(i) ? flipped(record, 0) : record)), scalar(4));
    put(bytes(2));
    const other = new Store();
    other.pass();
    put(bytes(0, 1, 2));
    const store = new Store();
    expect(store.pass().points).toEqual(['loss 3', 'loss 4']);
    put(bytes(1, 2));
    // A file's damage comes from the lane that has read it last, and pending bytes are each lane's own.
    store.states.set(NAME, { ...store.state, damage: other.state.damage });
    expect(store.pass().points).toEqual(['loss 0']);
    put(bytes());
    const points = [...store.pass().points, ...store.pass().points];
    expect(points.sort()).toEqual(['loss 1', 'loss 2']);
    expect(store.state.position.gaps).toEqual([]);
  });

  test('at the start tells of the file, whatever is repaired first', () => {
    put(concat(flipped(VERSION, 20), flipped(scalar(1), 20), scalar(2)));
    const store = new Store();
    store.pass();
    put(concat(VERSION, flipped(scalar(1), 20), scalar(2)));
    store.pass();
    expect(store.state.fileVersion).toBe('brain.Event:2');
    put(concat(VERSION, scalar(1), scalar(2)));
    expect(store.pass().points).toEqual(['loss 1']);
    expect(store.state).toMatchObject({ fileVersion: 'brain.Event:2', damage: [] });
  });

  test('behind a record that a crash left incomplete is repaired when its bytes are', () => {
    const torn = scalar(9).subarray(0, 21);
    const rest = [scalar(2), scalar(3)];
    put(concat(VERSION, torn, flipped(scalar(1), 16), ...rest));
    const store = new Store();
    expect(store.pass().points).toEqual(['loss 2', 'loss 3']);
    expect(store.pass().points).toEqual([]);
    put(concat(VERSION, torn, scalar(1), ...rest));
    expect(store.pass().points).toEqual(['loss 1']);
    expect(store.state.damage).toMatchObject([{ start: VERSION.length, end: VERSION.length + torn.length }]);
    const settled = store.state;
    expect(store.pass().points).toEqual([]);
    expect(store.state).toEqual(settled);
  });

  test('is listed with its pending end, in the order of the file', () => {
    const file = [
      VERSION,
      flipped(scalar(1), 20),
      scalar(2),
      flipped(scalar(3), 2),
      scalar(4),
      flipped(scalar(5), -1),
      scalar(6).subarray(0, 13),
    ];
    const starts = file.map((_, i) => file.slice(0, i).reduce((sum, part) => sum + part.length, 0));
    put(concat(...file));
    const store = new Store();
    store.pass();
    const expected = [
      { start: starts[1], end: starts[2], reason: 'data_checksum' },
      { start: starts[3], end: starts[4], reason: 'length_checksum' },
      { start: starts[5], end: starts[6], reason: 'data_checksum' },
      { start: starts[6], end: starts[6]! + 13, reason: 'torn' },
    ];
    expect(store.state.damage).toEqual(expected);
    append(scalar(6).subarray(13));
    store.pass();
    expect(store.state.damage).toEqual(expected.slice(0, 3));
  });

  test('after an incomplete record that never ends is found once the file is settled', () => {
    put(concat(VERSION, scalar(1), header(300_000_000n), scalar(2)));
    const store = new Store();
    expect(store.pass().points).toEqual(['loss 1']);
    const start = VERSION.length + scalar(1).length;
    const end = start + 12 + scalar(2).length;
    expect(store.state.damage).toMatchObject([{ start, end, reason: 'torn', look: { isWhole: true } }]);
    // The file did not change, but what is to be made of its end has.
    expect(store.pass({ settled: true }).points).toEqual(['loss 2']);
    expect(store.state.damage).toMatchObject([{ start, end: start + 12, reason: 'false_length' }]);
    expect(store.window.buffer).toHaveLength(1 << 20);
  });

  test('after a length that no event can have is found at once', () => {
    for (const length of [2n ** 32n + 38n, 2n ** 40n, 2n ** 62n, 2n ** 64n - 1n]) {
      put(concat(VERSION, scalar(1), header(length), scalar(2)));
      const store = new Store();
      expect(store.pass().points).toEqual(['loss 1', 'loss 2']);
      expect(store.state.damage).toMatchObject([{ reason: 'false_length' }]);
      expect(store.window.buffer).toHaveLength(1 << 20);
    }
  });

  test('of an incomplete end shows if it was searched', () => {
    put(concat(VERSION, scalar(1), scalar(2).subarray(0, 30)));
    const store = new Store();
    store.pass();
    expect(store.state.damage[0]).not.toHaveProperty('detail');
    store.pass({ settled: true });
    expect(store.state.damage).toMatchObject([{ reason: 'torn', detail: 'no valid record inside' }]);
    store.pass();
    expect(store.state.damage[0]).not.toHaveProperty('detail');
  });

  test('of a whole file names the likely type of the file', () => {
    put(new TextEncoder().encode('<!DOCTYPE html><html><body>Sign in</body></html>'));
    const store = new Store();
    expect(store.pass().points).toEqual([]);
    expect(store.state).toMatchObject({
      records: 0,
      damage: [{ start: 0, reason: 'not_event_file', detail: expect.stringMatching(/web page/) }],
    });
    put(concat(VERSION, scalar(1), scalar(2)));
    expect(store.pass()).toMatchObject({ points: ['loss 1', 'loss 2'], outcomes: ['read'] });
    expect(store.state).toMatchObject({ damage: [], generation: 0 });
  });

  test('does not prevent the read of a record of megabytes', () => {
    const long = frame(event({ wallTime: 1, step: 1, summary: [text('note', 'x'.repeat(5 << 20))] }));
    put(concat(VERSION, scalar(1), flipped(long, 1 << 20), scalar(2), long, scalar(3)));
    const store = new Store();
    const { points, batches } = store.pass();
    expect(points).toEqual(['loss 1', 'loss 2', 'loss 3']);
    expect(batches.flatMap(({ objects }) => objects.map(({ payload }) => payload.length))).toEqual([expect.any(Number)]);
    expect(store.state.damage).toMatchObject([{ reason: 'data_checksum' }]);
  });
});
