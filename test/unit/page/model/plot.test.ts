import { describe, expect, it } from '@jest/globals';
import { crosshairRows, hitPlot } from '../../../../src/page/model/crosshair.ts';
import { readCurve } from '../../../../src/page/model/curve.ts';
import { meanPlot } from '../../../../src/page/model/group-plots.ts';
import { lonePoints, type Plot, plotOf } from '../../../../src/page/model/plot.ts';
import { smoothed } from '../../../../src/page/model/smoothing.ts';
import { xRangeOf, yRangeOf } from '../../../../src/page/model/y-range.ts';

const OPTIONS = { x: 'step', smoothing: 0 } as const;
const RANGE = { scale: 'linear', x: null, ignoreOutliers: false, includeZero: false } as const;

function curveOf(id: string, step: readonly number[], value: readonly (number | string)[], smooth?: readonly number[]) {
  const data = { kind: 'exact' as const, step, wall_time: step.map((at) => 1000 + at * 2), value };
  return readCurve({ id, tag: 'loss', count: step.length, data: smooth === undefined ? data : { ...data, smoothed: smooth } });
}

function plot(id: string, step: readonly number[], value: readonly (number | string)[]): Plot {
  return plotOf(curveOf(id, step, value), OPTIONS);
}

describe('plotOf', () => {
  it('draws no line through NaN and infinities, but marks them', () => {
    const { y, marks } = plot('a', [0, 1, 2, 3], [1, 'NaN', 'Infinity', '-Infinity']);
    expect([...y]).toEqual([1, Number.NaN, Number.NaN, Number.NaN]);
    expect(marks).toEqual([
      { x: 1, kind: 'nan' },
      { x: 2, kind: 'above' },
      { x: 3, kind: 'below' },
    ]);
  });

  it('marks a bucket that hides a NaN or an infinity', () => {
    const data = { kind: 'buckets' as const, count: [9], first_step: [0], last_step: [8], first_wall_time: [0], last_wall_time: [8] };
    const curve = readCurve({ id: 'a', tag: 't', count: 9, data: { ...data, min: [1], max: ['Infinity'], last: [2], nan: [3] } });
    const { y, low, high, marks } = plotOf(curve, OPTIONS);
    expect([[...y], [...low], [...high]]).toEqual([[2], [1], [Number.NaN]]);
    expect(marks.map(({ kind }) => kind)).toEqual(['nan', 'above']);
  });

  it('shows the smoothing of the server, with the raw line behind', () => {
    const { y, raw, isPreview } = plotOf(curveOf('a', [0, 1, 2], [1, 'NaN', 3], [10, 20, 30]), { x: 'step', smoothing: 0.5 });
    expect([...y]).toEqual([10, Number.NaN, 30]);
    expect([...(raw ?? [])]).toEqual([1, Number.NaN, 3]);
    expect(isPreview).toBe(false);
  });

  it('smooths what is drawn until the server has, and says so', () => {
    const { y, isPreview } = plotOf(curveOf('a', [0, 1, 2], [0, 10, 0]), { x: 'step', smoothing: 0.999 });
    expect(isPreview).toBe(true);
    expect(y[1]).toBeGreaterThan(5);
    expect(y[1]).toBeLessThan(10);
  });

  it('counts relative time from the start of the series, also in a zoomed range', () => {
    const curve = curveOf('a', [5, 6], [1, 2]);
    expect([...plotOf(curve, { x: 'wall', smoothing: 0 }).x]).toEqual([1010, 1012]);
    expect([...plotOf(curve, { x: 'relative', smoothing: 0 }).x]).toEqual([0, 2]);
    expect([...plotOf(curve, { x: 'relative', smoothing: 0, start: 1000 }).x]).toEqual([10, 12]);
  });

  it('finds points without a neighbour', () => {
    expect(lonePoints(Float64Array.of(1, Number.NaN, 2, 3, Number.NaN, 4))).toEqual([0, 5]);
    expect(lonePoints(Float64Array.of(1))).toEqual([0]);
  });
});

describe('smoothed', () => {
  const wave = (size: number) => {
    const steps = Array.from({ length: size }, (_, i) => i);
    return curveOf(
      'a',
      steps,
      steps.map((at) => Math.sin(at / 40)),
    );
  };

  it('is the average of TensorBoard at equal distances, without a bias at the start', () => {
    const { step, value } = wave(50);
    let [sum, weights] = [0, 0];
    const expected = [...value].map((each) => {
      sum = sum * 0.9 + each * 0.1;
      weights = weights * 0.9 + 0.1;
      return sum / weights;
    });
    const found = smoothed(step, wave(50), 0.9);
    expected.forEach((each, i) => {
      expect(found[i]).toBeCloseTo(each, 12);
    });
  });

  it('is of buckets about what it is of all points', () => {
    const whole = wave(10_000);
    const all = smoothed(whole.step, whole, 0.99);
    const starts = Array.from({ length: 500 }, (_, i) => i * 20);
    const ends = starts.map((start) => start + 19);
    const mean = starts.map((start) => whole.value.subarray(start, start + 20).reduce((sum, each) => sum + each, 0) / 20);
    const at = { first_step: starts, last_step: ends, first_wall_time: starts, last_wall_time: ends };
    const values = { min: mean, max: mean, last: mean, mean, nan: starts.map(() => 0), count: starts.map(() => 20) };
    const few = readCurve({ id: 'a', tag: 't', count: 10_000, data: { kind: 'buckets', ...at, ...values } });
    const found = smoothed(few.step, few, 0.99);
    const worst = Math.max(...[...found].map((each, i) => Math.abs(each - (all[ends[i] as number] as number))));
    expect(worst).toBeLessThan(0.12);
  });
});

describe('the range of the y axis', () => {
  const spiky = plot(
    'a',
    Array.from({ length: 101 }, (_, i) => i),
    Array.from({ length: 101 }, (_, i) => (i === 50 ? 1e6 : i / 100)),
  );

  it('has everything, or leaves out outliers', () => {
    expect(yRangeOf([spiky], RANGE)).toEqual([0, 1e6]);
    const [low, high] = yRangeOf([spiky], { ...RANGE, ignoreOutliers: true }) ?? [0, 0];
    expect(low).toBeCloseTo(0.05, 2);
    expect(high).toBeCloseTo(0.96, 2);
  });

  it('is that of the visible part', () => {
    expect(yRangeOf([spiky], { ...RANGE, x: [60, 80] })).toEqual([0.6, 0.8]);
  });

  it('includes zero on request, except on a log scale, which leaves out what it cannot show', () => {
    const some = plot('a', [0, 1, 2], [-1, 5, 8]);
    expect(yRangeOf([plot('a', [0, 1], [5, 8])], { ...RANGE, includeZero: true })).toEqual([0, 8]);
    expect(yRangeOf([some], { ...RANGE, scale: 'log', includeZero: true })).toEqual([5, 8]);
  });

  it('is null without a number', () => {
    expect(yRangeOf([plot('a', [1], ['NaN'])], RANGE)).toBeNull();
    expect(yRangeOf([plot('a', [1], ['NaN'])], { ...RANGE, ignoreOutliers: true })).toBeNull();
    expect(xRangeOf([plot('a', [1, 4], ['NaN', 2])], 'linear')).toEqual([1, 4]);
    expect(xRangeOf([plot('a', [0, 4], [1, 2])], 'log')).toEqual([4, 4]);
    expect(xRangeOf([], 'linear')).toBeNull();
  });
});

describe('meanPlot', () => {
  it('is the mean at common places, with a band from smallest to largest', () => {
    const { x, y, low, high } = meanPlot({ label: 'g', plots: [plot('a', [0, 2], [0, 2]), plot('b', [0, 1, 2], [4, 4, 4])] }, 100);
    expect([...x]).toEqual([0, 1, 2]);
    expect([...y]).toEqual([2, 2.5, 3]);
    expect([...low]).toEqual([0, 1, 2]);
    expect([...high]).toEqual([4, 4, 4]);
  });

  it('leaves a run out where it has no points', () => {
    const { x, y } = meanPlot({ label: 'g', plots: [plot('a', [0, 1], [1, 1]), plot('b', [1, 2, 3], [3, 'NaN', 3])] }, 100);
    expect([...x]).toEqual([0, 1, 2, 3]);
    expect([...y]).toEqual([1, 2, Number.NaN, 3]);
  });

  it('takes places at equal distances if there are too many', () => {
    const steps = Array.from({ length: 1000 }, (_, i) => i);
    const { x, y } = meanPlot(
      {
        label: 'g',
        plots: [
          plot('a', steps, steps),
          plot(
            'b',
            steps,
            steps.map((at) => at + 2),
          ),
        ],
      },
      4,
    );
    expect([...x]).toEqual([0, 333, 666, 999]);
    expect([...y]).toEqual([1, 334, 667, 1000]);
  });

  it('has a value for a run that went back to an earlier step', () => {
    const { x, y } = meanPlot({ label: 'g', plots: [plot('a', [0, 2, 1], [0, 20, 10])] }, 100);
    expect([[...x], [...y]]).toEqual([
      [0, 1, 2],
      [0, 10, 20],
    ]);
  });
});

describe('the crosshair', () => {
  const plots = [plot('a', [0, 10], [1, 5]), plot('b', [0, 9], [2, 50]), plot('c', [8], ['NaN'])];
  const distance = (a: number, b: number): number => Math.abs(a - b);

  it('has a row for each run, nearest first, what is no number last', () => {
    const rows = crosshairRows(plots, 9.4, 40, 'nearest', distance);
    expect(rows.map(({ id, step, value, wallTime }) => [id, step, value, wallTime])).toEqual([
      ['b', '9', '50', 1018],
      ['a', '10', '5', 1020],
      ['c', '8', 'NaN', 1016],
    ]);
  });

  it('orders by value', () => {
    expect(crosshairRows(plots, 0, 0, 'value', distance).map(({ id }) => id)).toEqual(['b', 'a', 'c']);
  });

  it('shows all digits of what no double holds', () => {
    const [row] = crosshairRows([plot('a', [1], ['9007199254740993'])], 1, 0, 'nearest', distance);
    expect(row?.value).toBe('9007199254740993');
  });

  it('finds the point that is clicked, on the raw line', () => {
    const smooth = plotOf(curveOf('a', [0, 10], [1, 5], [100, 100]), { x: 'step', smoothing: 0.9 });
    const to = (x: number, y: number): readonly [number, number] => [x * 10, y * 10];
    expect(hitPlot([smooth], to, [98, 52], 8)?.index).toBe(1);
    expect(hitPlot([smooth], to, [50, 30], 8)).toBeUndefined();
  });
});
