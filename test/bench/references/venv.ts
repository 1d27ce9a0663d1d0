// Python packages of the references, kept in the cache folder between bench runs.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, measure } from '../measure.ts';

/** The Python of a virtual environment that holds the given requirements; made when it is not there yet. */
export async function pythonWith(cache: string, name: string, requirements: readonly string[]): Promise<string> {
  const dir = join(cache, `venv-${name}`);
  const python = join(dir, 'bin', 'python');
  // An environment whose installation was interrupted has no mark and is made anew.
  const mark = join(dir, 'complete');
  if (existsSync(mark)) return python;
  rmSync(dir, { recursive: true, force: true });
  process.stderr.write(`… installing ${requirements.join(', ')}\n`);
  await runOrThrow('python3', ['-m', 'venv', dir]);
  await runOrThrow(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements]);
  writeFileSync(mark, `${requirements.join('\n')}\n`);
  return python;
}

/** The standard output of a command that has to succeed. */
export async function runOrThrow(command: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await measure(command, args);
  if (exitCode !== 0) throw new Error(`${command} ${args[0] ?? ''}: exit code ${exitCode}: ${lastLine(stderr) || lastLine(stdout)}`);
  return stdout;
}
