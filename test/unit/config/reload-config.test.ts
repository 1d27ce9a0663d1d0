import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Config, loadConfig, reloadConfig } from '../../../src/config/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const TEXT = 'lanes: { local: { path: own.db } }\n';

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, 'mirrorboard.yaml');
});

const surroundings = (config?: string) => ({ flags: { config }, env: {}, cwd: folder });
const started = (text: string, config?: string): Promise<Config> => {
  writeFileSync(file, text);
  return loadConfig(surroundings(config));
};

describe('a configuration that is loaded again', () => {
  it.each(['./mirrorboard.yaml', undefined])('never replaces an active file by the defaults: %s', async (config) => {
    const former = await started(TEXT, config);
    const again = (): Promise<Config> => reloadConfig(former, surroundings(config));
    renameSync(file, `${file}.old`);
    await expect(again()).rejects.toMatchObject({
      code: 'MB1003',
      message: 'reading the configuration ./mirrorboard.yaml: no such file',
    });
    for (const empty of ['', '# nothing but a word\n']) {
      writeFileSync(file, empty);
      await expect(again()).rejects.toMatchObject({ code: 'MB1003', message: expect.stringMatching(/: it is empty$/) });
    }
    renameSync(`${file}.old`, file);
    expect((await again()).lanes.local?.path).toBe('own.db');
  });

  it('cannot be a pipe or a directory, and does not wait for one', async () => {
    const former = await started(TEXT);
    rmSync(file);
    execFileSync('mkfifo', [file]);
    const refused = { code: 'MB1002', message: expect.stringContaining('expected a regular file') };
    await expect(reloadConfig(former, surroundings())).rejects.toMatchObject(refused);
    rmSync(file);
    mkdirSync(file);
    await expect(reloadConfig(former, surroundings())).rejects.toMatchObject(refused);
  });

  it('may be empty if it was empty, and may appear later', async () => {
    const none = await loadConfig(surroundings());
    expect([none.file, none.hasSettings]).toEqual([undefined, false]);
    expect((await reloadConfig(none, surroundings())).file).toBeUndefined();
    const empty = await started('');
    expect((await reloadConfig(empty, surroundings())).hasSettings).toBe(false);
    writeFileSync(file, TEXT);
    for (const former of [none, empty]) expect((await reloadConfig(former, surroundings())).lanes.local?.path).toBe('own.db');
  });
});
