import { expect, it } from '@jest/globals';
import { keyOfTag, readRow, rowsOf } from '../../../../src/backends/trackio/rows.ts';
import type { Handle } from '../../../../src/contract/index.ts';
import { event, histogramTensor, simpleValue, text } from '../../../../src/testing/events/index.ts';
import { addressed, GrowingRun, pointsOf } from '../../../../src/testing/parcels.ts';

const T = 1_700_000_000;

/** What comes back of rows, as SQLite and Python return them. */
function heldOf(events: readonly Uint8Array[]) {
  const run = new GrowingRun();
  try {
    const drafts = run.append(events);
    const rows = addressed(drafts, 'h' as Handle).flatMap((parcel) => rowsOf(parcel, 'run-1', (name) => `p/run-1/${name}`));
    const held = rows.map((row) => readRow({ id: row.id, step: String(row.step), metrics: row.metrics }));
    return { rows, held, points: drafts.flatMap(pointsOf) };
  } finally {
    run.remove();
  }
}

it('a row keeps every number of a scalar', () => {
  const values = [0, -0, 1, 0.1, 5e-324, 1e20, 2 ** 53, -(2 ** 60), 1.7976931348623157e308, NaN, Infinity, -Infinity];
  const times = [T, -1.5, 1e300, NaN, -Infinity, -0, T + 0.1234567, 0, 1, 2, 3, 4];
  const steps = [0, -3, 2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1, 2n ** 53n, 1, 1, 1, 1, 1, 1];
  const { held, points } = heldOf(
    values.map((value, i) => event({ wallTime: times[i] as number, step: steps[i] as number, summary: [simpleValue('loss', value)] })),
  );
  expect(held.map((row) => [row?.tag, row?.plugin, row?.point.step, row?.point.wallTime, row?.point.value])).toEqual(
    points.map(({ tag, plugin, step, wallTime, value }) => [tag, plugin, step, wallTime, value]),
  );
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
  expect(String(rows[2]?.blobs[0]?.data)).toBe(points[2]?.value);
  expect(held[2]?.text).toMatch(/^[0-9a-f]{64}\.json$/);
  expect(rows[2]?.metrics.length).toBeLessThan(80_000);
});

it('ids are in the order of the file, and other bytes at a place get another id', () => {
  const { rows } = heldOf([1, 2, 3].map((step) => event({ wallTime: T, step, summary: [simpleValue('a', step), simpleValue('b', step)] })));
  const ids = rows.map(({ id }) => id);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(6);
  const other = heldOf([event({ wallTime: T, step: 1, summary: [simpleValue('a', 9), simpleValue('b', 9)] })]).rows[0]?.id;
  expect(other).not.toBe(ids[0]);
  expect(other?.slice(0, 47)).toBe(ids[0]?.slice(0, 47));
});

it("tags that are Trackio's own words get keys of their own", () => {
  const tags = ['step', 'step_', 'step__', '', '_', 'timestamp', 'steps', 'loss', 'metrics', '__proto__'];
  expect(new Set(tags.map(keyOfTag)).size).toBe(tags.length);
  expect(tags.map(keyOfTag)).toEqual(['step_', 'step__', 'step___', '_', '__', 'timestamp_', 'steps', 'loss', 'metrics_', '__proto__']);
  const { held } = heldOf([event({ wallTime: T, summary: tags.map((tag, i) => simpleValue(tag, i)) })]);
  expect(held.map((row) => row?.tag)).toEqual(tags);
});

it('what is no row of ours is no point', () => {
  for (const metrics of ['', 'null', '[]', '{}', '{"a":{"_type":"trackio.image"}}', '{"a":']) {
    expect(readRow({ id: 'run-1/f/0/0/0/1', step: '1', metrics })).toBeUndefined();
  }
  expect(readRow({ id: 'run-1.config', step: '0', metrics: '{"a":1}' })).toBeUndefined();
});
