import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FolderPlace } from '../../../../src/backends/parquet/folder.ts';
import { contentOf } from '../../../../src/backends/parquet/place.ts';
import { systemClock } from '../../../../src/clock.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const signal = new AbortController().signal;
const bytes = (text: string): Buffer => Buffer.from(text);

let folder: string;
let place: FolderPlace;
beforeEach(() => {
  folder = temporaryFolder();
  place = new FolderPlace(join(folder, 'place'), systemClock);
});

describe('a folder of files', () => {
  it('is made by the first file, and only its owner can read it', async () => {
    await place.probe(signal);
    expect(readdirSync(folder)).toEqual([]);
    expect(await place.list('points/', signal)).toEqual([]);
    expect(await place.putNew('points/a/b.parquet', bytes('one'), signal)).toBe(true);
    expect(statSync(join(folder, 'place/points/a/b.parquet')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'place/points/a')).mode & 0o777).toBe(0o700);
    expect(await place.list('points/', signal)).toEqual([{ path: 'points/a/b.parquet', bytes: 3 }]);
    expect(readdirSync(join(folder, 'place/.tmp'))).toEqual([]);
  });

  it('keeps the first file of a name, and replaces one only where that is asked for', async () => {
    await place.putNew('a', bytes('one'), signal);
    expect(await place.putNew('a', bytes('two'), signal)).toBe(false);
    expect(String(await place.get('a', signal))).toBe('one');
    await place.put('a', contentOf(bytes('three')), signal);
    expect(String(await place.get('a', signal))).toBe('three');
    await place.remove('a', signal);
    await place.remove('a', signal);
    expect(await place.get('a', signal)).toBeUndefined();
    expect(await place.has('a', signal)).toBe(false);
  });

  it('flushes the name of a file also if another process has stored it', async () => {
    await place.putNew('points/a', bytes('one'), signal);
    const file = await open(folder);
    const sync = jest.spyOn(Object.getPrototypeOf(file) as typeof file, 'sync');
    await file.close();
    const flushed: boolean[] = [];
    sync.mockImplementation(async function (this: typeof file) {
      flushed.push((await this.stat()).isDirectory());
    });
    try {
      expect(await place.putNew('points/a', bytes('one'), signal)).toBe(false);
    } finally {
      sync.mockRestore();
    }
    expect(flushed).toEqual([false, true]);
  });

  it('leaves nothing of content that breaks off, and what was there before', async () => {
    await place.put('a', contentOf(bytes('whole')), signal);
    const broken = {
      bytes: 10,
      async *read() {
        yield bytes('half');
        throw new Error('the file is away');
      },
    };
    await expect(place.put('a', broken, signal)).rejects.toThrow('the file is away');
    expect(String(await place.get('a', signal))).toBe('whole');
    expect(readdirSync(join(folder, 'place/.tmp'))).toEqual([]);
  });

  it('removes what a killed process left, but not what another one may be writing', async () => {
    const temporary = join(folder, 'place/.tmp');
    mkdirSync(temporary, { recursive: true });
    for (const name of ['old', 'new']) writeFileSync(join(temporary, name), 'x');
    utimesSync(join(temporary, 'old'), 1000, 1000);
    await place.putNew('a', bytes('one'), signal);
    expect(readdirSync(temporary)).toEqual(['new']);
  });

  it('follows no link of others', async () => {
    writeFileSync(join(folder, 'secret'), 'secret');
    mkdirSync(join(folder, 'place'));
    symlinkSync(join(folder, 'secret'), join(folder, 'place/a'));
    await expect(place.get('a', signal)).rejects.toMatchObject({ code: 'MB4004' });
    expect(await place.putNew('a', bytes('mine'), signal)).toBe(false);
    await place.put('a', contentOf(bytes('mine')), signal);
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('secret');
    expect(String(await place.get('a', signal))).toBe('mine');
  });

  it('says what a person can do where it cannot be used', async () => {
    writeFileSync(join(folder, 'file'), '');
    const file = new FolderPlace(join(folder, 'file'), systemClock);
    await expect(file.probe(signal)).rejects.toMatchObject({ code: 'MB4004', hint: expect.any(String) });
    await expect(file.putNew('a', bytes('x'), signal)).rejects.toMatchObject({ code: 'MB4004' });
    // Root may write anywhere.
    if (process.getuid?.() === 0) return;
    mkdirSync(join(folder, 'place'));
    chmodSync(join(folder, 'place'), 0o500);
    await expect(place.putNew('a', bytes('x'), signal)).rejects.toMatchObject({ code: 'MB4002', hint: 'Check its permissions.' });
  });
});
