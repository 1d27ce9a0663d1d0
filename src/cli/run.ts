import { CommanderError } from 'commander';
import { ExitCode, MirrorError } from '../errors.ts';
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
  try {
    const program = makeProgram(context);
    if (argv.length === 0) {
      process.stdout.write(program.helpInformation());
      return ExitCode.done;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.wrongUse;
    const { renderError, styleFor } = await import('./terminal/index.ts');
    process.stderr.write(
      renderError(error, styleFor({ stream: process.stderr, env: process.env }), { debug: Boolean(process.env.MIRRORBOARD_DEBUG) }),
    );
    return error instanceof MirrorError ? error.exitCode : ExitCode.notMirrored;
  }
}
