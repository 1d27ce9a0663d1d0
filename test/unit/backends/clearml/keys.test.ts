import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { heldNumber, heldTime, keyEnd, keyStart, namesOf, readKey, tagOf } from '../../../../src/backends/clearml/keys.ts';
import { HOSTILE_NAMES } from '../../../../src/testing/hostile-names.ts';

function keyOf(metric: string, suffix = ''): string {
  return `${keyStart(metric, '0123abcd')}${keyEnd(123_456, 0xfedcba98, 7)}${suffix}`;
}

describe('a tag as metric and variant', () => {
  it.each([
    ['train/loss', 'train', 'loss'],
    ['loss', 'loss', ''],
    ['a/b/c/d', 'a/b/c', 'd'],
    ['x/', 'x/', '/'],
    ['/', '/', '/'],
    ['/absolute', '', 'absolute'],
    ['', '', ''],
  ])('%j', (tag, metric, variant) => {
    expect(namesOf(tag)).toEqual({ metric, variant });
    expect(tagOf(metric, variant)).toBe(tag);
  });

  it('is reversible, and no two are the same', () => {
    const slashes = fc.stringMatching(/^[ab/-]{0,8}$/);
    fc.assert(fc.property(fc.oneof(fc.string(), slashes), (tag) => tagOf(namesOf(tag).metric, namesOf(tag).variant) === tag));
    expect(new Set(HOSTILE_NAMES.map((tag) => JSON.stringify(namesOf(tag)))).size).toBe(new Set(HOSTILE_NAMES).size);
  });

  it('gives no two events the same key after the server joins the parts by "-"', () => {
    const id = (tag: string): string => {
      const { metric, variant } = namesOf(tag);
      return ['task', 7, metric, variant, keyOf(metric)].join('-');
    };
    expect(id('a-b/c')).not.toBe(id('a/b-c'));
    const names = fc.stringMatching(/^[a/-]{0,7}$/);
    fc.assert(fc.property(names, names, (a, b) => a === b || id(a) !== id(b)));
  });
});

describe('a key', () => {
  it.each([
    0,
    1.5,
    -1,
    5e-324,
    3.4028234663852886e38,
    3.4028235e38,
    -1e39,
    1e300,
    NaN,
    Infinity,
    -Infinity,
    -0,
    2n ** 60n + 1n,
    -(2n ** 63n),
  ])('keeps what the event cannot hold of the number %s', (value) => {
    const { text, suffix } = heldNumber(value);
    const held = JSON.parse(text) as number | null;
    if (held !== null) expect(Math.abs(held)).toBeLessThanOrEqual(3.4028234663852886e38);
    const key = keyOf('loss', suffix);
    expect(key).not.toContain('-');
    const read = readKey(key);
    expect(read).toMatchObject({ file: '0123abcd', offset: 123_456, checksum: 0xfedcba98, index: 7 });
    expect(Object.is(read?.value ?? held, value)).toBe(true);
  });

  it('covers every double together with the event', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const { text, suffix } = heldNumber(value);
        return Object.is(readKey(keyOf('m', suffix))?.value ?? (JSON.parse(text) as number), value);
      }),
    );
  });

  it('covers every wall time together with the event, whose whole milliseconds are a valid date', () => {
    const times = fc.oneof(fc.double(), fc.double({ min: 0, max: 2e9 }), fc.constantFrom(1_700_000_000.123, 1_700_000_000.1234567, -0));
    fc.assert(
      fc.property(times, (wallTime) => {
        const { millis, suffix } = heldTime(wallTime);
        const isLegal = Number.isInteger(millis) && millis >= 0 && millis <= 253_402_300_799_999;
        return isLegal && Object.is(readKey(keyOf('m', suffix))?.wallTime ?? millis / 1000, wallTime);
      }),
    );
    expect(heldTime(1_700_000_000.5)).toEqual({ millis: 1_700_000_000_500, suffix: '' });
  });

  it.each([undefined, 5, '', 'nobody', '3.0123abcd.0.0', 'project/task.id/metrics/a/b/c.png'])('is not %j', (key) =>
    expect(readKey(key)).toBeUndefined(),
  );
});
