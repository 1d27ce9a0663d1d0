/** Marks some records of a file, so that the beginning of a file can be distinguished from another file. Pure. */
import type { Batch, TrailMark } from '../model/index.ts';

/** The largest number of marks of a file: checking each takes two reads, and all are stored with the position. */
const MOST_MARKS = 40;

/**
 * Returns a trail extended over a batch: every record of a short file, and about evenly spaced records of a long one.
 */
export function longerTrail(trail: readonly TrailMark[], batch: Batch): readonly TrailMark[] {
  const records = batch.scalars.count + batch.objects.length;
  if (records === 0) return trail;
  const step = records <= MOST_MARKS ? 1 : 2 ** Math.ceil(Math.log2((batch.end - batch.start) / MOST_MARKS + 1));
  let marks = [...trail, ...marksOf(batch, (trail.at(-1)?.offset ?? -1) + 1, step)];
  for (let wider = step; marks.length > MOST_MARKS; wider *= 2) marks = thinned(marks, wider);
  return marks;
}

function* marksOf({ scalars, objects }: Batch, from: number, step: number): Generator<TrailMark, void, void> {
  let next = from;
  for (let row = 0, object = 0; ; ) {
    row = firstFrom(scalars.offset, row, scalars.count, next);
    while (object < objects.length && (objects[object]?.offset ?? 0) < next) object++;
    const scalar = row < scalars.count ? { offset: scalars.offset[row] as number, checksum: scalars.checksum[row] as number } : undefined;
    const other = objects[object];
    const mark = other !== undefined && (scalar === undefined || other.offset < scalar.offset) ? other : scalar;
    if (mark === undefined) return;
    yield { offset: mark.offset, checksum: mark.checksum };
    next = mark.offset + step;
  }
}

function thinned(marks: readonly TrailMark[], step: number): TrailMark[] {
  const kept: TrailMark[] = [];
  let next = 0;
  for (const mark of marks) {
    if (mark.offset < next) continue;
    kept.push(mark);
    next = mark.offset + step;
  }
  return kept;
}

/** Returns the first index from `from` whose offset is at least `least`; offsets ascend. */
function firstFrom(offsets: Float64Array, from: number, end: number, least: number): number {
  let [low, high] = [from, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
