import { expect, it } from '@jest/globals';
import { idStart, itemsOf, keyOfTag, readRow, rowsOf } from '../../../../src/backends/trackio/rows.ts';
import type { Handle } from '../../../../src/contract/index.ts';
import { event, histogramTensor, simpleValue, text } from '../../../../src/testing/events/index.ts';
import { addressed, GrowingRun, pointsOf } from '../../../../src/testing/parcels.ts';

const T = 1_700_000_000;

/** What comes back of rows, as SQLite and Python return them. */
function heldOf(events: readonly Uint8Array[], isHeld: (place: string) => boolean = () => false) {
  const run = new GrowingRun();
  try {
    const drafts = run.append(events);
    const [parcel] = addressed(drafts, 'h' as Handle);
    if (parcel === undefined || drafts.length !== 1) throw new Error('expected one parcel');
    const items = [...itemsOf(parcel, (name) => `p/run-1/${name}`)];
    const rows = [...rowsOf(items, idStart('run-1', parcel.file), ({ place }) => isHeld(place))];
    const held = rows.flatMap((row) => readRow({ id: row.id, step: String(row.items[0]?.step), metrics: row.metrics }));
    return { items, rows, held, points: drafts.flatMap(pointsOf) };
  } finally {
    run.remove();
  }
}

const inOrder = (held: ReturnType<typeof readRow>) =>
  held.map(({ tag, plugin, point: { step, wallTime, value, offset, index } }) => [tag, plugin, step, wallTime, value, offset, index]);
const wantedOf = (points: ReturnType<typeof pointsOf>) =>
  points.map(({ tag, plugin, step, wallTime, value, offset, index }) => [tag, plugin, step, wallTime, value, offset, index]);
const step = (at: number, tags: readonly string[], wallTime = T + at): Uint8Array[] =>
  tags.map((tag, i) => event({ wallTime: wallTime + i / 1e4, step: at, summary: [simpleValue(tag, at + i / 7)] }));

it('the scalars of a step are one row, which gives back every point', () => {
  const tags = ['loss', 'acc', 'lr'];
  const { rows, held, points } = heldOf([1, 2, 3].flatMap((at) => step(at, tags)));
  expect(rows.map(({ items }) => items.length)).toEqual([3, 3, 3]);
  expect(inOrder(held)).toEqual(wantedOf(points));
  expect(Object.keys(JSON.parse(rows[0]?.metrics ?? ''))).toEqual([...tags, 'mirrorboard']);
});

it('a row ends where a point would not fit: another step, the same tag, a late one, another kind, an index as tag', () => {
  const events = [
    ...step(1, ['a', 'b', 'a', 'c']),
    ...step(1, ['d'], T + 5),
    event({
      wallTime: T + 5,
      step: 1,
      summary: [simpleValue('e', 1), text('t', 'x'), simpleValue('f', 1), simpleValue('7', 1), simpleValue('g', 1)],
    }),
    ...step(
      2,
      Array.from({ length: 100 }, (_, i) => `tag ${i}`),
    ),
    ...step(3, ['a', 'b'], Number.NaN),
  ];
  const { rows, held, points } = heldOf(events);
  expect(rows.map(({ items }) => items.length)).toEqual([2, 2, 2, 1, 1, 1, 1, 64, 36, 1, 1]);
  expect(inOrder(held)).toEqual(wantedOf(points));
});

it('points that are held end a row, and the others keep their places', () => {
  const events = step(1, ['a', 'b', 'c', 'd', 'e']);
  const { items } = heldOf(events);
  const there = new Set([items[0]?.place, items[2]?.place]);
  const { rows } = heldOf(events, (place) => there.has(place));
  expect(rows.map(({ items: own }) => own.map(({ key }) => key))).toEqual([['"b"'], ['"d"', '"e"']]);
});

it('a row keeps every number of a scalar', () => {
  const values = [0, -0, 1, 0.1, 5e-324, 1e20, 2 ** 53, -(2 ** 60), 1.7976931348623157e308, NaN, Infinity, -Infinity];
  const times = [T, -1.5, 1e300, NaN, -Infinity, -0, T + 0.1234567, 0, 1, 2, 3, 4];
  const steps = [0, -3, 2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1, 2n ** 53n, 1, 1, 1, 1, 1, 1];
  const { held, points } = heldOf(
    values.map((value, i) => event({ wallTime: times[i] as number, step: steps[i] as number, summary: [simpleValue('loss', value)] })),
  );
  expect(inOrder(held)).toEqual(wantedOf(points));
});

it('no number is written as an integer that a double does not hold, nor beyond 64 bits', () => {
  const { rows } = heldOf([event({ wallTime: T, summary: [simpleValue('loss', 1e20), simpleValue('other', 2 ** 53)] })]);
  for (const { metrics } of rows) expect(metrics).not.toMatch(/:-?\d{16}/);
});

it('a row of another kind has its exact value, and a long one is in a file', () => {
  const { rows, held, points } = heldOf([
    event({ wallTime: T, summary: [histogramTensor('h', [[0, 1, 2]]), text('t', 'short'), text('long', 'x'.repeat(100_000))] }),
  ]);
  expect(held.map((row) => row?.plugin)).toEqual(['histograms', 'text', 'text']);
  expect(held.slice(0, 2).map((row) => row?.point.value)).toEqual(points.slice(0, 2).map(({ value }) => value));
  expect(String(rows[2]?.items[0]?.blobs[0]?.data)).toBe(points[2]?.value);
  expect(held[2]?.text).toMatch(/^[0-9a-f]{64}\.json$/);
  expect(rows[2]?.metrics.length).toBeLessThan(80_000);
});

it('ids are in the order of the file, and other bytes at a place get another id', () => {
  const { rows } = heldOf([1, 2, 3].map((at) => event({ wallTime: T, step: at, summary: [simpleValue('a', at), simpleValue('a', at)] })));
  const ids = rows.map(({ id }) => id);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(6);
  const other = heldOf([event({ wallTime: T, step: 1, summary: [simpleValue('a', 9), simpleValue('a', 9)] })]).rows[0]?.id;
  expect(other).not.toBe(ids[0]);
  expect(other?.slice(0, 40)).toBe(ids[0]?.slice(0, 40));
});

it("tags that are Trackio's own words get keys of their own", () => {
  const tags = ['step', 'step_', 'step__', '', '_', 'timestamp', 'steps', 'loss', 'metrics', 'mirrorboard', '__proto__'];
  expect(new Set(tags.map(keyOfTag)).size).toBe(tags.length);
  expect(tags.map(keyOfTag)).toEqual([
    'step_',
    'step__',
    'step___',
    '_',
    '__',
    'timestamp_',
    'steps',
    'loss',
    'metrics_',
    'mirrorboard_',
    '__proto__',
  ]);
  const { held } = heldOf([event({ wallTime: T, summary: tags.map((tag, i) => simpleValue(tag, i)) })]);
  expect(held.map((row) => row?.tag)).toEqual(tags);
});

it('what is no row of ours is no point', () => {
  for (const metrics of ['', 'null', '[]', '{}', '{"a":{"_type":"trackio.image"}}', '{"a":']) {
    expect(readRow({ id: 'run-1/f/0/0,0,0,1', step: '1', metrics })).toEqual([]);
  }
  expect(readRow({ id: 'run-1.config', step: '0', metrics: '{"a":1}' })).toEqual([]);
});
