import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commandsOf } from '../../../src/cli/command-line.ts';
import { makeProgram } from '../../../src/cli/program.ts';
import { referenceFiles } from '../../reference/main.ts';
import { REPOSITORY } from '../../support/python-tools.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const page = referenceFiles('1764547200').get('man/mirrorboard.1')!;
/** As it reads: without the escapes of troff. */
const read = page.replaceAll('\\-', '-').replaceAll('\\(aq', "'");
const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });

/** What a formatter makes of the page and what it warns of; undefined where it is not installed. */
function formatted(command: string, args: readonly string[]): { readonly output: string; readonly warnings: string } | undefined {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'mirrorboard.1'), page);
  const env = { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8', MANROFFOPT: '' };
  const { error, stdout, stderr } = spawnSync(command, [...args, join(folder, 'mirrorboard.1')], { encoding: 'utf8', env });
  return error === undefined ? { output: stdout, warnings: stderr } : undefined;
}

describe('the man page', () => {
  it('has every command, with every flag', () => {
    const leaves = commandsOf(program).filter(({ command }) => command.commands.length === 0);
    expect(leaves.length).toBeGreaterThan(20);
    for (const { path, command } of leaves) {
      expect(read).toMatch(new RegExp(`^\\.SS "mirrorboard ${path}[" ]`, 'm'));
      for (const { flags } of command.options) expect(read).toContain(`.B "${flags}"`);
    }
  });

  it('has every exit code, and names the variable of a flag', () => {
    for (const code of [0, 1, 2, 3, 4, 130]) expect(read).toContain(`\n.TP\n.B ${code}\n`);
    expect(read).toContain('--json is MIRRORBOARD_JSON');
  });

  it('is formatted without a warning', () => {
    const man = formatted('man', ['-l', '--warnings=all', '-P', 'cat']);
    if (man === undefined) return;
    expect(man.warnings).toBe('');
    expect(man.output).toMatch(/^EXIT STATUS$/m);
    expect(man.output).toMatch(/--scan-interval </);
    expect(formatted('mandoc', ['-T', 'lint'])?.output ?? '').toBe('');
  });

  it('has the date of the sources until the version has one', () => {
    const version = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')).version;
    const released = new RegExp(`^## \\[${version}\\] - (\\S+)$`, 'm').exec(readFileSync(join(REPOSITORY, 'CHANGELOG.md'), 'utf8'))?.[1];
    expect(read).toContain(`.TH MIRRORBOARD 1 "${released ?? '2025-12-01'}" "mirrorboard ${version}"`);
  });
});
