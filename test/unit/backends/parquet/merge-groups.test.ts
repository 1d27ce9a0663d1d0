import { describe, expect, it } from '@jest/globals';
import { groupsOf, type Part } from '../../../../src/backends/parquet/merge-groups.ts';

const MEBI = 1024 * 1024;

/** Files of one event file that follow each other. */
function parts(sizes: readonly { readonly bytes?: number; readonly rows?: number; readonly start?: number }[]): Part[] {
  return sizes.map(({ bytes = 1000, rows = 10, start }, i) => ({
    kind: 'scalars',
    source: '0123456789abcdef',
    start: start ?? i * 100,
    end: i * 100 + 100,
    rows,
    content: 'fedcba9876543210',
    isMerged: false,
    bytes,
  }));
}

const grouped = (all: readonly Part[]): number[] => groupsOf(all).map((group) => group.length);

describe('files that become one', () => {
  it('are of one event file and kind', () => {
    const [a, b, c, d] = parts([{}, {}, {}, {}]) as [Part, Part, Part, Part];
    expect(grouped([a, b, { ...c, source: 'f'.repeat(16) }, { ...d, source: 'f'.repeat(16), kind: 'texts' }])).toEqual([2, 1, 1]);
  });

  it('have 32 MiB and 524,288 rows together at most', () => {
    expect(grouped(parts(new Array(7).fill({ bytes: 10 * MEBI })))).toEqual([3, 3, 1]);
    expect(grouped(parts(new Array(7).fill({ rows: 131_072 })))).toEqual([4, 3]);
  });

  it('are not those that have half of that already', () => {
    expect(grouped(parts([{ bytes: 16 * MEBI }, {}, {}, { bytes: 16 * MEBI }, {}]))).toEqual([1, 2, 1, 1]);
    expect(grouped(parts([{ rows: 262_144 }, {}, {}, { rows: 262_144 }, {}]))).toEqual([1, 2, 1, 1]);
  });

  it('come together if they cover the same bytes, within twice the length', () => {
    expect(grouped(parts([{ bytes: 20 * MEBI }, { bytes: 20 * MEBI, start: 50 }, { start: 150 }, {}]))).toEqual([3, 1]);
    expect(grouped(parts([{ bytes: 20 * MEBI }, { start: 50 }, {}, { start: 150 }]))).toEqual([4]);
    expect(grouped(parts([{ rows: 600_000 }, { rows: 600_000, start: 50 }]))).toEqual([1, 1]);
  });
});
