import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FolderPlace } from '../../../../src/backends/parquet/folder.ts';
import type { Place } from '../../../../src/backends/parquet/place.ts';
import { RunFiles } from '../../../../src/backends/parquet/run-files.ts';
import { decode, decodeGroups, type POINTS } from '../../../../src/backends/parquet/table.ts';
import { systemClock } from '../../../../src/clock.ts';
import type { Handle, TrackerParcel } from '../../../../src/contract/index.ts';
import { event, image, simpleValue, text } from '../../../../src/testing/events/index.ts';
import { addressed, GrowingRun, pointsOf } from '../../../../src/testing/parcels.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const signal = new AbortController().signal;
const RUN = { key: '0123456789abcdef', number: 1, root: 'logs' };
const T = 1_700_000_000;
const PNG = Buffer.from('iVBORw0KGgo=', 'base64');

let folder: string;
let run: GrowingRun;
beforeEach(() => {
  folder = temporaryFolder();
  run = new GrowingRun();
});
afterEach(() => run.remove());

const filesAt = (place: Place = new FolderPlace(folder, systemClock)): RunFiles => new RunFiles(place, RUN, 'run');
const parcels = (events: readonly Uint8Array[], file?: string) => addressed(run.append(events, file), '' as Handle);
const scalars = (from: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    event({ wallTime: T + i, step: from + i, summary: [simpleValue('loss', i), text('note', `${i}`)] }),
  );

async function held(files: RunFiles): Promise<string[]> {
  const found: string[] = [];
  for await (const { tag, points } of files.readBack(undefined, signal)) {
    for (const { file, offset, index, step, value } of points)
      found.push(JSON.stringify([file, offset, index, tag, String(step), String(value)]));
  }
  return found.sort();
}

function wanted(all: ReturnType<typeof parcels>): string[] {
  return all
    .flatMap(pointsOf)
    .map(({ file, offset, index, tag, step, value }) => JSON.stringify([file, offset, index, tag, String(step), String(value)]))
    .sort();
}

function parquetFiles(): string[] {
  return readdirSync(join(folder, 'points'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.parquet'));
}

/** What a program finds that reads all files. */
async function seenByAll(): Promise<number> {
  let rows = 0;
  for (const path of parquetFiles()) rows += (await decode(readFileSync(join(folder, 'points', path)), ['tag'], path)).count;
  return rows;
}

/** A place whose changes fail from some number on, as for a process that was killed. */
function dyingAfter(changes: number): Place {
  const place = new FolderPlace(folder, systemClock);
  let left = changes;
  const die = <Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (left-- <= 0) throw new Error('killed');
      return work(...args);
    };
  };
  return Object.assign(Object.create(place) as FolderPlace, {
    putNew: die(place.putNew),
    put: die(place.put),
    remove: die(place.remove),
    get: place.get,
    list: place.list,
  });
}

/** A place that loses one answer to a new file, after some others: it stores the file, and fails. */
function losingAnswer(after: number): Place {
  const place = new FolderPlace(folder, systemClock);
  let left = after;
  const putNew: Place['putNew'] = async (...args) => {
    const isNew = await place.putNew(...args);
    if (left-- === 0) throw new Error('the answer is lost');
    return isNew;
  };
  return Object.assign(Object.create(place) as FolderPlace, { ...place, putNew });
}

/** A place beside which others do something before it reads its n-th file with points. */
function interruptedAt(n: number, others: () => Promise<void>): Place {
  const place = new FolderPlace(folder, systemClock);
  let left = n;
  const get: Place['get'] = async (path, ...rest) => {
    if (path.startsWith('points/') && left-- === 0) await others();
    return place.get(path, ...rest);
  };
  return Object.assign(Object.create(place) as FolderPlace, { ...place, get });
}

/** The points of the whole event files, cut at other places. */
const inOneBatch = () => addressed(GrowingRun.copyOf(run.directory, 'run').read(), '' as Handle);

/** A parcel with many scalars. */
function manyScalars(start: number, count: number): TrackerParcel {
  const column = (of: (row: number) => number): Float64Array => Float64Array.from({ length: count }, (_, row) => of(row));
  const scalars = {
    count,
    series: new Uint32Array(count),
    step: column((row) => start + row),
    wallTime: column((row) => T + row),
    value: column((row) => row / 2),
    offset: column((row) => start + row),
    checksum: new Uint32Array(count),
    index: new Uint32Array(count),
    wideSteps: new Map(),
    wideValues: new Map(),
  };
  const batch = { start, end: start + count, run: RUN, file: 'f', marks: [], objects: [], scalars };
  return { file: 'f', series: [{ tag: 'loss', plugin: 'scalars', form: 'simple_value' }], batch } as unknown as TrackerParcel;
}

describe('files of a run', () => {
  it('hold each point once, whatever ranges it comes in', async () => {
    const [a, b, c] = [parcels(scalars(0, 5)), parcels(scalars(5, 5)), parcels(scalars(10, 5))];
    const files = filesAt();
    await files.store(a, signal);
    await files.store([...a, ...b], signal);
    // Another process, which begins somewhere else.
    await filesAt().store([...b, ...c], signal);
    await filesAt().store([...a, ...b, ...c], signal);
    expect(await held(filesAt())).toEqual(wanted([...a, ...b, ...c]));
    expect(await seenByAll()).toBe(30);
  });

  it('write nothing again for a repeated send', async () => {
    const a = parcels(scalars(0, 5));
    await filesAt().store(a, signal);
    await filesAt(dyingAfter(0)).store(a, signal);
  });

  it('hold each point once after a lost answer, also if batches are cut at other places then', async () => {
    for (const after of [0, 1]) {
      for (const cut of ['each', 'last two', 'whole']) {
        run.remove();
        run = new GrowingRun();
        folder = temporaryFolder();
        const files = filesAt(losingAnswer(after + 2));
        const [a, b, c, d] = [parcels(scalars(0, 5)), parcels(scalars(5, 5)), parcels(scalars(10, 5)), parcels(scalars(15, 5))];
        await files.store(a, signal);
        await expect(files.store([...b, ...c], signal)).rejects.toThrow('the answer is lost');
        const again = cut === 'each' ? [b, c, d] : cut === 'last two' ? [b, [...c, ...d]] : [inOneBatch()];
        for (const more of again) await files.store(more, signal);
        const all = [...a, ...b, ...c, ...d];
        expect(await held(filesAt())).toEqual(wanted(all));
        expect(await seenByAll()).toBe(40);
        await files.close(signal);
        expect(await held(filesAt())).toEqual(wanted(all));
        expect(await seenByAll()).toBe(40);
      }
    }
  });

  it('hold each point once when they are merged, though a killed process stored some late', async () => {
    const [a, b, c] = [parcels(scalars(0, 5)), parcels(scalars(5, 5)), parcels(scalars(10, 5))];
    const files = filesAt();
    await files.store(a, signal);
    await filesAt().store([...b, ...c], signal);
    await files.store(b, signal);
    await files.store(c, signal);
    const all = wanted([...a, ...b, ...c]);
    expect(await held(filesAt())).toEqual(all);
    await files.close(signal);
    expect(await held(filesAt())).toEqual(all);
    expect(await seenByAll()).toBe(30);
    expect(parquetFiles()).toHaveLength(2);
  });

  it('are the only ones that a manifest of others can remove', async () => {
    const files = filesAt();
    const sent = parcels(scalars(0, 3));
    await files.store(sent, signal);
    const kept = join(folder, 'kept.txt');
    writeFileSync(kept, 'text');
    const [inside] = parquetFiles();
    const copy = join(folder, 'points', `${inside}.d`, 'a-0-1-1-b.parquet');
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, 'text');
    const manifest = join(folder, 'runs', RUN.key, '1', 'manifest.json');
    mkdirSync(dirname(manifest), { recursive: true });
    const replaced = ['kept.txt', `points/../kept.txt`, copy.slice(folder.length + 1), 'points'];
    writeFileSync(manifest, JSON.stringify({ version: 1, run_id: 'x', files: [], replaced }));
    await files.close(signal);
    expect([existsSync(kept), existsSync(copy)]).toEqual([true, true]);
    expect(await held(filesAt())).toEqual(wanted(sent));
  });

  it('are read beside files of the same kind in folders of others', async () => {
    const files = filesAt();
    const sent = parcels(scalars(0, 3));
    await files.store(sent, signal);
    const [path] = parquetFiles() as [string];
    const copy = join(folder, 'points', dirname(path), '_temporary', `${basename(path).slice(0, -24)}0123456789abcdef.parquet`);
    mkdirSync(dirname(copy));
    copyFileSync(join(folder, 'points', path), copy);
    expect(await held(filesAt())).toEqual(wanted(sent));
    await filesAt().close(signal);
    expect(existsSync(copy)).toBe(true);
  });

  it('stay if the manifest is lost', async () => {
    const all = [];
    for (const from of [0, 5, 10]) {
      const more = parcels(scalars(from, 5));
      await filesAt().store(more, signal);
      all.push(...more);
      await filesAt().close(signal);
      rmSync(join(folder, 'runs', RUN.key, '1', 'manifest.json'));
      expect(await held(filesAt())).toEqual(wanted(all));
      await filesAt().close(signal);
      expect(await held(filesAt())).toEqual(wanted(all));
      expect(await seenByAll()).toBe(all.flatMap(pointsOf).length);
    }
  });

  it('are read once each while another process merges them', async () => {
    const all = [];
    for (let n = 0; n < 8; n++) {
      const file = `events.out.tfevents.${n % 3}.host`;
      const late = filesAt();
      const [a, b, c] = [0, 5, 10].map((from) => parcels(scalars(from, 5), file)) as [TrackerParcel[], TrackerParcel[], TrackerParcel[]];
      await late.store(a, signal);
      // Some are in two files.
      await filesAt().store([...b, ...c], signal);
      await late.store(b, signal);
      all.push(...a, ...b, ...c);
      let merged = 0;
      const place = interruptedAt(n, async () => {
        merged++;
        await filesAt().close(signal);
      });
      expect(await held(filesAt(place))).toEqual(wanted(all));
      expect(merged).toBe(1);
    }
  });

  it('that stay gone although they are listed are damage, after a few listings', async () => {
    await filesAt().store(parcels(scalars(0, 5)), signal);
    const place = new FolderPlace(folder, systemClock);
    let listings = 0;
    const list: Place['list'] = async (below, ...rest) => {
      if (below.includes('kind=scalars')) listings++;
      return place.list(below, ...rest);
    };
    const get: Place['get'] = async (path, ...rest) => (path.includes('kind=scalars') ? undefined : place.get(path, ...rest));
    const files = filesAt(Object.assign(Object.create(place) as FolderPlace, { ...place, list, get }));
    await expect(held(files)).rejects.toMatchObject({ code: 'MB4006', message: expect.stringContaining('it is gone') });
    expect(listings).toBe(5);
    await expect(files.store(inOneBatch(), signal)).rejects.toMatchObject({ code: 'MB4006' });
    expect(listings).toBe(9);
  });

  it('are read only where their bounds say that points of a range can be', async () => {
    await filesAt().store([manyScalars(0, 250_000)], signal);
    const [path] = parquetFiles();
    const bytes = readFileSync(join(folder, 'points', path as string));
    const read = async (start: number, end: number): Promise<number[]> => {
      const first: number[] = [];
      const groups = decodeGroups<typeof POINTS, 'offset'>(bytes, ['offset'], '', { start, end });
      for await (const { data } of groups) first.push(Number(data.offset[0]));
      return first;
    };
    expect(await read(0, 250_000)).toEqual([0, 100_000, 200_000]);
    expect(await read(99_999, 100_000)).toEqual([0]);
    expect(await read(100_000, 200_001)).toEqual([100_000, 200_000]);
    expect(await read(250_000, 300_000)).toEqual([]);
    // Points of the last group come again, with others.
    await filesAt().store([manyScalars(249_990, 20)], signal);
    expect(await seenByAll()).toBe(250_010);
  });

  it('of more rows than a group are read and merged whole', async () => {
    for (const [start, count] of [
      [0, 120_000],
      [120_000, 10],
    ] as const)
      await filesAt().store([manyScalars(start, count)], signal);
    const steps = async (): Promise<Set<number | bigint>> => {
      const found = new Set<number | bigint>();
      for await (const { points } of filesAt().readBack(undefined, signal)) for (const { step } of points) found.add(step);
      return found;
    };
    expect((await steps()).size).toBe(120_010);
    await filesAt().close(signal);
    expect(parquetFiles()).toEqual([expect.stringMatching(/-0-120010-120010-[0-9a-f]{16}-merged\.parquet$/)]);
    expect((await steps()).size).toBe(120_010);
    expect(await seenByAll()).toBe(120_010);
  });

  it('become one per event file and kind, and a manifest says which', async () => {
    const all = [];
    for (const from of [0, 5, 10, 15]) {
      const files = filesAt();
      for (const more of [parcels(scalars(from, 5)), parcels(scalars(from, 5), 'events.out.tfevents.2.b')]) {
        await files.store(more, signal);
        all.push(...more);
      }
    }
    expect(parquetFiles()).toHaveLength(16);
    await filesAt().close(signal);
    expect(parquetFiles()).toHaveLength(4);
    expect(await held(filesAt())).toEqual(wanted(all));
    const manifest = JSON.parse(readFileSync(join(folder, 'runs', RUN.key, '1', 'manifest.json'), 'utf8')) as { files: string[] };
    expect(manifest).toMatchObject({ version: 1, run_id: '0123456789abcdef-1', replaced: [] });
    expect(manifest.files.map((path) => path.slice('points/'.length)).sort()).toEqual(parquetFiles().sort());
    // Nothing changes the second time.
    await filesAt(dyingAfter(0)).close(signal);
  });

  it('lose and repeat nothing if a process dies at any moment of merging, and are whole after the next one', async () => {
    const all = [];
    for (const from of [0, 5, 10]) {
      const more = parcels(scalars(from, 5));
      await filesAt().store(more, signal);
      all.push(...more);
    }
    let deaths = 0;
    for (let changes = 0; ; changes++) {
      const died = await filesAt(dyingAfter(changes))
        .close(signal)
        .then(
          () => false,
          () => true,
        );
      expect(await held(filesAt())).toEqual(wanted(all));
      if (!died) break;
      deaths++;
      // The run goes on meanwhile: what is to be merged changes.
      if (deaths > 8) continue;
      const more = parcels(scalars(100 * deaths, 2));
      await filesAt().store(more, signal);
      all.push(...more);
    }
    expect(deaths).toBeGreaterThan(8);
    expect(parquetFiles()).toHaveLength(2);
    expect(await seenByAll()).toBe(all.flatMap(pointsOf).length);
  });

  it('that somebody damaged are named, and stop only their run', async () => {
    const a = parcels(scalars(0, 5));
    await filesAt().store(a, signal);
    const path = parquetFiles().find((name) => name.includes('kind=scalars')) as string;
    writeFileSync(join(folder, 'points', path), 'PAR1 and then nothing');
    await expect(held(filesAt())).rejects.toMatchObject({
      code: 'MB4006',
      message: expect.stringContaining(path),
      hint: expect.stringContaining('verify --repair'),
    });
    await filesAt().store(parcels(scalars(5, 5)), signal);
    await filesAt().close(signal);
    expect(existsSync(join(folder, 'points', path))).toBe(true);
  });

  it('of media are read back too: a point without its file is missing, and comes again with it', async () => {
    const a = parcels([event({ wallTime: T, step: 1, summary: [image('sample', { width: 1, height: 1, encoded: PNG })] })]);
    await filesAt().store(a, signal);
    const [name] = readdirSync(join(folder, 'media', 'run_id=0123456789abcdef-1'));
    const media = join(folder, 'media', 'run_id=0123456789abcdef-1', name as string);
    expect(readFileSync(media)).toEqual(PNG);
    for (const harm of [() => rmSync(media), () => writeFileSync(media, 'other bytes')]) {
      harm();
      expect(await held(filesAt())).toEqual([]);
      await filesAt().store(a, signal);
      expect(await held(filesAt())).toEqual(wanted(a));
      expect(readFileSync(media)).toEqual(PNG);
    }
  });

  it('keep every bit of a number', async () => {
    const values = [NaN, Infinity, -Infinity, -0, 0, 5e-324, 1.7976931348623157e308, 0.1, 2 ** 64];
    const steps = [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
    const events = values.map((value, i) =>
      event({ wallTime: i === 0 ? NaN : -0, step: steps[i % steps.length] as bigint, summary: [simpleValue('x', value)] }),
    );
    await filesAt().store(parcels(events), signal);
    const [path] = parquetFiles();
    const { data } = await decode<typeof POINTS, 'step' | 'value' | 'wall_time'>(
      readFileSync(join(folder, 'points', path as string)),
      ['step', 'value', 'wall_time'],
      '',
    );
    const bits = (x: number): bigint => new BigInt64Array(Float64Array.of(x).buffer)[0] as bigint;
    expect(Array.from(data.value as number[], bits)).toEqual(values.map((value) => bits(Math.fround(value))));
    expect(Array.from(data.step as bigint[], BigInt)).toEqual(values.map((_, i) => steps[i % steps.length]));
    expect(Object.is(data.wall_time[1], -0)).toBe(true);
    expect(data.wall_time[0]).toBeNaN();
  });

  it('are gone after a removal', async () => {
    await filesAt().store(parcels(scalars(0, 2)), signal);
    await filesAt().close(signal);
    await filesAt().remove(signal);
    const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(left).toEqual([]);
  });
});
