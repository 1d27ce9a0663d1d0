import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { SettingProblem } from '../../contract/index.ts';
import type { Environment } from '../../environment.ts';
import { messageOf, systemCode } from '../../errors.ts';
import { HoconError, type HoconObject, type HoconValue, readHocon } from './hocon.ts';

/** The used part of `clearml.conf`: values by their path in it. */
export interface ConfFile {
  readonly path: string;
  /** Returns a text, number or boolean; undefined if there is none. */
  get(key: string): string | number | boolean | undefined;
  /** Returns the objects of a list; none if there is no list. */
  list(key: string): readonly HoconObject[];
}

/**
 * Reads the file that `CLEARML_CONFIG_FILE` names, else `~/clearml.conf` if it exists. Adds a problem for what it
 * cannot understand.
 */
export function readConfFile(env: Environment, problems: SettingProblem[]): ConfFile | undefined {
  const named = env['CLEARML_CONFIG_FILE'];
  const isNamed = named !== undefined && named !== '';
  const path = isNamed ? expandHome(named, env) : join(env['HOME'] ?? homedir(), 'clearml.conf');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!isNamed && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return undefined;
    problems.push({ path: [], found: `CLEARML_CONFIG_FILE: ${messageOf(error)}`, expected: 'a file that can be read' });
    return undefined;
  }
  try {
    const root = readHocon(text, env);
    return {
      path,
      get(key) {
        const found = valueAt(root, key);
        return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? found : undefined;
      },
      list(key) {
        const found = valueAt(root, key);
        return Array.isArray(found) ? (found as readonly HoconValue[]).filter(isObject) : [];
      },
    };
  } catch (error) {
    const where = error instanceof HoconError ? `${path}, line ${error.line}: ${error.message}` : `${path}: ${messageOf(error)}`;
    problems.push({
      path: [],
      found: where,
      expected: 'a clearml.conf of nested keys, values, lists, comments and references',
      hint: 'Correct it, or set CLEARML_CONFIG_FILE to another file.',
    });
    return undefined;
  }
}

/** Replaces `~` at the start of a path by the home folder. */
export function expandHome(path: string, env: Environment): string {
  return path === '~' || path.startsWith('~/') ? join(env['HOME'] ?? homedir(), path.slice(1)) : path;
}

function valueAt(root: HoconValue, key: string): HoconValue | undefined {
  let here: HoconValue | undefined = root;
  for (const part of key.split('.')) here = here !== undefined && isObject(here) ? here[part] : undefined;
  return here;
}

function isObject(value: HoconValue): value is HoconObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
