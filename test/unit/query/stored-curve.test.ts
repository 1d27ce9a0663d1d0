// Curves that are made from the buckets of the store, compared with those that are made of every point.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { backfill } from '../../../src/index.ts';
import { bucketsOf } from '../../../src/query/buckets.ts';
import { type Buckets, type Curve, type ExactPoints, type Question, type Shown, StoreQuery } from '../../../src/query/index.ts';
import { MOST_READ_POINTS } from '../../../src/query/stored-curve.ts';
import { event, eventFile, simpleValue, tensorScalar } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let query: StoreQuery;
let path = '';

/** Points of one tag: some are NaN, infinite, -0. */
function points(tag: string, from: number, to: number, stride = 1): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => {
    const at = from + i;
    const value = at % 97 === 5 ? Number.NaN : at % 211 === 7 ? Number.NEGATIVE_INFINITY : at % 89 === 0 ? -0 : Math.sin(at / 50) * at;
    return event({ wallTime: 1000 + at / 4, step: at * stride, summary: [simpleValue(tag, value)] });
  });
}

beforeAll(async () => {
  const folder = temporaryFolder();
  const put = (run: string, name: string, ...events: readonly Uint8Array[]): void => {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    writeFileSync(join(folder, 'logs', run, `events.out.tfevents.${name}`), eventFile(...events));
  };
  put('plain', '1', ...points('loss', 0, 9000, 10));
  put('uneven', '1', ...points('loss', 0, 3000, 3), ...points('loss', 3000, 9000, 7));
  // The second file begins again within the first one, the third one within the second.
  put('restarted', '1', ...points('loss', 0, 7000));
  put('restarted', '2', ...points('loss', 5003, 11_000));
  put('restarted', '3', ...points('loss', 10_017, 16_000));
  put('again', '1', ...points('loss', 0, 6000), ...points('loss', 1009, 8000));
  put(
    'doubles',
    '1',
    ...Array.from({ length: 6000 }, (_, i) => event({ wallTime: i, step: i, summary: [tensorScalar('loss', i / 3, 'double')] })),
  );
  path = join(folder, 'runs.db');
  await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store: { path, mediaPath: join(folder, 'media') },
    signal: new AbortController().signal,
  });
  query = new StoreQuery(path);
});

afterAll(() => query.close());

const RUNS = ['plain', 'uneven', 'restarted', 'again', 'doubles'];

function curve(run: string, more: Partial<Extract<Question, { kind: 'curves' }>>): Curve {
  const [only] = query.ask({ kind: 'curves', runs: [{ root: 'logs', path: run }], tags: ['loss'], ...more });
  return only as Curve;
}

const exactly = ({ step, wallTime, value }: ExactPoints) =>
  step.map((each, i) => ({ step: each, wallTime: wallTime[i] as number, value: value[i] as number }));

const isNear = (a: number, b: number): boolean => Object.is(a, b) || Math.abs(a - b) < 1e-5 * Math.abs(b) + 1e-3;

const NO_RANGE = {};
const RANGES = [NO_RANGE, { from: 1003 }, { to: 30_001 }, { from: 77, to: 12_345 }, { from: 5003, to: 5003 }, { from: 99_999_999 }];

describe('a curve of many points', () => {
  it('is made from buckets', () => {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      expect(db.prepare('SELECT count(*) AS n FROM segment WHERE buckets IS NULL').get()?.['n']).toBe(0);
    } finally {
      db.close();
    }
  });

  it.each(RUNS.flatMap((run) => (['all', 'tensorboard', 'python'] as const).map((shown): [string, Shown] => [run, shown])))(
    '%s, shown as %s, says of each bucket what its points say',
    (run, shown) => {
      for (const range of RANGES) {
        const exact = exactly(curve(run, { ...range, shown }).data as ExactPoints);
        for (const width of [1, 17, 1000]) {
          const { count, data } = curve(run, { ...range, shown, width });
          expect([run, range, count]).toEqual([run, range, exact.length]);
          if (exact.length <= width) {
            expect(exactly(data as ExactPoints)).toEqual(exact);
            continue;
          }
          const buckets = data as Buckets;
          expect(buckets.count.length).toBeLessThanOrEqual(width);
          // Where there are enough points, as many buckets as the width asks for, if the store has so many.
          expect(buckets.count.length).toBeGreaterThan(Math.min(width, exact.length / 16) / 2);
          let at = 0;
          const wanted = buckets.count.map((size) => {
            at += size;
            return bucketsOf(exact.slice(at - size, at), 1);
          });
          for (const name of Object.keys(wanted[0] as Buckets).filter((each) => each !== 'kind') as (keyof Omit<Buckets, 'kind'>)[]) {
            const [got, want] = [buckets[name] as readonly number[], wanted.map((one) => (one[name] as readonly number[])[0] as number)];
            // The store rounds a mean to the precision of the values.
            if (name !== 'mean') expect([range, width, name, got]).toEqual([range, width, name, want]);
            else expect(got.filter((mean, i) => !isNear(mean, want[i] as number))).toEqual([]);
          }
          expect(at).toBe(exact.length);
        }
      }
    },
  );

  it('is exact where few points are left', () => {
    const { data } = curve('plain', { from: 1000, to: 3000, width: 500 });
    expect(data.kind).toBe('exact');
    expect(MOST_READ_POINTS).toBeLessThan(9000);
  });
});
