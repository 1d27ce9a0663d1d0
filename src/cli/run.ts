import { setFlagsFromString } from 'node:v8';
import { type Command, CommanderError } from 'commander';
import { closestName } from '../closest-name.ts';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import { environmentName, switchOf } from '../flag-names.ts';
import { withFlagsBehind } from './command-line.ts';
import { COMPLETE } from './complete-word.ts';
import type { CommandContext } from './context.ts';
import { makeProgram } from './program.ts';

/** Runs one command line; resolves to the exit code. */
export async function run(given: readonly string[]): Promise<number> {
  // V8 lets a heap become four times as large as what it holds before it collects the rest. Twice is enough for every
  // thread: it takes up to a quarter less memory, and no more time that could be measured.
  setFlagsFromString('--heap-growing-percent=100');
  // A reader that has read enough (head, less) is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(ExitCode.done);
    throw error;
  });
  // A closed terminal gets no more output: mirrorboard must still store what it read.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
  const context: CommandContext = { stdout: process.stdout, stderr: process.stderr, env: process.env, exitCode: ExitCode.done };
  const program = makeProgram(context);
  if (given[0] === COMPLETE) return (await import('./completion.ts')).complete(given.slice(1), program, context);
  let argv = given;
  try {
    if (given.length === 0) {
      program.outputHelp();
      return ExitCode.done;
    }
    argv = withFlagsBehind(given, program);
    await program.parseAsync([...helpAsked(argv, program)], { from: 'user' });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return ExitCode.done;
    const { isInterruption } = await import('./interrupt.ts');
    if (isInterruption(thrown)) {
      process.stderr.write('Interrupted before it finished\n');
      return ExitCode.interrupted;
    }
    const error = thrown instanceof CommanderError ? wrongUse(thrown, program, argv) : thrown;
    if (given.includes('--json') || switchOf(process.env[environmentName('json')] ?? '') === true)
      process.stdout.write(`${JSON.stringify(errorJson(error))}\n`);
    const { columnsOf, renderError, styleFor } = await import('./terminal/index.ts');
    process.stderr.write(
      renderError(error, styleFor({ stream: process.stderr, env: process.env, choice: colorChoice(given) }), {
        debug: Boolean(process.env.MIRRORBOARD_DEBUG),
        columns: columnsOf(process.stderr, process.env),
      }),
    );
    return error instanceof MirrorError ? error.exitCode : ExitCode.notMirrored;
  }
}

/** Translates `help state show` to its meaning; for an unknown command, it throws an error. */
function helpAsked(argv: readonly string[], program: Command): readonly string[] {
  const at = argv.indexOf('help');
  const above = commandOf(program, argv.slice(0, at));
  if (at < 0 || above.rest.length > 0 || above.command.commands.length === 0) return argv;
  const words = [...argv.slice(0, at), ...argv.slice(at + 1)].filter((word) => !word.startsWith('-'));
  const { command, name, rest } = commandOf(program, words);
  if (rest[0] === undefined || command.commands.length === 0) return [...words.filter((word) => !rest.includes(word)), '--help'];
  throw unknownCommand(rest[0], command, name);
}

function unknownCommand(word: string, command: Command, name: string): MirrorError {
  const guess = closestName(word, [...command.commands.map((below) => below.name()), 'help']);
  return new MirrorError('MB1001', `unknown command '${word}'`, {
    hint: guess === undefined ? `See ${name} --help` : `Did you mean ${guess}?`,
  });
}

/** Converts commander's error about a command line to one of ours. */
function wrongUse(error: CommanderError, program: Command, argv: readonly string[]): MirrorError {
  const { command, name, rest } = commandOf(program, argv);
  if (error.code === 'commander.unknownCommand' && rest[0] !== undefined) return unknownCommand(rest[0], command, name);
  if (error.code === 'commander.help') {
    // Its help is on standard error already; commander reports nothing else.
    return new MirrorError('MB1001', `${name} needs a command: ${command.commands.map((below) => below.name()).join(', ')}`);
  }
  const choice = /argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s.exec(error.message);
  const guess = choice === null ? undefined : closestName(choice[1] ?? '', (choice[2] ?? '').split(', '));
  if (guess !== undefined) return new MirrorError('MB1001', error.message.replace(/^error: /, ''), { hint: `Did you mean ${guess}?` });
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = more.join(' ').replace(/^\(|\)$/g, '') || flagHint(message, command);
  return new MirrorError('MB1001', message, { hint: suggestion || `See ${name} --help` });
}

/**
 * Returns a hint for an unknown flag: commander finds wrong letters, but not a word that stands for the whole flag.
 */
function flagHint(message: string, { options }: Command): string {
  const flag = /^unknown option '(--[^'=]+)/.exec(message)?.[1];
  const guess =
    flag === undefined
      ? undefined
      : closestName(
          flag,
          options.flatMap(({ long }) => long ?? []),
        );
  return guess === undefined ? '' : `Did you mean ${guess}?`;
}

/** Returns the command that a command line names, if it names one, and the words that follow. */
function commandOf(program: Command, argv: readonly string[]): { command: Command; name: string; rest: readonly string[] } {
  const rest = argv.filter((word) => !word.startsWith('-'));
  const names = [program.name()];
  let command = program;
  for (;;) {
    const below = command.commands.find((candidate) => candidate.name() === rest[0]);
    if (below === undefined) return { command, name: names.join(' '), rest };
    command = below;
    names.push(below.name());
    rest.shift();
  }
}

function colorChoice(argv: readonly string[]): 'always' | 'never' | 'auto' {
  const at = argv.findIndex((word) => word === '--color' || word.startsWith('--color='));
  const given = argv[at]?.includes('=') ? argv[at]?.slice('--color='.length) : argv[at + 1];
  const choice = at >= 0 ? given : process.env[environmentName('color')];
  return choice === 'always' || choice === 'never' ? choice : 'auto';
}

/** Returns a failure for `--json`, as a document; standard error has it for people. */
function errorJson(error: unknown): object {
  const known = error instanceof MirrorError ? error : undefined;
  return {
    type: 'error',
    code: known?.code ?? 'MB9001',
    message: messageOf(error),
    hint: known?.hint ?? null,
    command: known?.command ?? null,
    context: known?.context ?? {},
    exit_code: known?.exitCode ?? ExitCode.notMirrored,
  };
}
