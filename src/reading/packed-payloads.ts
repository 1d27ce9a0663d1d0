import type { Batch } from '../model/index.ts';

/** The size from which the bytes of a record are moved to another thread as they are. */
const MOVED_BYTES = 64 * 1024;

/** A batch that can be sent to another thread, and the buffers that move there. */
export interface PackedBatch {
  readonly batch: Batch;
  readonly moved: ArrayBuffer[];
}

/**
 * Puts the small payloads of a batch into one buffer, because a buffer for each takes more memory and time than they
 * do. Large payloads stay views on the bytes of their records, which the thread does not read again; a message that
 * moved some of them would copy none.
 */
export function packPayloads(batch: Batch): PackedBatch {
  const { objects, marks } = batch;
  const small = [...objects, ...marks].filter(({ payload }) => payload.buffer.byteLength < MOVED_BYTES);
  const pack = new Uint8Array(small.reduce((sum, { payload }) => sum + payload.length, 0));
  const moved = new Set<ArrayBuffer>(pack.length === 0 ? [] : [pack.buffer]);
  let at = 0;
  const placed = <Item extends { readonly payload: Uint8Array }>(item: Item): Item => {
    const { payload } = item;
    if (payload.buffer.byteLength >= MOVED_BYTES) {
      moved.add(payload.buffer as ArrayBuffer);
      return item;
    }
    pack.set(payload, at);
    const place = pack.subarray(at, at + payload.length);
    at += payload.length;
    return { ...item, payload: place };
  };
  return { batch: { ...batch, objects: objects.map(placed), marks: marks.map(placed) }, moved: [...moved] };
}
