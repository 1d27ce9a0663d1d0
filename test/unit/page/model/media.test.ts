import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { binned, type Histogram, histogramOf, thinned } from '../../../../src/page/model/histogram.ts';
import { mediaType, prCurveOf, shapeOf, stepsOf, textsOf, type ValueJson, valueAt } from '../../../../src/page/model/media-values.ts';
import { parallelAxis } from '../../../../src/page/model/parallel-axes.ts';
import { hasTagFilter } from '../../../../src/page/model/request-parts.ts';
import { tagTitle } from '../../../../src/page/model/tag-groups.ts';
import { parseRunFilter } from '../../../../src/query/run-filter.ts';

function value(step: number | string, content: unknown, kind = 'text'): ValueJson {
  return { step, wall_time: 0, kind, value: content, media: [], file: 'f', offset: 0, index: 0 };
}

function histogram(...buckets: readonly (readonly [number | string, number | string, number])[]): Histogram {
  return histogramOf(value(1, { buckets }, 'histogram')) as Histogram;
}

describe('values at a step', () => {
  const values = [value(0, 'a'), value(5, 'b'), value('9007199254740993', 'c')];

  it('are the last ones at or before it', () => {
    expect(stepsOf([values, [value(3, 'd')]])).toEqual([0, 3, 5, 9007199254740992]);
    expect([-1, 0, 4, 5, 1e18].map((step) => valueAt(values, step)?.value)).toEqual([undefined, 'a', 'a', 'b', 'c']);
  });

  it('are the later one of two at the same step', () => {
    expect(valueAt([value(1, 'a'), value(1, 'b')], 1)?.value).toBe('b');
  });
});

describe('texts', () => {
  it('are those of the log; bytes that are no UTF-8 are named', () => {
    expect(textsOf(value(0, { shape: [2], strings: ['a', { base64: '////' }] }))).toEqual(['a', '(3 bytes that are no UTF-8)']);
    expect(shapeOf(value(0, { shape: [2, 3], strings: [] }))).toEqual([2, 3]);
    expect([textsOf(value(0, null)), textsOf(value(0, 'x')), shapeOf(value(0, []))]).toEqual([[], [], []]);
  });
});

describe('media', () => {
  it('are opened only in formats that cannot run scripts', () => {
    expect(['png', 'jpeg', 'gif', 'bmp', 'wav'].map(mediaType)).toEqual(['image/png', 'image/jpeg', 'image/gif', 'image/bmp', 'audio/wav']);
    expect(['svg', 'html', 'bytes', '', 'constructor'].map(mediaType)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});

describe('prCurveOf', () => {
  it('has precision, recall and the thresholds', () => {
    const rows = [[1], [1], [1], [1], [0.5, 1], [1, 'NaN']];
    const curve = prCurveOf(value(0, { rows }, 'pr_curve'));
    expect([[...(curve?.precision ?? [])], [...(curve?.recall ?? [])], [...(curve?.threshold ?? [])]]).toEqual([
      [0.5, 1],
      [1, Number.NaN],
      [0, 1],
    ]);
  });

  it('is undefined for what is none', () => {
    expect([prCurveOf(value(0, {})), prCurveOf(value(0, { rows: [1, 2] })), prCurveOf(value(0, null))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('histograms', () => {
  it('share bins over the range of all that has a count', () => {
    const all = binned([histogram([0, 2, 4], [2, 4, 4]), histogram([-100, 0, 0], [0, 1, 8])], 4);
    expect(all?.range).toEqual([0, 4]);
    expect(all?.rows.map((row) => [...row])).toEqual([
      [2, 2, 2, 2],
      [8, 0, 0, 0],
    ]);
    expect(all?.largest).toBe(8);
  });

  it('keep every count, whatever the buckets', () => {
    const bucket = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1000 }));
    fc.assert(
      fc.property(fc.array(bucket, { minLength: 1 }), fc.integer({ min: 1, max: 40 }), (buckets, bins) => {
        const total = buckets.reduce((sum, [, , count]) => sum + count, 0);
        const all = binned([histogram(...buckets.map(([left, width, count]) => [left, left + width, count] as const))], bins);
        const kept = all?.rows[0]?.reduce((sum, count) => sum + count, 0) ?? 0;
        expect(kept).toBeCloseTo(total, 6);
      }),
    );
  });

  it('with open ends end at the last finite one', () => {
    const all = binned([histogram([-1.7e308, 0, 3], [0, 1, 3], [1, 1.7e308, 3], [1, 'Infinity', 1])], 2);
    expect(all?.range).toEqual([0, 1]);
    expect(all?.rows[0]?.reduce((sum, count) => sum + count, 0)).toBe(10);
  });

  it('of one value have room around it, and empty ones are none', () => {
    expect(binned([histogram([3, 3, 5])], 2)?.range).toEqual([2.5, 3.5]);
    expect(binned([histogram([0, 1, 0])], 2)).toBeUndefined();
    expect(histogramOf(value(0, { buckets: [] }))).toBeUndefined();
    expect(histogramOf(value(0, 'x'))).toBeUndefined();
  });

  it('are thinned out with the first and the last kept', () => {
    expect(thinned([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1, 4, 7]);
    expect(thinned([1, 2], 3)).toEqual([1, 2]);
  });
});

describe('parallelAxis', () => {
  it('is linear, or logarithmic over many powers of ten', () => {
    const linear = parallelAxis('a', [0, 5, 10, undefined]);
    expect([linear.kind, linear.place(5), linear.place(undefined), linear.place('x')]).toEqual(['number', 0.5, undefined, undefined]);
    const log = parallelAxis('lr', [1e-4, 1e-2, 1]);
    expect([log.kind, log.place(1e-2)]).toEqual(['log', 0.5]);
    expect(log.ticks.map(({ text }) => text)).toEqual(['0.0001', '0.001', '0.01', '0.1', '1']);
    expect(parallelAxis('one', [3, 3]).place(3)).toBe(0.5);
  });

  it('has words at equal distances, also of mixed values', () => {
    const axis = parallelAxis('opt', ['sgd', 'adam', true, 3, null]);
    expect(axis.ticks.map(({ text }) => text)).toEqual(['3', 'adam', 'sgd', 'true']);
    expect([axis.place('3'), axis.place(true), axis.place(null), axis.place('other')]).toEqual([0, 1, undefined, undefined]);
  });

  it('has no place for NaN, and none of many words', () => {
    expect(parallelAxis('a', [Number.NaN, 1, 2]).place(Number.NaN)).toBeUndefined();
    expect(
      parallelAxis(
        'a',
        Array.from({ length: 100 }, (_, i) => `w${i}`),
      ).ticks,
    ).toEqual([]);
  });
});

describe('hasTagFilter', () => {
  it('is read by the filter of runs as this tag, whatever the tag', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (tag) => {
        const [condition] = parseRunFilter(hasTagFilter(tag) ?? '');
        expect(condition?.test).toEqual({ kind: 'has', glob: tag.replaceAll('"', '?') });
      }),
    );
    expect([hasTagFilter(''), hasTagFilter('x'.repeat(5000))]).toEqual([undefined, undefined]);
  });
});

describe('tagTitle', () => {
  it('names what nobody would see', () => {
    expect(['', ' ', '\t\t', 'a\u0000b', 'loss'].map(tagTitle)).toEqual([
      '(empty tag)',
      '(1 blank sign)',
      '(2 blank signs)',
      'a\\u{0}b',
      'loss',
    ]);
  });
});
