import type { ReadEvent } from './read-event.ts';

/**
 * Gives back the memory of batches: of scalar columns and payloads, which nothing may read afterwards. V8 would free it
 * only after the next batches have taken as much.
 */
export function freeBatches(events: readonly ReadEvent[]): void {
  for (const event of events) {
    if (event.kind !== 'batch') continue;
    const { scalars, objects, marks } = event.batch;
    const { series, step, wallTime, value, offset, checksum, index } = scalars;
    for (const { buffer } of [series, step, wallTime, value, offset, checksum, index]) free(buffer);
    for (const { payload } of objects) free(payload.buffer);
    for (const { payload } of marks) free(payload.buffer);
  }
}

function free(buffer: ArrayBufferLike): void {
  if ('detached' in buffer && !buffer.detached) buffer.transfer(0);
}
