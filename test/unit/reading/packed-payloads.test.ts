import { describe, expect, test } from '@jest/globals';
import { packPayloads } from '../../../src/reading/packed-payloads.ts';
import { event, eventFile, image } from '../../support/event-writer.ts';
import { decodeBytes } from '../../support/scripted-window.ts';

const bytesOf = (size: number, seed: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * seed) % 251);

function batchOf(...sizes: readonly number[]) {
  const events = sizes.map((size, i) =>
    event({ wallTime: i, step: i, summary: [image('img', { width: 1, height: 1, encoded: bytesOf(size, i + 3) })] }),
  );
  const [batch] = decodeBytes(eventFile(...events)).batches;
  return batch!;
}

describe('packPayloads', () => {
  test('puts small payloads into one buffer, with the same bytes', () => {
    const batch = batchOf(10, 2000, 300);
    const { batch: packed, moved } = packPayloads(batch);
    expect(packed.objects).toEqual(batch.objects);
    expect(new Set(packed.objects.map(({ payload }) => payload.buffer)).size).toBe(1);
    expect(moved).toEqual([packed.objects[0]?.payload.buffer]);
  });

  test('leaves payloads of large records where they are, and moves each buffer once', () => {
    const batch = batchOf(10, 200_000, 300);
    const { batch: packed, moved } = packPayloads(batch);
    expect(packed.objects.map(({ payload }) => [...payload])).toEqual(batch.objects.map(({ payload }) => [...payload]));
    expect(packed.objects[1]?.payload.buffer).toBe(batch.objects[1]?.payload.buffer);
    expect(new Set(moved).size).toBe(moved.length);
    // What arrives in another thread is the same.
    const before = batch.objects.map(({ payload }) => [...payload]);
    const arrived = structuredClone(packed.objects, { transfer: moved });
    expect(arrived.map(({ payload }) => [...payload])).toEqual(before);
    expect(batch.objects[1]?.payload.length).toBe(0);
  });

  test('moves nothing for a batch without payloads', () => {
    expect(packPayloads({ ...batchOf(10), objects: [], marks: [] }).moved).toEqual([]);
  });
});
