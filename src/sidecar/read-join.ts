import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.ts';
import { systemPath } from '../model/index.ts';
import { matcher } from '../pattern/index.ts';
import type { JoinRule } from './rule.ts';
import { parseApart } from './text-parser.ts';

/** Whether a run joins one that something else opened. */
export type Joined =
  | { readonly kind: 'none' }
  | { readonly kind: 'id'; readonly id: string }
  /** The file that is to say it is not there (yet), or says nothing. */
  | { readonly kind: 'absent'; readonly path: string; readonly waitMs: number };

const MOST_ID_LETTERS = 4096;

/** The first rule that is about the run decides. `directory`: the run's. */
export async function readJoin(
  rules: readonly JoinRule[],
  run: string,
  directory: string,
  expand: (template: string) => string,
): Promise<Joined> {
  const rule = rules.find(({ runs }) => runs === undefined || matcher(runs)(run));
  if (rule === undefined) return { kind: 'none' };
  if (rule.id !== undefined) return { kind: 'id', id: expand(rule.id) };
  const path = rule.file ?? '';
  const id = await idIn(join(directory, path), rule.key);
  return id === undefined ? { kind: 'absent', path, waitMs: rule.waitMs } : { kind: 'id', id };
}

async function idIn(path: string, key: string | undefined): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(systemPath(path), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  // An id is short: whatever a long text is, it is none.
  if (key === undefined) return text.slice(0, MOST_ID_LETTERS).trim().split(/\r?\n/, 1)[0]?.trim() || undefined;
  const said = await parseApart({ kind: 'id', text, key });
  return said.kind === 'id' ? said.id : undefined;
}
