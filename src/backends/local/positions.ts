/**
 * The positions of a segment's points in their file, packed: two or three bytes per point, and one column less in the
 * hottest table. A point is a varint of twice the distance from the previous record, plus 1 if a varint with the
 * value's index in its record follows (absent: 0).
 */
import type { ScalarColumns } from '../../model/index.ts';

/** The position of a point: the record's offset, and the value's index in it. */
export interface RowPosition {
  readonly offset: number;
  readonly index: number;
}

/** The most bytes of a point: a varint of up to 2^53 takes at most eight bytes. */
const MOST_BYTES = 16;
const MAX_INT31 = 2 ** 31;
let scratch = new Uint8Array(64 * 1024);

/** Packs the points from `from` to `to` (exclusive); returns a view that the next call overwrites. */
export function packPositions({ offset, index }: Pick<ScalarColumns, 'offset' | 'index'>, from: number, to: number): Uint8Array {
  if ((to - from) * MOST_BYTES > scratch.length) scratch = new Uint8Array((to - from) * MOST_BYTES * 2);
  const bytes = scratch;
  let at = 0;
  let before = offset[from] as number;
  for (let i = from; i < to; i++) {
    const here = offset[i] as number;
    const place = index[i] as number;
    const x = (here - before) * 2 + (place === 0 ? 0 : 1);
    before = here;
    at = x < MAX_INT31 ? packSmall(bytes, at, x) : packLarge(bytes, at, x);
    if (place !== 0) at = packLarge(bytes, at, place);
  }
  return bytes.subarray(0, at);
}

/** Writes a varint at `at`; returns where it ends. Numbers of 31 bits need no division: nearly all distances are. */
function packSmall(bytes: Uint8Array, at: number, number: number): number {
  let x = number | 0;
  while (x > 127) {
    bytes[at++] = (x & 127) | 128;
    x >>>= 7;
  }
  bytes[at++] = x;
  return at;
}

function packLarge(bytes: Uint8Array, at: number, number: number): number {
  let x = number;
  while (x > 127) {
    bytes[at++] = (x % 128) | 128;
    x = Math.floor(x / 128);
  }
  bytes[at++] = x;
  return at;
}

/** The positions of points, by row. */
export interface PositionColumns {
  readonly count: number;
  readonly offset: Float64Array;
  readonly index: Uint32Array;
}

/** Returns the positions of a segment's points, in their order. */
export function unpackPositions(firstOffset: number, packed: Uint8Array): PositionColumns {
  // Each point takes at least a byte.
  const offsets = new Float64Array(packed.length);
  const indexes = new Uint32Array(packed.length);
  let count = 0;
  let at = 0;
  const varint = (): number => {
    let x = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = packed[at++] ?? 0;
      x += (byte & 127) * unit;
      if (byte < 128) return x;
    }
  };
  let offset = firstOffset;
  while (at < packed.length) {
    const x = varint();
    offset += Math.floor(x / 2);
    offsets[count] = offset;
    indexes[count++] = x % 2 === 1 ? varint() : 0;
  }
  return { count, offset: offsets, index: indexes };
}

/** Joins the positions of segments that follow each other in a file. */
export function joinPositions(
  segments: readonly { readonly firstOffset: number; readonly lastOffset: number; readonly places: Uint8Array }[],
): Uint8Array {
  const joined: number[] = [];
  let before = segments[0]?.firstOffset ?? 0;
  for (const { firstOffset, lastOffset, places } of segments) {
    // The first position of a segment is at its first offset, distance 0. It gets the distance from the previous
    // segment.
    const isIndexed = ((places[0] ?? 0) & 1) === 1;
    pushVarint(joined, (firstOffset - before) * 2 + (isIndexed ? 1 : 0));
    for (let i = 1; i < places.length; i++) joined.push(places[i] as number);
    before = lastOffset;
  }
  return Uint8Array.from(joined);
}

function pushVarint(bytes: number[], value: number): void {
  let x = value;
  while (x > 127) {
    bytes.push((x % 128) | 128);
    x = Math.floor(x / 128);
  }
  bytes.push(x);
}
