import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { asWallMs, steadyMs } from '../clock.ts';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import type { JobPage } from '../metrics/index.ts';
import type { CommandContext } from './context.ts';
import { isInterruption } from './interrupt.ts';
import { OutputFile } from './output-file.ts';

/** The mode, whatever the umask: the collector has a user of its own, and the file contains no name of a run. */
const FOR_ALL = 0o644;

/**
 * Runs a command, and writes its metrics to `path` when it has ended, also after a failure. Throws MB3009 if the file
 * cannot be written: before the command starts if the folder already shows that.
 */
export async function withMetricsFile(
  path: string | undefined,
  command: string,
  context: CommandContext,
  work: (page: JobPage | undefined) => Promise<void>,
): Promise<void> {
  if (path === undefined) return await work(undefined);
  checkFolder(path);
  // Without the flag, the library is not loaded.
  const { JobPage } = await import('../metrics/index.ts');
  const page = new JobPage(command, formerText(path));
  const startMs = wallMs();
  const write = async (exitCode: number): Promise<void> => writeFile(path, await page.text({ exitCode, startMs, endMs: wallMs() }));
  try {
    await work(page);
  } catch (error) {
    try {
      await write(exitCodeOf(error));
    } catch (unwritten) {
      // The first failure is the important one.
      context.stderr.write(`${messageOf(unwritten)}\n`);
    }
    throw error;
  }
  await write(context.exitCode);
}

function checkFolder(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (cause) {
    throw new MirrorError('MB3009', `writing ${path}: ${messageOf(cause)}`, {
      hint: 'Create the folder of --metrics-file, and give our user write access to it.',
      cause,
      context: { path },
    });
  }
}

/** Returns the text that the previous run of the command wrote; empty if there is none. */
function formerText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function writeFile(path: string, text: string): void {
  const file = new OutputFile(path, FOR_ALL);
  try {
    file.write(text);
    file.finish();
  } catch (error) {
    file.abandon();
    throw error;
  }
}

function exitCodeOf(error: unknown): ExitCode {
  if (isInterruption(error)) return ExitCode.interrupted;
  return error instanceof MirrorError ? error.exitCode : ExitCode.notMirrored;
}

function wallMs(): number {
  return asWallMs(steadyMs());
}
