import type { Refusal } from '../contract/index.ts';
import { type Batch, pointCount, type ScalarColumns } from '../model/index.ts';

/** True if a batch has nothing for a tracker: it only moves a position. */
export function isEmpty(batch: Batch): boolean {
  return pointCount(batch) === 0 && batch.marks.length === 0;
}

/**
 * Splits a batch with at least two points into halves, scalars before objects; marks go with the first half. Both
 * name the whole byte range: neither is a position to resume from.
 */
export function splitBatch(batch: Batch): readonly [Batch, Batch] {
  const { scalars, objects } = batch;
  const half = pointCount(batch) >> 1;
  const rows = Math.min(half, scalars.count);
  const first = { ...batch, scalars: rowsOf(scalars, 0, rows), objects: objects.slice(0, half - rows) };
  const second = { ...batch, scalars: rowsOf(scalars, rows, scalars.count), objects: objects.slice(half - rows), marks: [] };
  return [first, second];
}

/**
 * Returns the points of a batch at some positions, without its marks. The result names the whole byte range: it is no
 * position to resume from.
 */
export function chosenPoints(batch: Batch, positions: readonly Pick<Refusal, 'offset' | 'index'>[]): Batch {
  const { scalars, objects } = batch;
  const chosen = new Set(positions.map(positionOf));
  const rows = Array.from({ length: scalars.count }, (_, row) => row).filter((row) =>
    chosen.has(positionOf({ offset: scalars.offset[row] as number, index: scalars.index[row] as number })),
  );
  return { ...batch, scalars: theseRows(scalars, rows), objects: objects.filter((point) => chosen.has(positionOf(point))), marks: [] };
}

function positionOf({ offset, index }: Pick<Refusal, 'offset' | 'index'>): string {
  return `${offset} ${index}`;
}

/** Returns the position of a batch's one point in its file; undefined if the batch has none. */
export function onlyPoint({ scalars, objects }: Batch): { readonly offset: number; readonly index: number } | undefined {
  if (scalars.count > 0) return { offset: scalars.offset[0] as number, index: scalars.index[0] as number };
  return objects[0];
}

function theseRows(scalars: ScalarColumns, rows: readonly number[]): ScalarColumns {
  const moved = (wide: ReadonlyMap<number, bigint>): Map<number, bigint> =>
    new Map(
      rows.flatMap((row, to) => {
        const value = wide.get(row);
        return value === undefined ? [] : [[to, value] as const];
      }),
    );
  const of = (column: Float64Array | Uint32Array) => (row: number) => column[row] as number;
  return {
    count: rows.length,
    series: Uint32Array.from(rows, of(scalars.series)),
    step: Float64Array.from(rows, of(scalars.step)),
    wallTime: Float64Array.from(rows, of(scalars.wallTime)),
    value: Float64Array.from(rows, of(scalars.value)),
    offset: Float64Array.from(rows, of(scalars.offset)),
    checksum: Uint32Array.from(rows, of(scalars.checksum)),
    index: Uint32Array.from(rows, of(scalars.index)),
    wideSteps: moved(scalars.wideSteps),
    wideValues: moved(scalars.wideValues),
  };
}

function rowsOf(scalars: ScalarColumns, from: number, to: number): ScalarColumns {
  const moved = (wide: ReadonlyMap<number, bigint>): Map<number, bigint> =>
    new Map([...wide].flatMap(([row, value]) => (row >= from && row < to ? [[row - from, value] as const] : [])));
  return {
    count: to - from,
    series: scalars.series.subarray(from, to),
    step: scalars.step.subarray(from, to),
    wallTime: scalars.wallTime.subarray(from, to),
    value: scalars.value.subarray(from, to),
    offset: scalars.offset.subarray(from, to),
    checksum: scalars.checksum.subarray(from, to),
    index: scalars.index.subarray(from, to),
    wideSteps: moved(scalars.wideSteps),
    wideValues: moved(scalars.wideValues),
  };
}
