// The unit of systemd: what it says against the program, and what systemd says of it.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { makeProgram } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { ExitCode } from '../../../src/errors.ts';
import { environmentName } from '../../../src/flag-names.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { readText } from './files.ts';

const text = readText('config/systemd/mirrorboard.service');
const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });

/** All values of a setting. */
function all(name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

const isThere = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!isThere) process.stderr.write('systemd.test: systemd-analyze is not here: its own checks are skipped\n');
const testAnalyzed = isThere ? test : test.skip;

function analyzed(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const folder = temporaryFolder();
  const unit = join(folder, 'mirrorboard.service');
  // What it starts is not installed here.
  writeFileSync(unit, text.replace('/usr/local/bin/mirrorboard', '/bin/true'));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, unit], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the unit of systemd', () => {
  test('starts watch with existing options', () => {
    const [, command, ...args] = (all('ExecStart')[0] ?? '').split(' ');
    const watch = program.commands.find((one) => one.name() === command);
    const flags = args.filter((arg) => arg.startsWith('--'));
    expect(command).toBe('watch');
    for (const flag of flags) expect(watch?.options.map(({ long }) => long)).toContain(flag);
    expect(all('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
  });

  test('allows more time for the end than it takes, and does not restart after a permanent error', async () => {
    const { shutdownGraceMs } = await loadConfig({ flags: {}, env: {}, cwd: '/nowhere' });
    // The last resort comes two seconds later.
    expect(Number(/^(\d+)s$/.exec(all('TimeoutStopSec')[0] ?? '')?.[1]) * 1000).toBeGreaterThan(shutdownGraceMs + 2000);
    expect(all('RestartPreventExitStatus')).toEqual([`${ExitCode.wrongUse} ${ExitCode.locked}`]);
  });

  test('keeps store and state in its own directory', () => {
    const [set = ''] = all('Environment');
    for (const flag of ['store', 'state']) expect(set).toContain(`${environmentName(flag)}=%S/${all('StateDirectory')[0]}/`);
    expect(all('DynamicUser')).toEqual(['yes']);
  });

  testAnalyzed('passes the checks of systemd', () => {
    expect(analyzed('verify')).toEqual({ status: 0, output: '' });
  });

  testAnalyzed('exposes few rights', () => {
    const { output } = analyzed('security', '--offline=true');
    expect(Number(/Overall exposure level for mirrorboard\.service: ([\d.]+)/.exec(output)?.[1])).toBeLessThanOrEqual(2);
  });
});
