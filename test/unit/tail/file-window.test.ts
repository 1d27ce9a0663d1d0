import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FileWindow } from '../../../src/tail/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MIB = 1 << 20;
const BYTES = Uint8Array.from({ length: 6 * MIB + 123 }, (_, i) => (i * 2_654_435_761) >>> 11);

let folder = '';
let fd = -1;
beforeAll(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), BYTES);
  fd = openSync(join(folder, 'file'), 'r');
});
afterAll(() => {
  closeSync(fd);
});

function newWindow(): FileWindow {
  const window = new FileWindow();
  window.reset(fd);
  return window;
}

/** Expects the window to hold the bytes of the file from `from` on, at least `least` of them. */
function expectHolds(window: FileWindow, from: number, least: number): void {
  expect(window.offset).toBe(from);
  const length = window.end - window.start;
  expect(length).toBeGreaterThanOrEqual(least);
  expect(Buffer.compare(window.buffer.subarray(window.start, window.end), BYTES.subarray(from, from + length))).toBe(0);
  expect(window.view.buffer).toBe(window.buffer.buffer);
}

describe('FileWindow', () => {
  test('provides any range across the borders of its chunks, forwards and back', () => {
    const window = newWindow();
    let from = 0;
    for (const [move, needed] of [
      [0, 1],
      [MIB - 7, 16],
      [3, 12],
      [9, MIB],
      [MIB - 1, 100],
      [0, 5],
      [-500_000, 20],
      [2 * MIB, 12],
      [-3 * MIB, 12],
    ] as const) {
      from += move;
      expect(window.provide(from, needed, BYTES.length)).toBe(true);
      expectHolds(window, from, needed);
    }
  });

  test('returns false if the file ends earlier, with the available bytes', () => {
    const window = newWindow();
    expect(window.provide(BYTES.length - 5, 12, BYTES.length)).toBe(false);
    expectHolds(window, BYTES.length - 5, 5);
    expect(window.end - window.start).toBe(5);
    expect(window.provide(BYTES.length, 1, BYTES.length)).toBe(false);
    expect(window.end - window.start).toBe(0);
    expect(window.provide(BYTES.length, 0, BYTES.length)).toBe(true);
  });

  test('returns false if the file turns out to be shorter than expected', () => {
    const window = newWindow();
    expect(window.provide(BYTES.length - 100, 200, BYTES.length + 1000)).toBe(false);
    expectHolds(window, BYTES.length - 100, 100);
  });

  test('does not read beyond the given end', () => {
    const window = newWindow();
    expect(window.provide(10, 20, 50)).toBe(true);
    expect(window.end - window.start).toBe(40);
    expect(window.provide(30, 10, 60)).toBe(true);
    expectHolds(window, 30, 30);
    expect(window.end - window.start).toBe(30);
  });

  test('grows for a long record, and frees the memory with the next file', () => {
    const window = newWindow();
    expect(window.buffer.length).toBe(MIB);
    window.provide(MIB - 3, 12, BYTES.length);
    expect(window.provide(MIB - 3, 5 * MIB, BYTES.length)).toBe(true);
    expectHolds(window, MIB - 3, 5 * MIB);
    expect(window.buffer.length).toBeLessThanOrEqual(7 * MIB);
    window.reset(fd);
    expect(window.buffer.length).toBe(MIB);
    expect(window.provide(0, 16, BYTES.length)).toBe(true);
    expectHolds(window, 0, 16);
  });

  test('forgets the previous file', () => {
    const window = newWindow();
    window.provide(0, 100, BYTES.length);
    writeFileSync(join(folder, 'other'), new Uint8Array(50).fill(1));
    const other = openSync(join(folder, 'other'), 'r');
    window.reset(other);
    expect(window.provide(0, 50, 50)).toBe(true);
    expect([...window.buffer.subarray(window.start, window.end)]).toEqual(Array<number>(50).fill(1));
    closeSync(other);
  });
});
