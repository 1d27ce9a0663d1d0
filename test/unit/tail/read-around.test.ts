import { describe, expect, test } from '@jest/globals';
import { AroundReader } from '../../../src/tail/read-around.ts';

const BYTES = Uint8Array.from({ length: (1 << 20) + 777 }, (_, i) => (i * 2_654_435_761) >>> 11);

/** A file of which ranges can't be read: a reading gives what comes before them, and fails when it begins in one. */
function faulty(bad: readonly (readonly [start: number, end: number])[], code = 'EIO') {
  const calls: number[] = [];
  const readAt = (_fd: number, buffer: Uint8Array, start: number, length: number, position: number): number => {
    calls.push(position);
    const end = Math.min(position + length, BYTES.length);
    // As `readAt` does: what was read before the place is given up with it.
    if (bad.some(([from, to]) => from < end && position < to)) throw Object.assign(new Error(code), { code, errno: -5 });
    buffer.set(BYTES.subarray(position, end), start);
    return Math.max(0, end - position);
  };
  return { reader: new AroundReader(readAt), calls };
}

function readAll(reader: AroundReader, position = 0, length = BYTES.length): { readonly bytes: Uint8Array; readonly got: number } {
  const bytes = new Uint8Array(length + 20).fill(0xaa);
  const got = reader.read(0, bytes, 10, length, position);
  expect([...bytes.subarray(0, 10), ...bytes.subarray(10 + length)]).toEqual(new Array(20).fill(0xaa));
  return { bytes: bytes.subarray(10, 10 + got), got };
}

function expected(pages: readonly (readonly [start: number, end: number])[]): Uint8Array {
  const bytes = BYTES.slice();
  for (const [start, end] of pages) bytes.fill(0, start, end);
  return bytes;
}

describe('AroundReader', () => {
  test('skips the unreadable pages, and no other byte', () => {
    const cases = [
      { bad: [[8192, 12288]], pages: [[8192, 12288]] },
      { bad: [[0, 1]], pages: [[0, 4096]] },
      { bad: [[5000, 5001]], pages: [[4096, 8192]] },
      { bad: [[8000, 8400]], pages: [[4096, 12288]] },
      {
        bad: [
          [4096, 4097],
          [600_000, 600_010],
          [BYTES.length - 1, BYTES.length],
        ],
        pages: [
          [4096, 8192],
          [598_016, 602_112],
          [1 << 20, BYTES.length],
        ],
      },
    ] as const;
    for (const { bad, pages } of cases) {
      const { reader } = faulty(bad as never);
      const { bytes, got } = readAll(reader);
      expect(got).toBe(BYTES.length);
      expect(Buffer.compare(bytes, expected(pages as never))).toBe(0);
      expect(reader.unreadable).toEqual(pages.map(([start, end]) => ({ start, end, error: 'EIO' })));
    }
  });

  test('needs a few reads for a page, and a limited number for a completely unreadable file', () => {
    const one = faulty([[500_000, 500_001]]);
    readAll(one.reader);
    expect(one.calls.length).toBeLessThan(40);
    const all = faulty([[0, BYTES.length]]);
    for (let i = 0; i < 64; i++) readAll(all.reader);
    expect(all.calls.length).toBeLessThan(8000);
  });

  test('begins without known places for the next file, and continues at odd offsets', () => {
    const { reader } = faulty([[4096, 8192]]);
    readAll(reader, 4000, 5000);
    expect(reader.unreadable).toEqual([{ start: 4096, end: 8192, error: 'EIO' }]);
    reader.reset();
    expect(reader.unreadable).toEqual([]);
    expect(readAll(reader, 8192, 100).bytes).toEqual(BYTES.slice(8192, 8292));
  });

  test('throws errors about the whole file', () => {
    for (const code of ['ESTALE', 'EACCES', 'EISDIR']) expect(() => readAll(faulty([[0, 10]], code).reader)).toThrow(code);
    expect(() => readAll(faulty([[0, 10]], 'Unknown system error -116').reader)).toThrow('-116');
    // The remote disk's error has no name in Node.
    expect(readAll(faulty([[0, 10]], 'Unknown system error -121').reader).got).toBe(BYTES.length);
  });
});
