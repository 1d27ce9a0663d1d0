import { appendFileSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { FrameBuffer, scanRecords, writeAt } from '../../../../src/backends/wandb/wandb-file.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'run.wandb');
});
function record(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed) % 251));
}

function written(lengths: readonly number[]): Buffer[] {
  const all = lengths.map(record);
  let end = 0;
  // A few at a time, as sends do.
  for (let at = 0; at < all.length; at += 3) {
    const frames = new FrameBuffer(end);
    for (const one of all.slice(at, at + 3)) frames.add(one);
    writeAt(path, end, frames.bytes);
    end += frames.bytes.length;
  }
  return all;
}

const read = (): Buffer[] => [...scanRecords(path)].map(({ data }) => Buffer.from(data));

describe('a file of records', () => {
  it('begins as the official client writes it', () => {
    written([1]);
    // From a file of the client: its head, then the checksum, the length and the type of a chunk.
    expect(readFileSync(path).subarray(0, 7).toString('hex')).toBe('3a572642e1be00');
    expect(readFileSync(path).readUInt16LE(11)).toBe(1);
    expect(readFileSync(path)[13]).toBe(1);
  });

  it('returns records of every length, at every place of a block', () => {
    const lengths = [0, 1, 32_747, 5, 32_761, 32_760, 70_000, 3, ...Array.from({ length: 200 }, (_, i) => 300 + i), 32_768, 0, 12];
    const all = written(lengths);
    expect(read()).toEqual(all);
  });

  it.each([1, 6, 7, 8, 100])('ends before a record that is incomplete after %d bytes, and resumes from there', (bytes) => {
    const all = written([40, 50, 60]);
    const end = statSync(path).size;
    const frames = new FrameBuffer(end);
    frames.add(record(500, 9));
    appendFileSync(path, frames.bytes.subarray(0, bytes));
    expect(read()).toEqual(all);
    expect([...scanRecords(path)].at(-1)?.end).toBe(end);
    writeAt(path, end, frames.bytes);
    expect(read()).toEqual([...all, record(500, 9)]);
  });

  it('ends before a byte that was flipped', () => {
    const all = written([40, 50, 60]);
    const bytes = readFileSync(path);
    bytes[bytes.length - 5]! ^= 1;
    rmSync(path);
    writeAt(path, 0, bytes);
    expect(read()).toEqual(all.slice(0, 2));
  });
});
