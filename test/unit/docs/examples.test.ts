// Every command line that a page shows is one that the program understands.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { commandsOf, withFlagsBehind } from '../../../src/cli/command-line.ts';
import { wordsOf } from '../../../src/cli/complete-word.ts';
import { makeProgram } from '../../../src/cli/program.ts';

const root = new URL('../../../../', import.meta.url);
const pages = [
  'README.md',
  ...readdirSync(new URL('docs', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('.vitepress'))
    .map((name) => `docs/${name}`),
];

/**
 * Command lines in blocks of code: fenced, or set in by four blanks. What follows a pipe, a comment and the like is
 * the shell's.
 */
function commandLinesOf(page: string): string[] {
  const lines = readFileSync(new URL(page, root), 'utf8').split('\n');
  let isFenced = false;
  return lines.flatMap((line) => {
    if (/^ *```/.test(line)) isFenced = !isFenced;
    const isCode = isFenced || /^ {4}/.test(line);
    const command = /^ *(?:\$ )?(?:npx )?mirrorboard (.*)$/.exec(line)?.[1];
    if (!isCode || command === undefined) return [];
    const typed = command.replace(/\\$/, '').split(/ [#|>&;]| {2}| — /)[0] ?? '';
    return [typed.trim()];
  });
}

async function problemOf(line: string): Promise<string | undefined> {
  const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });
  for (const { command } of commandsOf(program)) {
    command.exitOverride().configureOutput({ writeOut: () => undefined, outputError: () => undefined });
    // `tensorboard` works with and without a command below it.
    if (command.commands.length === 0 || command.registeredArguments.length > 0) command.action(() => undefined);
  }
  try {
    await program.parseAsync(withFlagsBehind(wordsOf(line), program), { from: 'user' });
    return undefined;
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return code === 'commander.version' || code === 'commander.helpDisplayed' ? undefined : message;
  }
}

/** Lines that are no command lines, and why. */
const NOT_TYPED: readonly RegExp[] = [
  // The list of commands, as `--help` shows it: a placeholder stands for a word.
  /[<[]\w+(?:\.\.\.)?[>\]]/,
  // The usage of a flag.
  /…/,
];

describe('a command line of the pages', () => {
  const all = pages.flatMap((page) => commandLinesOf(page).map((line) => [page, line] as const));
  const typed = all.filter(([, line]) => !NOT_TYPED.some((pattern) => pattern.test(line)));

  test('is found in most pages', () => {
    expect(typed.length).toBeGreaterThan(80);
  });

  test.each(typed)('of %s is valid: %s', async (_, line) => {
    expect(await problemOf(line)).toBeUndefined();
  });
});
