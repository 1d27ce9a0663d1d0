/** Marks some records of a file on the way, so that the beginning of a file can be told from another file. Pure. */
import type { Batch, TrailMark } from '../model/index.ts';

/** Marks of a file, about: each is checked by two reads, and all are kept with the position. */
const MOST_MARKS = 32;

/** A trail that goes on over a batch: evenly over the bytes before its end, so every record of a short file and the fewer the longer it is. */
export function longerTrail(trail: readonly TrailMark[], batch: Batch): readonly TrailMark[] {
  const step = 2 ** Math.max(0, Math.ceil(Math.log2(batch.end / MOST_MARKS)));
  const marks: TrailMark[] = [];
  let next = 0;
  for (const mark of trail) {
    if (mark.offset < next) continue;
    marks.push(mark);
    next = mark.offset + step;
  }
  const before = marks.length;
  const { scalars, objects } = batch;
  for (let row = 0, object = 0; ; ) {
    row = firstFrom(scalars.offset, row, scalars.count, next);
    while (object < objects.length && (objects[object]?.offset ?? 0) < next) object++;
    const scalar = row < scalars.count ? { offset: scalars.offset[row] as number, checksum: scalars.checksum[row] as number } : undefined;
    const other = objects[object];
    const mark = other !== undefined && (scalar === undefined || other.offset < scalar.offset) ? other : scalar;
    if (mark === undefined) break;
    marks.push({ offset: mark.offset, checksum: mark.checksum });
    next = mark.offset + step;
  }
  return marks.length === before && before === trail.length ? trail : marks;
}

/** The first place at or behind `from` whose offset is not before `least`; offsets ascend. */
function firstFrom(offsets: Float64Array, from: number, end: number, least: number): number {
  let [low, high] = [from, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
