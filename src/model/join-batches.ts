import type { Batch, ScalarColumns } from './batch.ts';

/**
 * Joins batches of one file into one with the whole range; that says nothing about the bytes between them. Throws if
 * there is no batch.
 */
export function joinBatches(batches: readonly Batch[]): Batch {
  const [first] = batches;
  if (first === undefined) throw new Error('there is no batch to join');
  if (batches.length === 1) return first;
  return {
    run: first.run,
    file: first.file,
    generation: first.generation,
    start: batches.reduce((start, batch) => Math.min(start, batch.start), first.start),
    end: batches.reduce((end, batch) => Math.max(end, batch.end), first.end),
    records: batches.reduce((sum, { records }) => sum + records, 0),
    newSeries: batches.flatMap(({ newSeries }) => newSeries),
    scalars: joinColumns(batches.map(({ scalars }) => scalars)),
    objects: batches.flatMap(({ objects }) => objects),
    marks: batches.flatMap(({ marks }) => marks),
  };
}

function joinColumns(parts: readonly ScalarColumns[]): ScalarColumns {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const joined = {
    count,
    series: new Uint32Array(count),
    step: new Float64Array(count),
    wallTime: new Float64Array(count),
    value: new Float64Array(count),
    offset: new Float64Array(count),
    checksum: new Uint32Array(count),
    index: new Uint32Array(count),
    wideSteps: new Map<number, bigint>(),
    wideValues: new Map<number, bigint>(),
  };
  let at = 0;
  for (const part of parts) {
    for (const column of ['series', 'step', 'wallTime', 'value', 'offset', 'checksum', 'index'] as const)
      joined[column].set(part[column].subarray(0, part.count), at);
    for (const wide of ['wideSteps', 'wideValues'] as const) for (const [row, value] of part[wide]) joined[wide].set(at + row, value);
    at += part.count;
  }
  return joined;
}
