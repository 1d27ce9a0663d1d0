import type { Batch } from '../model/index.ts';
import type { ReadEvent } from './read-event.ts';

/**
 * Gives back the memory of batches: of scalar columns and payloads, which nothing may read afterwards. V8 would free it
 * only after the next batches have taken as much.
 */
export function freeBatches(events: readonly ReadEvent[]): void {
  for (const event of events) {
    if (event.kind !== 'batch') continue;
    const { objects, marks } = event.batch;
    freeColumns(event.batch);
    for (const { payload } of objects) free(payload.buffer);
    for (const { payload } of marks) free(payload.buffer);
  }
}

/** Gives back the memory of the scalar columns alone. */
export function freeColumns(batch: Batch): void {
  for (const buffer of columnBuffers(batch)) free(buffer);
}

/** Returns the buffers of the scalar columns. */
export function columnBuffers({ scalars: { series, step, wallTime, value, offset, checksum, index } }: Batch): ArrayBuffer[] {
  return [series, step, wallTime, value, offset, checksum, index].map((column) => column.buffer as ArrayBuffer);
}

function free(buffer: ArrayBufferLike): void {
  if ('detached' in buffer && !buffer.detached) buffer.transfer(0);
}
