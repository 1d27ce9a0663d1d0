import { expect, test } from '@jest/globals';
import { freeBatches } from '../../../src/reading/index.ts';
import { event, eventFile, image, simpleValue } from '../../support/event-writer.ts';
import { decodeBytes } from '../../support/scripted-window.ts';

test('frees the memory of all columns and payloads of batches, also if it was freed before', () => {
  const { batches } = decodeBytes(
    eventFile(
      event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1), image('img', { width: 1, height: 1, encoded: new Uint8Array(9) })] }),
    ),
  );
  const events = batches.map((batch) => ({ kind: 'batch', batch, state: newState }) as const);
  const buffers = batches.flatMap(({ scalars }) =>
    Object.values(scalars).flatMap((each) => (ArrayBuffer.isView(each) ? [each.buffer] : [])),
  );
  expect(buffers).toHaveLength(7 * batches.length);
  const payloads = batches.flatMap(({ objects, marks }) => [...objects, ...marks].map(({ payload }) => payload));
  expect(payloads.map(({ length }) => length > 0)).toContain(true);
  freeBatches(events);
  expect(buffers.every((buffer) => buffer.byteLength === 0)).toBe(true);
  expect(payloads.every((payload) => payload.length === 0)).toBe(true);
  freeBatches(events);
});

const newState = {
  name: 'events.out.tfevents.1',
  generation: 0,
  position: { watermark: 0, gaps: [] },
  guard: { first: undefined, last: undefined },
  damage: [],
  size: 0,
  stamp: '',
  records: 0,
};
