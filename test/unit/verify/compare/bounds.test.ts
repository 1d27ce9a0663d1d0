import { describe, expect, test } from '@jest/globals';
import type { Gap } from '../../../../src/model/index.ts';
import { type FileFacts, incompleteBytes, pendingBytes, rangesOf } from '../../../../src/verify/compare/file-facts.ts';
import { type Absences, NOTHING_ABSENT } from '../../../../src/verify/compare/lane-counts.ts';
import { compareRunListing, compareSeriesListing, SeriesSummary } from '../../../../src/verify/compare/listing.ts';
import { isInSample } from '../../../../src/verify/compare/sample.ts';
import { chunksOf, SeriesSums } from '../../../../src/verify/compare/series-sums.ts';
import { exitCodeOf, type RunVerdict, type Verification } from '../../../../src/verify/compare/verification.ts';
import { RUN_VERDICT, verification } from '../../../support/verifications.ts';

const RUN = { root: 'logs', path: 'a' };
const gap = (start: number, end: number, tags?: string[]): Gap => ({
  start,
  end,
  reason: 'damage',
  ...(tags === undefined ? {} : { tags }),
});

function facts(watermark: number, gaps: readonly Gap[], unjudged?: FileFacts['unjudged']): FileFacts {
  return { name: 'f', watermark, gaps, unjudged, lost: [] };
}

describe('the bytes that verify reads of a file', () => {
  test('end at the watermark and exclude the gaps', () => {
    expect(rangesOf(facts(100, []))).toEqual([{ start: 0, end: 100 }]);
    expect(rangesOf(facts(0, []))).toEqual([]);
    expect(rangesOf(facts(100, [gap(90, 100), gap(0, 10), gap(40, 50)]))).toEqual([
      { start: 10, end: 40 },
      { start: 50, end: 90 },
    ]);
    expect(rangesOf(facts(100, [gap(10, 30), gap(20, 40)]))).toEqual([
      { start: 0, end: 10 },
      { start: 40, end: 100 },
    ]);
  });

  test('include those that are pending only for some tags', () => {
    expect(rangesOf(facts(100, [gap(10, 30, ['loss'])]))).toEqual([{ start: 0, end: 100 }]);
  });

  test('count once if they are pending', () => {
    expect(pendingBytes(facts(100, [gap(10, 30, ['a']), gap(20, 40, ['b']), gap(90, 100)]))).toBe(40);
  });

  test('after the watermark are incomplete, except in a file that is read again', () => {
    const found = [
      { name: 'f', size: 130 },
      { name: 'new', size: 7 },
    ];
    expect(incompleteBytes(found, new Map([['f', facts(100, [])]]))).toBe(37);
    expect(incompleteBytes(found, new Map([['f', facts(100, [], 'stale')]]))).toBe(7);
  });
});

describe('listings', () => {
  test('are compared with the points; NaN counts for nothing, and 0 is -0', () => {
    const found = new SeriesSummary();
    found.add([NaN, -0, 3, 2n ** 60n, 'text'].map((value) => ({ step: 5, value })));
    const listed = { tag: 't', count: 5, firstStep: 5, lastStep: 5, min: 0, max: 2 ** 60, last: null };
    expect(compareSeriesListing(RUN, listed, found)).toEqual([]);
    expect(compareSeriesListing(RUN, { ...listed, min: null, count: 6 }, found)).toMatchObject([
      { field: 'count', mine: 5, theirs: 6 },
      { field: 'min', theirs: null },
    ]);
    found.add([{ step: 5, value: 2n ** 60n }]);
    expect(compareSeriesListing(RUN, { ...listed, count: 6, last: 7 }, found)).toMatchObject([
      { field: 'last', mine: 2n ** 60n, theirs: 7 },
    ]);
    expect(compareSeriesListing(RUN, { ...listed, count: 6, last: undefined }, found)).toEqual([]);
    expect(compareRunListing(RUN, { points: 6, lastStep: 5 }, [found])).toEqual([]);
    expect(compareRunListing(RUN, { points: 4, lastStep: null }, [found])).toHaveLength(2);
  });
});

describe('a sample', () => {
  const tags = Array.from({ length: 2000 }, (_, i) => `tag${i}`);
  const drawn = (percent: number, seed: string): string[] => tags.filter((tag) => isInSample({ percent, seed }, RUN, tag));

  test('has about the requested size, and is the same for the same seed, and different for another', () => {
    expect(drawn(5, 'x').length).toBeGreaterThan(60);
    expect(drawn(5, 'x').length).toBeLessThan(140);
    expect(drawn(5, 'x')).toEqual(drawn(5, 'x'));
    expect(drawn(5, 'x')).not.toEqual(drawn(5, 'y'));
    expect(drawn(100, 'x')).toHaveLength(2000);
  });
});

describe('series that are compared point by point', () => {
  test('share a chunk if they are small, and are split by steps if they are large', () => {
    const sums = new SeriesSums();
    for (const [slot, count] of [3, 4, 5, 25].entries()) for (let i = 0; i < count; i++) sums.take(slot, i, 0, 0);
    const chunks = chunksOf([0, 1, 2, 3], sums, new SeriesSums(), 10);
    expect(chunks.map(({ slots, part, parts }) => [[...slots], part, parts])).toEqual([
      [[0, 1], 0, 1],
      [[3], 0, 3],
      [[3], 1, 3],
      [[3], 2, 3],
      [[2], 0, 1],
    ]);
  });
});

describe('the exit code', () => {
  const run: RunVerdict = { ...RUN_VERDICT, run: RUN, points: 5 };
  const without = (absent: Partial<Absences>): Absences => ({ ...NOTHING_ABSENT, ...absent });
  const base = verification({}, { lane: 'local', where: 'x', roots: [], runs: [run] });
  const codes = (change: Partial<Verification>): number[] => [
    exitCodeOf({ ...base, ...change }, false),
    exitCodeOf({ ...base, ...change }, true),
  ];

  test.each<[string, Partial<Verification>, number[]]>([
    ['nothing', {}, [0, 0]],
    ['a missing point', { runs: [{ ...run, missing: 1 }] }, [1, 1]],
    ['a loss that is allowed', { runs: [{ ...run, allowed: 1 }] }, [0, 0]],
    ['points that the lane has no place for', { runs: [{ ...run, unsupported: 2, absent: without({ noPlace: { images: 2 } }) }] }, [0, 1]],
    ['points that routes keep from the lane', { runs: [{ ...run, leftOut: 2, absent: without({ leftOut: { images: 2 } }) }] }, [0, 0]],
    [
      'points that routes keep from the second of two lanes',
      { other: 'mlflow', runs: [{ ...run, leftOut: 2, absent: without({ leftOut: { images: 2 } }) }] },
      [0, 1],
    ],
    ['a wrong listing', { runs: [{ ...run, listing: 1 }] }, [1, 1]],
    ['a lost media file', { runs: [{ ...run, media: { named: 1, missing: 1, changed: 0 } }] }, [1, 1]],
    ['pending bytes', { runs: [{ ...run, pendingBytes: 1 }] }, [0, 1]],
    ['incomplete bytes', { runs: [{ ...run, incompleteBytes: 1 }] }, [0, 1]],
    ['a file that is gone', { troubled: [{ run: RUN, file: 'f', why: 'gone' }] }, [0, 3]],
    ['a file that the next pass reads again', { troubled: [{ run: RUN, file: 'f', why: 'stale' }] }, [0, 1]],
    ['a file that can not be read', { troubled: [{ run: RUN, file: 'f', why: 'unreadable' }] }, [3, 3]],
    ['a root that is not there', { obstacles: [{ what: '/x', reason: 'y' }] }, [3, 3]],
    ['a difference and a root that is not there', { runs: [{ ...run, extra: 1 }], obstacles: [{ what: '/x', reason: 'y' }] }, [1, 1]],
    ['an interrupt', { interrupted: true, runs: [{ ...run, extra: 1 }] }, [130, 130]],
  ])('after %s', (_, change, want) => {
    expect(codes(change)).toEqual(want);
  });
});
