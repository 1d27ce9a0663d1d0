import { expect, test } from '@jest/globals';
import { type Batch, joinBatches } from '../../../src/model/index.ts';

function batch(start: number, steps: readonly number[], wide?: readonly [row: number, value: bigint]): Batch {
  // Columns may be longer than what is in them.
  const words = (value: number): Uint32Array => new Uint32Array(steps.length + 3).fill(value);
  const numbers = (values: readonly number[]): Float64Array => Float64Array.from([...values, 9, 9, 9]);
  return {
    run: { root: 'logs', path: 'a' },
    file: 'tfevents',
    generation: 1,
    start,
    end: start + 10,
    records: steps.length,
    newSeries: [],
    scalars: {
      count: steps.length,
      series: words(start),
      step: numbers(steps),
      wallTime: numbers(steps),
      value: numbers(steps),
      offset: numbers(steps.map(() => start)),
      checksum: words(start),
      index: words(0),
      wideSteps: new Map(wide === undefined ? [] : [wide]),
      wideValues: new Map(),
    },
    objects: [],
    marks: [{ kind: 'empty', step: 0, wallTime: 0, offset: start, checksum: 0, payload: new Uint8Array() }],
  };
}

test('joins batches in their order, each with its own data', () => {
  const joined = joinBatches([batch(100, [1, 2]), batch(40, [3], [0, 2n ** 60n]), batch(200, [])]);
  expect(joined).toMatchObject({ start: 40, end: 210, records: 3, generation: 1, file: 'tfevents' });
  expect(joined.scalars.count).toBe(3);
  expect([...joined.scalars.step]).toEqual([1, 2, 3]);
  expect([...joined.scalars.offset]).toEqual([100, 100, 40]);
  expect([...joined.scalars.series]).toEqual([100, 100, 40]);
  expect([...joined.scalars.wideSteps]).toEqual([[2, 2n ** 60n]]);
  expect(joined.marks.map(({ offset }) => offset)).toEqual([100, 40, 200]);
});

test('returns a single batch unchanged', () => {
  const one = batch(0, [1]);
  expect(joinBatches([one])).toBe(one);
});
