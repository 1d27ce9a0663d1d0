/** Finds the points at the end of a file, to compare them with those that were stored from there. */
import { FileDecoder, TagTable } from '../decode/index.ts';
import { type Batch, Catalogue, type FileState, type RunRef, type Series, type WrittenPoint } from '../model/index.ts';
import type { FileWindow } from '../tail/index.ts';
import { advanceDecoder } from './advance-decoder.ts';
import { recordLimits } from './record-limits.ts';

/** A file whose last points are needed. */
interface LookedAt {
  readonly run: RunRef;
  readonly state: FileState;
  readonly catalogue: Catalogue;
  /** The start of a record, and the end of the file. */
  readonly from: number;
  readonly to: number;
}

/** Returns the points of the last valid record that has any, or none. Does not store what it finds. */
export function lastPoints({ run, state, catalogue, from, to }: LookedAt, window: FileWindow): readonly WrittenPoint[] {
  const scratch = new Catalogue(catalogue.series);
  const decoder = new FileDecoder({
    ...{ run, file: state.name, generation: state.generation, catalogue: scratch, tags: new TagTable(), start: from },
    ...{ guard: { first: undefined, last: undefined }, records: state.records, settled: true, limits: recordLimits() },
  });
  let last: readonly WrittenPoint[] = [];
  for (let isEnd = false; !isEnd; ) {
    isEnd = advanceDecoder(decoder, window, to) === 'end';
    const found = lastOf(decoder.take(), scratch.series);
    if (found.length > 0) last = found;
  }
  return last;
}

function lastOf({ scalars, objects }: Batch, series: readonly Series[]): WrittenPoint[] {
  const row = scalars.count - 1;
  const offset = Math.max(row < 0 ? -1 : (scalars.offset[row] as number), objects.at(-1)?.offset ?? -1);
  const points: WrittenPoint[] = [];
  const tagOf = (id: number): string => series[id]?.tag ?? '';
  for (let i = row; i >= 0 && scalars.offset[i] === offset; i--) {
    points.push({
      tag: tagOf(scalars.series[i] as number),
      offset,
      index: scalars.index[i] as number,
      step: scalars.wideSteps.get(i) ?? (scalars.step[i] as number),
      wallTime: scalars.wallTime[i] as number,
      value: scalars.wideValues.get(i) ?? (scalars.value[i] as number),
    });
  }
  for (const { series: id, index, step, wallTime } of objects.filter((point) => point.offset === offset))
    points.push({ tag: tagOf(id), offset, index, step, wallTime, value: undefined });
  return points;
}
