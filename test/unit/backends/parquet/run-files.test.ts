import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FolderPlace } from '../../../../src/backends/parquet/folder.ts';
import type { Place } from '../../../../src/backends/parquet/place.ts';
import { RunFiles } from '../../../../src/backends/parquet/run-files.ts';
import { decode, type POINTS } from '../../../../src/backends/parquet/table.ts';
import { systemClock } from '../../../../src/clock.ts';
import type { Handle } from '../../../../src/contract/index.ts';
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
