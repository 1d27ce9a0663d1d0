// Python packages of the references, kept in the cache folder between bench runs.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, measure } from '../measure.ts';
import type { Scratch } from '../scratch.ts';

/** The Python of a virtual environment that holds the given requirements; made when it is not there yet. */
export async function pythonWith({ cache, mayInstall }: Scratch, name: string, requirements: readonly string[]): Promise<string> {
  const dir = join(cache, `venv-${name}`);
  const python = join(dir, 'bin', 'python');
  // An environment whose installation was interrupted has no mark, and is made again.
  const mark = join(dir, 'complete');
  if (existsSync(mark)) return python;
  if (!mayInstall) throw new Error('it is not installed, and --quick installs nothing');
  rmSync(dir, { recursive: true, force: true });
  process.stderr.write(`… installing ${requirements.join(', ')}\n`);
  await runOrThrow('python3', ['-m', 'venv', dir]);
  await runOrThrow(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements]);
  writeFileSync(mark, `${requirements.join('\n')}\n`);
  return python;
}

/** The version of an installed package. */
export async function versionIn(python: string, name: string): Promise<string> {
  const script = 'import sys; from importlib.metadata import version; print(version(sys.argv[1]))';
  return `${name} ${(await runOrThrow(python, ['-c', script, name])).trim()}`;
}

/** The standard output of a command that has to succeed. */
export async function runOrThrow(command: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await measure(command, args);
  if (exitCode !== 0) throw new Error(`${command} ${args[0] ?? ''}: exit code ${exitCode}: ${lastLine(stderr) || lastLine(stdout)}`);
  return stdout;
}
