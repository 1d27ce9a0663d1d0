import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { openFile } from '../../../src/tail/index.ts';
import { readAt } from '../../../src/tail/open-file.ts';
import { directoryAt } from '../../support/directory.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
beforeAll(() => {
  folder = temporaryFolder();
});
const openFiles = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);

describe('openFile', () => {
  test('returns the size, and a stamp that changes with the file', () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'abc');
    const first = openFile(directoryAt(folder), 'file');
    const again = openFile(directoryAt(folder), 'file');
    expect(first.size).toBe(3);
    expect(again.stamp).toBe(first.stamp);
    writeFileSync(path, 'abcd');
    const grown = openFile(directoryAt(folder), 'file');
    expect(grown.size).toBe(4);
    expect(grown.stamp).not.toBe(first.stamp);
    for (const { fd } of [first, again, grown]) closeSync(fd);
  });

  test('follows a link', () => {
    writeFileSync(join(folder, 'target'), 'abc');
    symlinkSync('target', join(folder, 'link'));
    const { fd, size } = openFile(directoryAt(folder), 'link');
    closeSync(fd);
    expect(size).toBe(3);
  });

  test('does not hang on a FIFO or a directory, and keeps neither open', () => {
    const fifo = join(folder, 'fifo.tfevents');
    execFileSync('mkfifo', [fifo]);
    mkdirSync(join(folder, 'directory'));
    const before = openFiles();
    expect(() => openFile(directoryAt(folder), 'fifo.tfevents')).toThrow(
      expect.objectContaining({ code: 'MB2011', message: 'it is not a regular file but a pipe' }),
    );
    expect(() => openFile(directoryAt(folder), 'directory')).toThrow(expect.objectContaining({ code: 'MB2011' }));
    expect(() => openFile(directoryAt(folder), 'nothing')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(openFiles()).toBe(before);
  });
});

describe('readAt', () => {
  test('reads from any place, and less if the file ends', () => {
    const path = join(folder, 'read');
    writeFileSync(path, Uint8Array.of(1, 2, 3, 4, 5));
    const { fd } = openFile(directoryAt(folder), 'read');
    const buffer = new Uint8Array(6);
    expect(readAt(fd, buffer, 2, 3, 1)).toBe(3);
    expect([...buffer]).toEqual([0, 0, 2, 3, 4, 0]);
    expect(readAt(fd, buffer, 0, 6, 3)).toBe(2);
    expect(readAt(fd, buffer, 0, 6, 99)).toBe(0);
    closeSync(fd);
  });
});
