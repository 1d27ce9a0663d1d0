import { expect, test } from '@jest/globals';
import { freeColumns } from '../../../src/reading/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { decodeBytes } from '../../support/scripted-window.ts';

test('frees the memory of all columns of batches, also if it was freed before', () => {
  const { batches } = decodeBytes(eventFile(event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] })));
  const events = batches.map((batch) => ({ kind: 'batch', batch, state: newState }) as const);
  const buffers = batches.flatMap(({ scalars }) =>
    Object.values(scalars).flatMap((each) => (ArrayBuffer.isView(each) ? [each.buffer] : [])),
  );
  expect(buffers).toHaveLength(7 * batches.length);
  freeColumns(events);
  expect(buffers.every((buffer) => buffer.byteLength === 0)).toBe(true);
  freeColumns(events);
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
