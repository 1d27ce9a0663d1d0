import type { ReadEvent } from './read-event.ts';

/**
 * Gives back the memory of the batches' scalar columns, which nothing may read afterwards: V8 would free it only after
 * the next batches have taken as much.
 */
export function freeColumns(events: readonly ReadEvent[]): void {
  for (const event of events) {
    if (event.kind !== 'batch') continue;
    const { series, step, wallTime, value, offset, checksum, index } = event.batch.scalars;
    for (const { buffer } of [series, step, wallTime, value, offset, checksum, index]) {
      if ('detached' in buffer && !buffer.detached) buffer.transfer(0);
    }
  }
}
