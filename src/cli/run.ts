import { type Command, CommanderError } from 'commander';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import type { CommandContext } from './context.ts';
import { makeProgram } from './program.ts';

/** Runs one command line; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  // A reader that has seen enough (head, less) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(ExitCode.done);
    throw error;
  });
  const context: CommandContext = { stdout: process.stdout, stderr: process.stderr, env: process.env, exitCode: ExitCode.done };
  const program = makeProgram(context);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return ExitCode.done;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return ExitCode.done;
    const error = thrown instanceof CommanderError ? wrongUse(thrown, program, argv) : thrown;
    if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(errorJson(error))}\n`);
    const { renderError, styleFor } = await import('./terminal/index.ts');
    process.stderr.write(
      renderError(error, styleFor({ stream: process.stderr, env: process.env, choice: colorChoice(argv) }), {
        debug: Boolean(process.env.MIRRORBOARD_DEBUG),
      }),
    );
    return error instanceof MirrorError ? error.exitCode : ExitCode.notMirrored;
  }
}

/** What commander says of a command line, as an error of ours. */
function wrongUse(error: CommanderError, program: Command, argv: readonly string[]): MirrorError {
  const { command, name, rest } = commandOf(program, argv);
  if (error.code === 'commander.help') {
    // Its help is on standard error already; commander says no more than that.
    const isUnknown = rest[0] === 'help' && rest[1] !== undefined;
    return new MirrorError(
      'MB1001',
      isUnknown ? `unknown command '${rest[1]}'` : `${name} needs a command: ${command.commands.map((below) => below.name()).join(', ')}`,
    );
  }
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = more.join(' ').replace(/^\(|\)$/g, '');
  return new MirrorError('MB1001', message, { hint: suggestion || `See ${name} --help` });
}

/** The command that a command line names, as far as there is one, and the words that follow. */
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
  const choice = argv[at]?.includes('=') ? argv[at]?.slice('--color='.length) : argv[at + 1];
  return at >= 0 && (choice === 'always' || choice === 'never') ? choice : 'auto';
}

/** With `--json` a failure is a document, too; standard error has it for people. */
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
