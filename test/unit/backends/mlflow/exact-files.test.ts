import { describe, expect, test } from '@jest/globals';
import { scalarText } from '../../../../src/backend-kit/exact-points/index.ts';
import { exactFilesOf, parseExactName, parseLine, pointLine } from '../../../../src/backends/mlflow/exact-files.ts';

const run = { root: 'logs', path: 'a' };
const place = { run, file: 'f', offset: 7, checksum: 99, index: 2 };

describe('files of exact points', () => {
  test.each([1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 9007199254740993n, -18446744073709551615n])('keep the number %p', (value) => {
    const line = pointLine(place, 'loss', 'scalars', 3, 1.5, scalarText(value), []);
    expect(parseLine(line.text)).toMatchObject({ value, tag: 'loss', offset: 7, index: 2, step: 3 });
  });

  test('keep times, steps and texts as they were, with any tag', () => {
    const tag = 'a","value":"b\n{}';
    const text = '{"buckets":[[-0.0,"NaN",1]],"value":2}';
    const point = parseLine(pointLine(place, tag, 'histograms', 9007199254740993n, Number.NEGATIVE_INFINITY, text, [['x/y', 3]]).text);
    expect(point).toMatchObject({ tag, value: text, step: 9007199254740993n, wallTime: Number.NEGATIVE_INFINITY, files: [['x/y', 3]] });
  });

  test('have the same name for the same points, and different names otherwise', () => {
    const lines = [1, 2, 3].map((offset) => pointLine({ ...place, offset }, 't', 'scalars', 1, 1, '1', []));
    const name = (some: typeof lines): string | undefined => exactFilesOf(run, 'f', some)[0]?.path;
    expect(name(lines)).toBe(name([...lines]));
    // A part of it that is sent again must not take the whole one's place.
    expect(name(lines.slice(0, 1))).not.toBe(name(lines));
    expect(parseExactName(name(lines) ?? '')).toMatchObject({ offset: 1 });
    expect(parseExactName('mirrorboard/keys.json')).toBeUndefined();
  });

  test('are limited in length, except for a single longer line', () => {
    const lines = [400_000, 400_000, 400_000, 2_000_000, 10].map((length, offset) =>
      pointLine({ ...place, offset }, 't', 'text', 1, 1, JSON.stringify('x'.repeat(length)), []),
    );
    expect(exactFilesOf(run, 'f', lines).map(({ lines: { length } }) => length)).toEqual([2, 1, 1, 1]);
  });
});
