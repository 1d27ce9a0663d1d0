import { describe, expect, test } from '@jest/globals';
import reference from 'crc-32/crc32c.js';
import fc from 'fast-check';
import { maskedCrc32c } from '../../../src/decode/crc32c.ts';
import { lengthChecksum } from '../../../src/decode/frame.ts';

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

describe('maskedCrc32c', () => {
  test('returns the check value of CRC-32C', () => {
    const bytes = new TextEncoder().encode('123456789');
    expect(maskedCrc32c(new DataView(bytes.buffer), 0, 9)).toBe(masked(0xe3069283));
  });

  test('is never 0 for eight zero bytes, so that zeros are not a valid header', () => {
    expect(maskedCrc32c(new DataView(new ArrayBuffer(8)), 0, 8)).toBe(0x07980329);
  });

  test('agrees with the crc-32 package at every length up to 70 and every place in a word', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), (bytes) => {
        const copy = Uint8Array.from(bytes);
        const view = new DataView(copy.buffer);
        for (let start = 0; start < 9; start++) {
          for (let length = 0; length <= 70; length++) {
            const expected = masked(reference.buf(copy.subarray(start, start + length)));
            if (maskedCrc32c(view, start, start + length) !== expected) throw new Error(`differs at ${start}, ${length} bytes`);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('agrees with the crc-32 package on long buffers', () => {
    const bytes = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 2654435761) >>> 13);
    expect(maskedCrc32c(new DataView(bytes.buffer), 0, bytes.length)).toBe(masked(reference.buf(bytes)));
  });
});

describe('lengthChecksum', () => {
  test('is the checksum of the length field, in a first and in a second call', () => {
    const field = new DataView(new ArrayBuffer(8));
    for (const [low, high] of [
      [0, 0],
      [1, 0],
      [65_535, 0],
      [65_536, 0],
      [0xffffffff, 0],
      [0, 1],
      [5, 256],
      [0xffffffff, 0xffffffff],
    ] as const) {
      field.setUint32(0, low, true);
      field.setUint32(4, high, true);
      const expected = masked(reference.buf(new Uint8Array(field.buffer)));
      expect([lengthChecksum(low, high), lengthChecksum(low, high)]).toEqual([expected, expected]);
    }
  });
});
