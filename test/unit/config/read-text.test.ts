import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readText, textOf } from '../../../src/config/read-text.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
describe('textOf', () => {
  it('accepts UTF-8, and removes the byte order mark', () => {
    expect(textOf(Buffer.from('\ufeffproject: é\r\n'))).toBe('project: é\r\n');
    expect(textOf(Buffer.alloc(0))).toBe('');
  });

  it.each([
    [Buffer.from('\ufeffproject: a', 'utf16le'), undefined, 'UTF-16'],
    [Buffer.from([0xfe, 0xff, 0, 0x70]), undefined, 'UTF-16'],
    [Buffer.from('a\nb\nc\0d'), 3, 'a zero byte'],
    [Buffer.from('a: b\nname: M\xfcnchen\n', 'latin1'), 2, 'the byte 0xfc, which is not UTF-8'],
    [Buffer.from([0x61, 0xc3]), 1, 'the byte 0xc3, which is not UTF-8'],
  ])('refuses other texts, and reports the position: %#', (bytes, line, found) => {
    expect(() => textOf(bytes)).toThrow(expect.objectContaining({ found, line }));
  });
});

describe('readText', () => {
  it('reads at most as much as a configuration can have from an endless file', async () => {
    await expect(readText('/dev/zero')).rejects.toMatchObject({ found: 'more than 1 MiB' });
    const file = join(folder, 'long.yaml');
    writeFileSync(file, `#${'x'.repeat(3000)}\n`);
    await expect(readText(file, 2048)).rejects.toThrow('found more than');
    expect((await readText(file)).length).toBe(3002);
  });

  it('reads from a pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = spawn('sh', ['-c', 'echo "project: a" > "$0"', pipe]);
    expect(await readText(pipe)).toBe('project: a\n');
    if (writer.exitCode === null) await once(writer, 'exit');
  });

  it('fails with a system code for a path that is not a file', async () => {
    await expect(readText(folder)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(readText(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
