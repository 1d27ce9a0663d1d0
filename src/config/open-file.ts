import { resolve } from 'node:path';
import type { Environment } from '../environment.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { reasonOf as reasonOfSystem } from '../system-error.ts';
import type { Choice } from './choose.ts';
import type { ParsedFile } from './config-file.ts';
import { problemsError } from './problem.ts';
import { NoText, readText } from './read-text.ts';

const DEFAULT_FILE = './mirrorboard.yaml';

/** The settings of a file, and its name as people write it. */
export interface OpenedConfig extends ParsedFile {
  readonly file: string;
}

/**
 * Reads and checks the configuration file. Returns undefined if there is none, which is an error only if it was
 * named.
 */
export async function openFile(
  {
    env,
    cwd,
    readFile: read = readText,
  }: { readonly env: Environment; readonly cwd: string; readonly readFile?: (path: string) => Promise<string> | string },
  named: string | undefined,
  choice: Choice,
): Promise<OpenedConfig | undefined> {
  const file = named ?? DEFAULT_FILE;
  let text: string;
  try {
    text = await read(resolve(cwd, file));
  } catch (cause) {
    if (named === undefined && systemCode(cause) === 'ENOENT') return undefined;
    if (cause instanceof NoText) {
      const { found, expected, hint, line } = cause;
      const location = line === undefined ? file : `${file}:${line}`;
      throw problemsError(file, [{ code: 'MB1002', location, field: '', found, expected, ...(hint === undefined ? {} : { hint }) }], {
        file,
      });
    }
    throw new MirrorError('MB1003', `reading the configuration ${file}: ${reasonOf(cause)}`, {
      hint: named === undefined ? `Make ${file} readable, or move it away.` : 'Check the path given with --config or MIRRORBOARD_CONFIG.',
      context: { file },
    });
  }
  // Imported only here: most commands have no file, and need not wait for the parser.
  const { parseConfigFile } = await import('./config-file.ts');
  return { ...parseConfigFile(file, text, env, choice), file };
}

function reasonOf(cause: unknown): string {
  switch (systemCode(cause)) {
    case 'ENOENT':
      return 'no such file';
    case 'EISDIR':
      return 'it is a directory';
    case 'EACCES':
      return 'no permission';
    default:
      return reasonOfSystem(cause);
  }
}
