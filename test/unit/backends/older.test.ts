import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import { RunSession } from '../../../src/reading/reader.ts';
import { FileWindow } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { concat, event, eventFile, float64, histogramTensor, image, simpleValue, tensorScalar, text } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUN = { root: 'logs', path: 'run' };
const NAME = 'events.out.tfevents.1';

let folder = '';
let directory = '';
let backend: LocalBackend;
let session: RunSession;
beforeEach(() => {
  folder = temporaryFolder();
  directory = join(folder, 'logs', 'run');
  mkdirSync(directory, { recursive: true });
  open();
  session = new RunSession({ series: [] });
});
afterEach(async () => {
  await backend.close();
});

function open(): void {
  backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
}

/** Stores what is in the file now as one of its generations. */
async function store(bytes: Uint8Array, generation: number): Promise<void> {
  writeFileSync(join(directory, NAME), bytes);
  const handle = await backend.open({ run: RUN, rootPath: join(folder, 'logs') });
  const guard = { first: undefined, last: undefined };
  const state = { name: NAME, generation, position: { watermark: 0, gaps: [] }, guard, damage: [], size: 0, stamp: '', records: 0 };
  const known = backend.catalogue(RUN);
  session = new RunSession({ series: known });
  const job = { run: RUN, directory: directoryAt(directory), files: [{ name: NAME, state }], series: known, settled: true };
  for (const read of session.read(job, new FileWindow())) {
    if (read.kind !== 'batch') continue;
    expect(await backend.send([{ handle, batch: read.batch, state: read.state }])).toMatchObject([{ kind: 'accepted' }]);
  }
}

function rows(sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(folder, 'store.db'), { readOnly: true });
  try {
    const statement = db.prepare(sql);
    statement.setReadBigInts(true);
    return statement.all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

const TABLES = ['point', 'odd_point', 'segment', 'object', 'histogram', 'object_blob', 'mark'] as const;

function counts(): Record<string, number> {
  return Object.fromEntries(TABLES.map((table) => [table, Number(rows(`SELECT count(*) AS n FROM ${table}`)[0]?.['n'])]));
}

const VIEWS = ['runs', 'tags', 'histograms', 'texts', 'media', 'marks', 'files'];

async function everything(): Promise<unknown> {
  const handle = await backend.open({ run: RUN, rootPath: join(folder, 'logs') });
  const points: unknown[] = [];
  for await (const chunk of backend.readBack(handle)) points.push(chunk);
  const views = VIEWS.map((view) => rows(`SELECT * FROM ${view}`));
  return { points, views, scalars: rows('SELECT tag, step, wall_time, value, file FROM scalars ORDER BY tag, step, wall_time') };
}

function compact(): void {
  for (let calls = 0; backend.compact(RUN); calls++) expect(calls).toBeLessThan(1000);
}

const scalar = (step: number, value: number | Uint8Array = step / 3, wallTime: number | Uint8Array = 1e9 + step): Uint8Array =>
  event({ step, wallTime, summary: [simpleValue('loss', value), simpleValue('accuracy', value)] });

/** Of every form: odd numbers, what is no scalar, media, and what belongs to no series. */
const EVENTS: readonly Uint8Array[] = [
  event({ wallTime: 1e9, sessionLog: { status: 'start' } }),
  event({ wallTime: 1e9, graphDef: Uint8Array.from({ length: 100_000 }, (_, i) => i % 7) }),
  scalar(1),
  scalar(2, -0),
  scalar(3, NaN),
  scalar(4, Infinity, -0),
  scalar(4, Infinity, float64(NaN)),
  event({ step: 2n ** 60n, wallTime: 1e9, summary: [tensorScalar('wide', 2n ** 60n + 1n, 'int64')] }),
  event({ step: 5, wallTime: 1e9, summary: [histogramTensor('h', [[0, 1, 4]]), text('note', 'a note')] }),
  event({
    step: 5,
    wallTime: 1e9,
    summary: [image('img', { width: 2, height: 2, encoded: Uint8Array.from({ length: 900 }, (_, i) => i) })],
  }),
  ...Array.from({ length: 30 }, (_, i) => scalar(10 + i)),
];
const WHOLE = eventFile(...EVENTS);

describe('the former content of a file', () => {
  it('is removed if the current content includes it, so that eight copies over itself leave every row once', async () => {
    await store(WHOLE, 0);
    const once = counts();
    for (let copy = 0; copy < 8; copy++) {
      await store(WHOLE.subarray(0, Math.round((WHOLE.length * (copy + 1)) / 9)), 2 * copy + 1);
      await store(WHOLE, 2 * copy + 2);
    }
    const before = await everything();
    expect(counts()['point']).toBeGreaterThan(8 * (once['point'] ?? 0));
    compact();
    expect(counts()).toEqual({ ...once, segment: counts()['segment'] });
    expect(await everything()).toEqual(before);
    expect(rows('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(rows('SELECT DISTINCT generation FROM segment')).toEqual([{ generation: 16n }]);
    compact();
    expect(await everything()).toEqual(before);
  });

  it('is removed if the same points are at other places, between others', async () => {
    const points = [1, 2, 3].map((step) => scalar(step));
    await store(eventFile(...points), 0);
    const apart = eventFile(
      event({ wallTime: 1, logMessage: { message: 'resumed' } }),
      scalar(0),
      ...points.flatMap((each) => [each, scalar(7)]),
    );
    await store(apart, 1);
    compact();
    expect(rows('SELECT DISTINCT generation FROM segment')).toEqual([{ generation: 1n }]);
    expect(counts()['point']).toBe(14);
  });

  const REST = EVENTS.slice(0, 3);
  const H = (count: number): Uint8Array => event({ step: 5, wallTime: 1, summary: [histogramTensor('h', [[0, 1, count]])] });
  const DIFFERENT: readonly (readonly [what: string, before: readonly Uint8Array[], after: readonly Uint8Array[]])[] = [
    ['a value', [...REST, scalar(9, 1)], [...REST, scalar(9, 2)]],
    ['a last bit of a wall time', [...REST, scalar(9, 1, 1e9)], [...REST, scalar(9, 1, 1e9 + 2 ** -23)]],
    ['a sign of zero', [...REST, scalar(9, -0)], [...REST, scalar(9, 0)]],
    ['a sign of a wall time of zero', [...REST, scalar(9, 1, -0)], [...REST, scalar(9, 1, 0)]],
    ['a NaN', [...REST, scalar(9, NaN)], [...REST, scalar(9, 1)]],
    ['a step', [...REST, scalar(9, 1, 5)], [...REST, scalar(8, 1, 5)]],
    ['a point more', [...REST, scalar(9), scalar(9)], [...REST, scalar(9)]],
    ['an order', [...REST, scalar(8), scalar(9)], [...REST, scalar(9), scalar(8)]],
    ['a tag', [...REST, event({ step: 1, summary: [simpleValue('other', 1)] })], REST],
    ['a histogram', [...REST, H(4)], [...REST, H(5)]],
    [
      'a mark',
      [...REST, event({ wallTime: 1, logMessage: { message: 'a' } })],
      [...REST, event({ wallTime: 1, logMessage: { message: 'b' } })],
    ],
    ['everything', REST, []],
  ];
  it.each(DIFFERENT)('is kept if it differs in %s', async (_, before, after) => {
    await store(eventFile(...before), 0);
    await store(eventFile(...after), 1);
    const [kept, seen] = [counts(), await everything()];
    compact();
    expect(counts()).toEqual({ ...kept, segment: counts()['segment'] });
    expect(await everything()).toEqual(seen);
    // With the former content back, the one between is the one that may go, or stay.
    await store(eventFile(...before), 2);
    compact();
    expect(rows('SELECT 1 FROM segment WHERE generation = 0 UNION SELECT 1 FROM object WHERE generation = 0')).toEqual([]);
  });

  it('is removed piece by piece, and a process that ends between two pieces loses nothing', async () => {
    const large = concat(WHOLE, eventFile(...Array.from({ length: 30_000 }, (_, i) => scalar(100 + i))));
    await store(large, 0);
    await store(large, 1);
    const before = await everything();
    const sums = (): unknown => rows('SELECT tag, count(*), sum(step * value) FROM scalars WHERE step < 1000000 GROUP BY tag');
    const [summed, listed] = [sums(), rows('SELECT * FROM runs, tags')];
    let calls = 0;
    while (backend.compact(RUN)) {
      expect([sums(), rows('SELECT * FROM runs, tags')]).toEqual([summed, listed]);
      // The next process starts from the beginning.
      await backend.close();
      open();
      for (let more = 0; more < calls && backend.compact(RUN); more++) expect(more).toBeLessThan(20);
      if (++calls > 20) throw new Error('it never ends');
    }
    expect(calls).toBeGreaterThan(2);
    expect(await everything()).toEqual(before);
    expect(rows('SELECT DISTINCT generation FROM segment')).toEqual([{ generation: 1n }]);
    expect(counts()['point']).toBe(Number(rows('SELECT sum(last_point - first_point + 1) AS n FROM segment')[0]?.['n']));
  });

  it('stays if more data arrives meanwhile, until that is compared, too', async () => {
    const large = eventFile(...Array.from({ length: 60_000 }, (_, i) => scalar(i)));
    await store(large, 0);
    await store(large, 1);
    expect(backend.compact(RUN)).toBe(true);
    await store(eventFile(scalar(0)), 2);
    compact();
    expect(rows('SELECT DISTINCT generation FROM segment ORDER BY 1')).toEqual([
      { generation: 0n },
      { generation: 1n },
      { generation: 2n },
    ]);
  });
});
