import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KnownFiles } from '../../../src/discover/known-files.ts';

const file = (name: string, size: number, stamp: string) => ({ name, size, stamp });

it('tells the smallest differences of sizes and stamps apart', () => {
  const files = new KnownFiles();
  const stamp = '1764532345123456789.1764532345123456790.18446744073709';
  const place = files.add('a', 'x');
  files.set(place, file('x', 5_000_000_000, stamp), 1);
  expect(files.is(place, 5_000_000_000, stamp)).toBe(true);
  expect(files.is(place, 5_000_000_001, stamp)).toBe(false);
  expect(files.is(place, 705_032_704, stamp)).toBe(false); // the same in 32 bits
  for (const other of [
    '1764532345123456788.1764532345123456790.18446744073709',
    '1764532345123456789.1764532345123456791.18446744073709',
    '1764532345123456789.1764532345123456790.18446744073708',
    '01764532345123456789.1764532345123456790.18446744073709',
    '1764532345123456789.1764532345123456790.18446744073709 ',
    '1764532345123456789.1764532345123456790.',
    '',
  ]) {
    expect(files.is(place, 5_000_000_000, other)).toBe(false);
  }
  expect(files.sizeOf(place)).toBe(5_000_000_000);
  expect(files.inodeOf(place)).toBe('18446744073709');
});

// What `stat` gives, and everything else that a store could hold.
const stamps = fc.oneof(
  fc
    .tuple(fc.bigInt(-(10n ** 10n), 2n ** 63n - 1n), fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(0n, 2n ** 64n - 1n))
    .map((parts) => parts.join('.')),
  fc.stringMatching(/^[0-9.]{0,45}$/),
  fc.constantFrom('', 'kept', '0.0.0', '00.0.0', '1.2', '1.2.3.4', '.1.2', '1..2', '-1.5.7', '4294967296000000000.1.9'),
);

it('tells two sizes and stamps apart exactly if their texts differ', () => {
  const files = new KnownFiles();
  const place = files.add('run', 'name');
  const sizes = fc.oneof(fc.nat(), fc.nat({ max: Number.MAX_SAFE_INTEGER }));
  fc.assert(
    fc.property(sizes, stamps, sizes, stamps, (size, stamp, size2, stamp2) => {
      files.set(place, file('name', size, stamp), 1);
      expect(files.is(place, size, stamp)).toBe(true);
      expect(files.is(place, size2, stamp2)).toBe(size === size2 && stamp === stamp2);
      expect(files.is(place, size, stamp2)).toBe(stamp === stamp2);
      expect(files.sizeOf(place)).toBe(size);
      expect(files.inodeOf(place)).toBe(stamp.slice(stamp.lastIndexOf('.') + 1));
    }),
    { numRuns: 2000 },
  );
});

it('finds, lists and forgets the files of a model, in runs with few and with many files', () => {
  const actions = fc.array(
    fc.record({
      what: fc.constantFrom('keep', 'keep', 'keep', 'delete'),
      run: fc.constantFrom('.', 'a', 'a/b'),
      name: fc.nat({ max: 60 }).map((n) => `f${n}`),
      size: fc.nat(),
      stamp: stamps,
    }),
    { maxLength: 400 },
  );
  fc.assert(
    fc.property(actions, (all) => {
      const files = new KnownFiles();
      const model = new Map<string, { run: string; name: string; size: number; stamp: string; scan: number }>();
      for (const [scan, { what, run, name, size, stamp }] of all.entries()) {
        const key = `${run}\0${name}`;
        const place = files.find(run, name);
        expect(place !== undefined).toBe(model.has(key));
        if (what === 'keep') {
          files.set(place ?? files.add(run, name), file(name, size, stamp), scan);
          model.set(key, { run, name, size, stamp, scan });
        } else if (place !== undefined) {
          files.delete({ run, name, place });
          model.delete(key);
        }
      }
      expect(files.size).toBe(model.size);
      expect([...files.all()].map(({ run, name }) => `${run}\0${name}`).sort()).toEqual([...model.keys()].sort());
      for (const { run, name, size, stamp } of model.values()) expect(files.is(files.find(run, name) ?? -1, size, stamp)).toBe(true);
      const last = all.length - 1;
      const unseen = [...model.values()].filter(({ scan }) => scan !== last).map(({ run, name }) => `${run}\0${name}`);
      expect(
        files
          .unseenIn(last)
          .map(({ run, name }) => `${run}\0${name}`)
          .sort(),
      ).toEqual(unseen.sort());
    }),
    { numRuns: 100 },
  );
});
