// What a shell offers, through the scripts that the program writes for it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as w from '../support/event-writer.ts';
import { endAll, freshDirectory, mirrorboard, mustRun, remove, repository } from './command.ts';

let folder: string;

beforeEach(async () => {
  folder = freshDirectory();
  for (const run of ['exp/lr=0.1', 'exp/two words', 'other']) {
    const path = join(folder, 'logs', run, 'events.out.tfevents.1');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, w.eventFile(w.event({ wallTime: 1, step: 1, summary: [w.simpleValue('loss', 1)] })));
  }
  await mustRun(['backfill', 'logs'], { cwd: folder });
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `lanes: { local: {}, mlflow: { tracking_uri: "http://h", password: "\${NOT_SET}" }, spare: { type: aim } }\nbackend: [local, mlflow]\nprofiles: { dev: {}, prod: {} }\n`,
  );
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

const env = { PATH: `${join(repository, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: '/nonexistent', LANG: 'C.UTF-8' };

/** What bash offers at the end of a line, given as the words that bash makes of it. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const script = join(folder, 'completion.bash');
  writeFileSync(script, (await mustRun(['completion', 'bash'], { cwd: folder })).stdout);
  const line = words
    .join(' ')
    .replaceAll(/ ([=:])/g, '$1')
    .replaceAll(/([=:]) /g, '$1');
  const { stdout, stderr, status } = spawnSync(
    'bash',
    [
      '-c',
      `. "$0"; COMP_LINE=$1; COMP_POINT=\${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
       _mirrorboard mirrorboard "\${COMP_WORDS[COMP_CWORD]}"; printf '%s\\n' "\${COMPREPLY[@]}"`,
      script,
      line,
      ...words,
    ],
    { cwd: folder, env, encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  it('offers commands, flags and their words', async () => {
    expect(await offered('mirrorboard', 'stat')).toEqual(['status', 'state']);
    expect(await offered('mirrorboard', '--json', 'config', '')).toEqual(['check', 'show']);
    expect(await offered('mirrorboard', 'backfill', '--dry')).toEqual(['--dry-run']);
    expect(await offered('mirrorboard', 'status', '--color', '=', 'al')).toEqual(['always']);
  });

  it('offers the names of lanes and profiles, even if the secrets of the configuration are not set', async () => {
    expect(await offered('mirrorboard', 'backfill', '--to', '')).toEqual(['local', 'mlflow', 'spare']);
    expect(await offered('mirrorboard', 'backfill', '--to', '=', 'ml')).toEqual(['mlflow']);
    expect(await offered('mirrorboard', 'backfill', '--to', '=')).toEqual(['local', 'mlflow', 'spare']);
    expect(await offered('mirrorboard', 'config', 'show', '--profile', 'p')).toEqual(['prod']);
  });

  it('offers runs and tags of the store, with any word breaks of the shell', async () => {
    expect(await offered('mirrorboard', 'route', 'ex')).toEqual(['exp/lr=0.1', 'exp/two\\ words']);
    expect(await offered('mirrorboard', 'route', 'exp/lr', '=', '0')).toEqual(['0.1']);
    expect(await offered('mirrorboard', 'route', 'logs/o')).toEqual(['logs/other']);
    expect(await offered('mirrorboard', 'route', 'other', '')).toEqual(['loss']);
  });

  it('leaves files and folders to the shell', async () => {
    expect(await offered('mirrorboard', 'watch', 'lo')).toEqual(['logs']);
    expect(await offered('mirrorboard', 'status', '--config', 'mirrorboard.y')).toEqual(['mirrorboard.yaml']);
  });

  it('offers and prints nothing after an error', async () => {
    writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes: [');
    writeFileSync(join(folder, 'mirrorboard.db'), 'no store');
    expect(await offered('mirrorboard', 'backfill', '--to', '')).toEqual([]);
    expect(await offered('mirrorboard', 'route', '')).toEqual([]);
    expect(await offered('mirrorboard', 'nosuch', '')).toEqual([]);
    const direct = await mirrorboard(['__complete'], { cwd: folder });
    expect([direct.code, direct.stderr]).toEqual([0, '']);
  });
});

describe('completion in other shells', () => {
  it('has words with their descriptions', async () => {
    const { stdout } = await mustRun(['__complete', 'fish', 'backfill', '--to', ''], { cwd: folder });
    expect(stdout).toBe('local\tthe local store\nmlflow\tmlflow\nspare\tnot used\n');
  });

  it.each(['bash', 'zsh', 'fish'])('is a script that %s can read', async (shell) => {
    const { stdout } = await mustRun(['completion', shell], { cwd: folder });
    const file = join(folder, 'script');
    writeFileSync(file, stdout);
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    // Not every machine has every shell.
    if (checked.error === undefined) expect([checked.status, checked.stderr]).toEqual([0, '']);
    expect(stdout).toContain('__complete');
  });
});
