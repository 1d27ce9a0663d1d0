import { closeSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { FileState, RecordMark } from '../../../src/model/index.ts';
import { type Change, compareFile, compareWithState, likenessOf, openFile } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { concat, event, frame, simpleValue, versionEvent } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RECORDS = [versionEvent(), ...[1, 2, 3].map((step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }))].map(
  frame,
);
const BYTES = concat(...RECORDS);

const folder = temporaryFolder();
const path = join(folder, 'file');
beforeEach(() => writeFileSync(path, BYTES));

function markOf(index: number): RecordMark {
  const offset = RECORDS.slice(0, index).reduce((sum, record) => sum + record.length, 0);
  const record = RECORDS[index]!;
  return { offset, length: record.length - 16, checksum: new DataView(record.buffer).getUint32(record.length - 4, true) };
}

const STATE: FileState = {
  name: 'file',
  generation: 0,
  position: { watermark: BYTES.length, gaps: [] },
  guard: { first: markOf(0), last: markOf(3) },
  damage: [],
  size: BYTES.length,
  stamp: '',
  records: 4,
};

function change(state: FileState = STATE): Change {
  const file = openFile(directoryAt(folder), 'file');
  try {
    return compareWithState(file, state);
  } finally {
    closeSync(file.fd);
  }
}

describe('compareWithState', () => {
  test('recognizes a file that stayed or grew', () => {
    expect(change()).toBe('same');
    writeFileSync(path, concat(BYTES, BYTES));
    expect(change()).toBe('same');
  });

  test('notices that a file is shorter than its position', () => {
    // Without marks between the two ends nobody knows what is there, unless it is nothing.
    truncateSync(path, BYTES.length - 1);
    expect(change()).toBe('shortened');
    truncateSync(path, 0);
    expect(change()).toBe('cut');
  });

  test('distinguishes a beginning of the known bytes from other bytes by the marks', () => {
    const marks = [1, 2, 3].map((i) => markOf(i));
    const state = { ...STATE, guard: { ...STATE.guard, trail: marks.map(({ offset, checksum }) => ({ offset, checksum })) } };
    for (let size = 0; size < BYTES.length; size++) {
      writeFileSync(path, BYTES.subarray(0, size));
      expect([size, change(state)]).toEqual([size, 'cut']);
      // Zeros from the middle of a checksum on are no zeros that stand for what is to come.
      const isInChecksum = marks.some(({ offset, length }) => size > offset + 12 + length && size < offset + 16 + length);
      if ((size > 0 && size < RECORDS[0]!.length) || isInChecksum) continue;
      const zeros = concat(BYTES.subarray(0, size), new Uint8Array(BYTES.length - size));
      writeFileSync(path, zeros);
      expect([size, change(state)]).toEqual([size, 'cut']);
    }
    for (const [i, { offset, length }] of marks.entries()) {
      const other = BYTES.slice(0, offset + length + 16);
      other[other.length - 1]! ^= 1;
      writeFileSync(path, other);
      expect(change(state)).toBe(i === 2 ? 'replaced' : 'shortened');
    }
    writeFileSync(path, RECORDS[1]!);
    expect(change(state)).toBe('shortened');
  });

  test('notices that a record which claims to reach into the next one is not the known one', () => {
    const marks = [1, 2, 3].map((i) => markOf(i));
    const state = { ...STATE, guard: { ...STATE.guard, trail: marks.map(({ offset, checksum }) => ({ offset, checksum })) } };
    for (const { offset } of marks) {
      // Cut behind the length of a record, which says more than there was room for.
      const other = BYTES.slice(0, offset + 14);
      other[offset + 1]! ^= 1;
      writeFileSync(path, other);
      expect(change(state)).toBe('shortened');
    }
  });

  test('notices other bytes of the same size, in the first record or in the last', () => {
    for (const at of [0, BYTES.length - 1, BYTES.length - RECORDS[3]!.length]) {
      const other = BYTES.slice();
      other[at]! ^= 1;
      writeFileSync(path, other);
      expect(change()).toBe('replaced');
    }
  });

  test('treats a file without valid records as the same', () => {
    expect(change({ ...STATE, position: { watermark: 0, gaps: [] }, guard: { first: undefined, last: undefined } })).toBe('same');
  });

  test('compares a length beyond 32 bits', () => {
    const state = { ...STATE, guard: { first: { ...markOf(0), length: markOf(0).length + 2 ** 32 }, last: undefined } };
    expect(change(state)).toBe('replaced');
  });
});

describe('compareFile', () => {
  test('opens the file itself, and treats one that cannot be opened as different', () => {
    expect(compareFile(directoryAt(folder), STATE)).toBe('same');
    expect(compareFile(directoryAt(folder), { ...STATE, name: 'none' })).toBe('replaced');
    expect(compareFile(directoryAt(folder), { ...STATE, name: '' })).toBe('replaced');
  });
});

describe('likenessOf', () => {
  const offset = RECORDS[0]!.length;
  const state: FileState = { ...STATE, guard: { ...STATE.guard, trail: [1, 2, 3].map(markOf) } };
  const other = frame(event({ wallTime: 9, step: 9, summary: [simpleValue('loss', 9)] }));
  const long = frame(event({ wallTime: 9, step: 9, summary: [simpleValue('another', 9)] }));
  test.each([
    ['all of it', BYTES, 'same'],
    ['all of it and more', concat(BYTES, other), 'same'],
    ['two records', BYTES.subarray(0, offset + RECORDS[1]!.length), 'beginning'],
    ['two records and a half', BYTES.subarray(0, offset + RECORDS[1]!.length * 1.5), 'beginning'],
    ['two records before others', concat(RECORDS[0]!, RECORDS[1]!, other), 'beginning'],
    ['a record and a half', BYTES.subarray(0, offset + 20), 'blank'],
    ['the first record', RECORDS[0]!, 'blank'],
    ['half of the first record', BYTES.subarray(0, 20), 'blank'],
    ['nothing', new Uint8Array(), 'blank'],
    ['the first record before others', concat(RECORDS[0]!, other, other), 'other'],
    ['the first record before a longer one', concat(RECORDS[0]!, long), 'other'],
    ['other records', concat(long, other, other, other), 'other'],
  ])('of %s', (_, bytes, likeness) => {
    writeFileSync(path, bytes);
    expect(likenessOf(directoryAt(folder), state, 'file')).toBe(likeness);
  });

  test('of a missing file', () => {
    expect(likenessOf(directoryAt(folder), state, 'none')).toBe('other');
  });
});
