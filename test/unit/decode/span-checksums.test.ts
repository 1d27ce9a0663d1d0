import { describe, expect, test } from '@jest/globals';
import { maskedCrc32c } from '../../../src/decode/index.ts';
import { SpanChecksums } from '../../../src/decode/span-checksums.ts';

const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 7919 + (i >> 3)) & 255);
const view = new DataView(bytes.buffer);

describe('SpanChecksums', () => {
  test('returns the checksum of any span, inside the known sums and beyond them, as the plain sum does', () => {
    const spans = new SpanChecksums(1_000_100);
    const places = [
      [100, 20_000],
      [100, 1124],
      [101, 9000],
      [1123, 2149],
      [1124, 3172],
      [5000, 5001],
      [5000, 19_999],
      [18_000, 20_000],
    ] as const;
    for (const [start, end] of places) expect(spans.masked(view, 1_000_000, start, end)).toBe(maskedCrc32c(view, start, end));
  });

  test('continues from piece to piece, and starts again after a gap', () => {
    const spans = new SpanChecksums(0);
    expect(spans.masked(view, 0, 0, 3000)).toBe(maskedCrc32c(view, 0, 3000));
    expect(spans.masked(view, 0, 500, 6000)).toBe(maskedCrc32c(view, 500, 6000));
    expect(spans.masked(view, 0, 9000, 19_000)).toBe(maskedCrc32c(view, 9000, 19_000));
    expect(spans.masked(view, 0, 10_000, 20_000)).toBe(maskedCrc32c(view, 10_000, 20_000));
    // A window that begins later knows its own bytes only.
    const later = bytes.slice(12_000);
    expect(spans.masked(new DataView(later.buffer), 12_000, 7, 8000)).toBe(maskedCrc32c(view, 12_007, 20_000));
  });
});
