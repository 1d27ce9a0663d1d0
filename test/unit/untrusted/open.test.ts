import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, lchownSync, mkdirSync, readdirSync, readSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Directory, type LinkRule, lookAt, openSync, pieces, readWhole } from '../../../src/untrusted/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
let base = '';
let root = '';
beforeEach(() => {
  base = temporaryFolder();
  root = join(base, 'root');
  mkdirSync(root);
});
function make(path: string, text = 'a secret'): string {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  writeFileSync(join(base, path), text);
  return join(base, path);
}

function link(path: string, target: string, uid?: number): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  symlinkSync(target, join(base, path));
  if (uid !== undefined) lchownSync(join(base, path), uid, uid);
}

const place = (links: LinkRule = 'owner', path = ''): Directory => ({ root, path, links });
const read = async (name: string, at: Directory = place()): Promise<string> =>
  (await readWhole(at, name, { mostBytes: 1000, signal })).content.toString();
const openFiles = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);

describe('files below a root', () => {
  test('are read through links if the rule allows it', async () => {
    make('root/own/a.yaml', 'a');
    make('out/b.yaml', 'b');
    link('root/inner', 'own');
    link('root/inner.yaml', 'own/a.yaml');
    link('root/outer', '../out');
    link('root/outer.yaml', '../out/b.yaml');
    const kinds = async (rule: LinkRule): Promise<string[]> =>
      Promise.all(
        ['own/a.yaml', 'inner/a.yaml', 'inner.yaml', 'outer/b.yaml', 'outer.yaml'].map((name) =>
          read(name, place(rule)).catch(({ code }) => code),
        ),
      );
    expect(await kinds('none')).toEqual(['a', 'MB2010', 'MB2010', 'MB2010', 'MB2010']);
    expect(await kinds('inside')).toEqual(['a', 'a', 'a', 'MB2010', 'MB2010']);
    expect(await kinds('owner')).toEqual(['a', 'a', 'a', 'b', 'b']);
    expect(await kinds('all')).toEqual(['a', 'a', 'a', 'b', 'b']);
  });

  (isRoot ? test : test.skip)("are not read through a link to another owner's file or directory", async () => {
    make('out/token');
    link('root/file', '../out/token', 65534);
    link('root/directory', '../out', 65534);
    for (const name of ['file', 'directory/token']) {
      await expect(read(name)).rejects.toMatchObject({
        code: 'MB2010',
        message: expect.stringMatching(/belongs to user 65534.*to user 0/),
      });
      await expect(read(name)).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
    }
    expect(await read('file', place('all'))).toBe('a secret');
    // The owner of the link the name begins with decides, however many links follow.
    link('out/again', 'token');
    link('root/chain', '../out/again', 65534);
    await expect(read('chain')).rejects.toMatchObject({ code: 'MB2010' });
  });

  test("are never read if a link leads into the kernel's file systems, with any rule and any path", async () => {
    if (!existsSync('/proc/self/environ')) return;
    link('root/environ', '/proc/self/environ');
    link('root/proc', '/proc');
    link('root/round', `/proc/self/root${base}/root`);
    link('root/twice', 'proc');
    make('root/plain');
    for (const name of ['environ', 'proc/self/environ', 'round/plain', 'twice/self/environ']) {
      await expect(read(name, place('all'))).rejects.toMatchObject({ code: 'MB2010', message: expect.stringContaining('kernel') });
    }
  });

  test('are never pipes, sockets, devices or directories: mirrorboard names them, and does not wait', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    mkdirSync(join(root, 'directory'));
    link('root/linked', 'pipe');
    const server = createServer().listen(join(root, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const before = openFiles();
    try {
      const said = async (name: string): Promise<string> => read(name).catch(({ code, message }) => `${code} ${message}`);
      expect(await said('pipe')).toBe('MB2011 it is not a regular file but a pipe');
      expect(await said('linked')).toBe('MB2011 it is not a regular file but a pipe');
      expect(await said('socket')).toBe('MB2011 it is not a regular file but a socket');
      expect(await said('directory')).toBe('MB2011 it is not a regular file but a directory');
      expect(() => openSync(place(), 'pipe')).toThrow('a pipe');
      expect(await lookAt(place(), 'pipe')).toEqual({ kind: 'refused', reason: 'it is not a regular file but a pipe' });
      expect(await lookAt(place(), 'directory')).toEqual({ kind: 'directory' });
      expect(openFiles()).toBe(before);
    } finally {
      server.close();
    }
  });

  test('are refused if a directory on their path was replaced after they were found', async () => {
    make('out/token');
    make('root/run/token', 'mine');
    const run = place('inside', 'run');
    expect(await read('token', run)).toBe('mine');
    renameSync(join(root, 'run'), join(root, 'moved'));
    link('root/run', '../out');
    await expect(read('token', run)).rejects.toMatchObject({ code: 'MB2010' });
  });

  test('stay below the root even with .. in their path', async () => {
    make('token');
    make('root/token', 'mine');
    expect(await read('../../../token', place('all', 'a/b'))).toBe('mine');
  });

  test('are refused by their length before the first read, and again when they grow past the limit', async () => {
    make('root/long', 'x'.repeat(2000));
    await expect(read('long')).rejects.toMatchObject({ code: 'MB2012', message: 'it has 2000 bytes, and at most 1000 are read' });
    make('root/grows', 'x'.repeat(900));
    const grow = async (): Promise<void> => {
      const onOpen = (): void => writeFileSync(join(root, 'grows'), 'x'.repeat(2000));
      for await (const _ of pieces(place(), 'grows', { mostBytes: 1000, signal, onOpen }));
    };
    await expect(grow()).rejects.toMatchObject({ code: 'MB2012', message: expect.stringContaining('grown') });
  });

  test('are released when the signal aborts', async () => {
    writeFileSync(join(root, 'long'), Buffer.alloc(1_000_000));
    const end = new AbortController();
    const before = openFiles();
    const reading = async (): Promise<void> => {
      for await (const _ of pieces(place(), 'long', { mostBytes: 1e9, signal: end.signal })) end.abort(new Error('enough'));
    };
    await expect(reading()).rejects.toThrow('enough');
    await expect(readWhole(place(), 'long', { mostBytes: 1e9, signal: end.signal })).rejects.toThrow('enough');
    for (const endMs = Date.now() + 10_000; openFiles() > before && Date.now() < endMs; ) await new Promise(setImmediate);
    expect(openFiles()).toBe(before);
  });

  test('are found if a link to a directory of their owner leads to their directory', () => {
    make('out/run/a.tfevents', 'abc');
    link('root/mine', '../out');
    const { fd, size } = openSync(place('owner', 'mine/run'), 'a.tfevents');
    const buffer = Buffer.alloc(3);
    readSync(fd, buffer, 0, 3, 0);
    closeSync(fd);
    expect([size, buffer.toString()]).toEqual([3, 'abc']);
  });

  test('are missing if nothing exists, and if a link is broken', async () => {
    link('root/nowhere', 'gone');
    link('root/ring', 'ring');
    expect(await lookAt(place(), 'nothing')).toEqual({ kind: 'none' });
    expect(await lookAt(place(), 'nowhere')).toEqual({ kind: 'none' });
    expect(await lookAt(place(), 'ring')).toMatchObject({ kind: 'refused' });
  });
});
