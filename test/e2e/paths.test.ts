import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as w from '../support/event-writer.ts';
import { corpus, freshDirectory, mustRun, remove, repository } from './command.ts';

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(() => remove(folder));

/** Names and bytes of all that is in a directory, without the times. */
function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name);
      return [name, statSync(path).isDirectory() ? 'directory' : readFileSync(path, 'base64')];
    }),
  );
}

describe('the default paths', () => {
  it('are mirrorboard.db with the files next to it, and mirrorboard.media', async () => {
    await mustRun(['backfill', corpus('tf2_media')], { cwd: folder });
    await mustRun(['export'], { cwd: folder });
    const names = readdirSync(folder);
    expect(names).toEqual(expect.arrayContaining(['mirrorboard.db', 'mirrorboard.media']));
    expect(names.filter((name) => !/^mirrorboard\.db($|[-.])/.test(name))).toEqual(['mirrorboard.media']);
  });

  it('are all ignored by git with our .gitignore', async () => {
    copyFileSync(join(repository, '.gitignore'), join(folder, '.gitignore'));
    const git = (...args: readonly string[]): string => spawnSync('git', args, { cwd: folder, encoding: 'utf8' }).stdout;
    git('init', '--quiet');
    await mustRun(['backfill', corpus('tf2_media')], { cwd: folder });
    await mustRun(['export'], { cwd: folder });
    expect(git('status', '--porcelain', '--untracked-files=all')).toBe('?? .gitignore\n');
  });

  it('change with --store, which creates its folder', async () => {
    await mustRun(['backfill', corpus('tf2_media'), '--store', 'deep/er/logs.db'], { cwd: folder });
    expect(readdirSync(folder)).toEqual(['deep']);
    expect(readdirSync(join(folder, 'deep/er'))).toEqual(expect.arrayContaining(['logs.db', 'logs.media']));
    await mustRun(['export', '--store', 'deep/er/logs.db'], { cwd: folder });
  });

  it('can come from the environment and from a configuration, and the flag has priority', async () => {
    writeFileSync(
      join(folder, 'mirrorboard.yaml'),
      `roots: [{ path: ${corpus('tf2_media')}, name: media }]\nlanes: { local: { path: ./file.db } }\n`,
    );
    await mustRun(['backfill'], { cwd: folder });
    expect((await mustRun(['export', '--root', 'media'], { cwd: folder })).stdout).toMatch('"pictures/gray"');
    await mustRun(['backfill'], { cwd: folder, env: { MIRRORBOARD_STORE: 'environment.db' } });
    await mustRun(['backfill', '--store', 'flag.db'], { cwd: folder, env: { MIRRORBOARD_STORE: 'other.db' } });
    expect(readdirSync(folder).filter((name) => name.endsWith('.db'))).toEqual(['environment.db', 'file.db', 'flag.db']);
  });
});

describe('log directories', () => {
  it('are never written to', async () => {
    const logs = join(folder, 'logs');
    cpSync(join(repository, 'test/damaged'), logs, { recursive: true });
    const before = contents(logs);
    await mustRun(['backfill', 'logs'], { cwd: folder }, 1);
    await mustRun(['inspect', 'logs'], { cwd: folder }, 1);
    expect(contents(logs)).toEqual(before);
  });

  it('may include the working directory, which then contains the store', async () => {
    cpSync(corpus('tf2_scalars'), folder, { recursive: true });
    await mustRun(['backfill', '.'], { cwd: folder });
    expect((await mustRun(['backfill', '.'], { cwd: folder })).stderr).toMatch(/^0 new points/m);
  });

  it('may have names that are not UTF-8', async () => {
    const logs = join(folder, 'logs');
    const latin = Buffer.concat([Buffer.from(`${logs}/caf`), Buffer.from([0xe9])]);
    mkdirSync(latin, { recursive: true });
    const file = w.eventFile(w.event({ wallTime: 1, step: 1, summary: [w.simpleValue('loss', 1)] }));
    writeFileSync(Buffer.concat([latin, Buffer.from('/events.out.tfevents.1')]), file);
    writeFileSync(Buffer.concat([Buffer.from(`${logs}/events.tfevents.`), Buffer.from([0xe9])]), file);
    const { stdout } = await mustRun(['backfill', 'logs', '--json'], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ totals: { new_points: 2 }, incidents: [] });
  });

  it('below a known root are that root, narrowed', async () => {
    cpSync(corpus('tf2_scalars'), join(folder, 'logs/scalars'), { recursive: true });
    cpSync(corpus('tf2_media'), join(folder, 'logs/media'), { recursive: true });
    await mustRun(['backfill', 'logs'], { cwd: folder });
    expect((await mustRun(['backfill', 'logs/scalars'], { cwd: folder })).stderr).toMatch(/^0 new points/m);
    await mustRun(['backfill', folder], { cwd: folder }, 2);
    const { stdout } = await mustRun(['export'], { cwd: folder });
    expect(Object.keys(JSON.parse(stdout).runs)).toEqual(['media', 'scalars/train', 'scalars/validation']);
  });

  it('of other people under the same name are refused', async () => {
    for (const who of ['ann', 'bob']) mkdirSync(join(folder, who, 'runs'), { recursive: true });
    cpSync(corpus('tf2_scalars'), join(folder, 'ann/runs'), { recursive: true });
    cpSync(corpus('tf2_media'), join(folder, 'bob/runs'), { recursive: true });
    await mustRun(['backfill', 'ann/runs'], { cwd: folder });
    const { stderr } = await mustRun(['backfill', 'bob/runs'], { cwd: folder }, 2);
    expect(stderr).toMatch('runs-2=');
    await mustRun(['backfill', 'bobs=bob/runs'], { cwd: folder });
    // The same root, moved.
    cpSync(join(folder, 'ann/runs'), join(folder, 'elsewhere/runs'), { recursive: true });
    rmSync(join(folder, 'ann'), { recursive: true });
    expect((await mustRun(['backfill', 'elsewhere/runs'], { cwd: folder })).stderr).toMatch(/^0 new points/m);
  });
});

describe('a dry run', () => {
  it('creates nothing', async () => {
    const { stdout } = await mustRun(['backfill', '--dry-run', corpus('tf2_scalars')], { cwd: folder });
    expect(stdout).toMatch(/Would read .* of 2 files \(2 new, 0 changed\)/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not change an existing store', async () => {
    await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
    const before = contents(folder);
    const { stdout } = await mustRun(['backfill', '--dry-run', corpus('tf2_scalars')], { cwd: folder });
    expect(stdout).toMatch('Would read 0 B of 2 files (0 new, 0 changed)');
    expect(contents(folder)).toEqual(before);
  });
});
