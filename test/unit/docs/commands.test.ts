import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Command, Option } from 'commander';
import { variableOf } from '../../../src/cli/command-line.ts';
import { makeProgram } from '../../../src/cli/program.ts';
import { ExitCode } from '../../../src/errors.ts';

const text = readFileSync(new URL('../../../../docs/commands.md', import.meta.url), 'utf8');
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
);
const common = sections.get('Options of every command') ?? '';
const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });
const commands = program.commands.map((command) => [command.name(), command] as const);

/** The options in the tables of a section, as they are typed: `-o, --out <file>`. */
function optionsIn(section: string): string[] {
  return [...section.matchAll(/^\| `(-[^`]*)` \|/gm)].map(([, flags = '']) => flags);
}

function optionRow(flags: string): string {
  return text.split('\n').find((line) => line.startsWith(`| \`${flags}\` |`)) ?? '';
}

function flagsOf(options: readonly Option[]): string[] {
  return options.map(({ flags }) => flags);
}

/** The options of a command and of those below it: `state` has none of its own. */
function allOptions(command: Command): Option[] {
  return [...command.options, ...command.commands.flatMap(allOptions)];
}

describe('docs/commands.md', () => {
  test('has a section for every command, and for no other', () => {
    const found = [...sections.keys()].filter((heading) => heading.startsWith('`'));
    expect(found).toEqual(commands.map(([name]) => `\`${name}\``));
  });

  test('lists the commands with the descriptions of --help', () => {
    const list = /^```\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '';
    const lines = [...list.matchAll(/^mirrorboard (\w+)(?: .*?)? {2,}(\S.*)$/gm)].map(([, name, meaning]) => [name, meaning]);
    const help = program.createHelp();
    const known = help.visibleCommands(program).map((command) => [command.name(), help.subcommandDescription(command)]);
    expect(lines).toEqual(known);
    expect(lines.length).toBe(list.trim().split('\n').length);
  });

  test.each(commands)('has every option of %s', (name, command) => {
    const found = [...optionsIn(common), ...optionsIn(sections.get(`\`${name}\``) ?? '')];
    expect(found).toEqual(expect.arrayContaining(flagsOf(allOptions(command))));
  });

  test.each(commands)('has no option that %s does not accept', (name, command) => {
    const known = [...flagsOf(allOptions(command)), '-h, --help'];
    // It writes a script, in no other form.
    const found = [...(name === 'completion' ? [] : optionsIn(common)), ...optionsIn(sections.get(`\`${name}\``) ?? '')];
    expect(found.filter((flags) => !known.includes(flags))).toEqual([]);
  });

  test.each(commands)('shows every command below %s with its arguments', (name, command) => {
    for (const below of command.commands) expect(sections.get(`\`${name}\``)).toContain(`mirrorboard ${name} ${below.name()}`);
  });

  test('has the common rule for the variables of flags', () => {
    expect(common).toContain('`MIRRORBOARD_` and the flag in capitals, with `_` for `-`');
    for (const [, flag = '', variable = ''] of common.matchAll(/`(--[\w-]+)` is `(MIRRORBOARD_\w+)`/g)) {
      const option = commands.flatMap(([, command]) => allOptions(command)).find(({ long }) => long === flag);
      expect([flag, option === undefined ? undefined : variableOf(option)]).toEqual([flag, variable]);
    }
  });

  test('has the options of the program itself', () => {
    for (const flags of flagsOf(program.options)) expect(text).toContain(`\`${flags}\``);
  });

  test.each(commands)('has every word that an option of %s accepts', (name, command) => {
    const section = common + (sections.get(`\`${name}\``) ?? '');
    const words = allOptions(command).flatMap((option) => option.argChoices ?? []);
    for (const word of words) expect(section).toContain(`\`${word}\``);
  });

  test('agrees with the help of --scan-interval about the random part of the interval', () => {
    const words = '±20%';
    expect(
      program.commands.find((command) => command.name() === 'watch')?.options.find(({ long }) => long === '--scan-interval'),
    ).toMatchObject({
      description: expect.stringContaining(words),
    });
    expect(optionRow('--scan-interval <time>')).toContain(words);
  });

  test('has every exit code', () => {
    for (const code of Object.values(ExitCode)) expect(sections.get('Exit codes')).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
  });
});
