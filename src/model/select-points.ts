import type { Batch, ObjectPoint, ScalarColumns } from './batch.ts';

/** Returns a batch with only some of its points; everything else stays. Returns the same batch if all points stay. */
export function selectPoints(batch: Batch, isRow: (row: number) => boolean, isObject: (point: ObjectPoint) => boolean): Batch {
  const { scalars } = batch;
  const rows: number[] = [];
  for (let row = 0; row < scalars.count; row++) if (isRow(row)) rows.push(row);
  const objects = batch.objects.filter(isObject);
  if (rows.length === scalars.count && objects.length === batch.objects.length) return batch;
  return { ...batch, scalars: rows.length === scalars.count ? scalars : rowsOf(scalars, rows), objects };
}

function rowsOf(scalars: ScalarColumns, rows: readonly number[]): ScalarColumns {
  const moved = (wide: ReadonlyMap<number, bigint>): Map<number, bigint> =>
    wide.size === 0 ? new Map() : new Map(rows.flatMap((row, i) => (wide.has(row) ? [[i, wide.get(row) as bigint] as const] : [])));
  const column = (values: Float64Array): Float64Array => Float64Array.from(rows, (row) => values[row] as number);
  const words = (values: Uint32Array): Uint32Array => Uint32Array.from(rows, (row) => values[row] as number);
  return {
    count: rows.length,
    series: words(scalars.series),
    step: column(scalars.step),
    wallTime: column(scalars.wallTime),
    value: column(scalars.value),
    offset: column(scalars.offset),
    checksum: words(scalars.checksum),
    index: words(scalars.index),
    wideSteps: moved(scalars.wideSteps),
    wideValues: moved(scalars.wideValues),
  };
}
