import { MirrorError, systemCode } from '../errors.ts';
import { matcher } from '../pattern/index.ts';
import { type Directory, readWhole } from '../untrusted/index.ts';
import { MOST_TEXT_BYTES } from './limits.ts';
import type { JoinRule } from './rule.ts';
import { parseApart } from './text-parser.ts';

/** The result of looking for a run to join that another program opened. */
export type Joined =
  | { readonly kind: 'none' }
  | { readonly kind: 'id'; readonly id: string }
  /** The file that should contain the id is missing (so far), contains none, or is not read; `reason`: the cause. */
  | { readonly kind: 'absent'; readonly path: string; readonly waitMs: number; readonly reason?: string };

/** The most letters of an id: trackers' own ids have 40 at most. */
const MOST_ID = 256;
const MOST_ID_LETTERS = 4096;

/** Returns the first rule that applies to a run, by its path. */
export function joinRuleOf(rules: readonly JoinRule[], run: string): JoinRule | undefined {
  return rules.find(({ runs }) => runs === undefined || matcher(runs)(run));
}

/** Reads the id by the first rule that applies to the run. `directory`: the run's. */
export async function readJoin(
  rules: readonly JoinRule[],
  run: string,
  directory: Directory,
  expand: (template: string) => string,
  signal: AbortSignal,
): Promise<Joined> {
  const rule = joinRuleOf(rules, run);
  if (rule === undefined) return { kind: 'none' };
  if (rule.id !== undefined) return { kind: 'id', id: expand(rule.id) };
  const { file: path = '', key, waitMs } = rule;
  let text: string;
  try {
    text = (await readWhole(directory, path, { mostBytes: MOST_TEXT_BYTES, signal })).content.toString('utf8');
  } catch (error) {
    // A file that does not answer may still name a run.
    if (signal.aborted || systemCode(error) === 'MB2030') throw error;
    return { kind: 'absent', path, waitMs, ...reasonOf(error) };
  }
  const id = await idIn(text, key);
  if (id === undefined) return { kind: 'absent', path, waitMs };
  // The reason does not quote the content, which may not be meant to be shown.
  return id.length <= MOST_ID ? { kind: 'id', id } : { kind: 'absent', path, waitMs, reason: `its id has more than ${MOST_ID} characters` };
}

/** Returns the reason of an error; nothing if the file is missing. */
function reasonOf(error: unknown): { readonly reason?: string } {
  if (error instanceof MirrorError) return { reason: error.message };
  const code = systemCode(error);
  if (code === undefined) throw error;
  return code === 'ENOENT' || code === 'ENOTDIR' ? {} : { reason: `it can't be read (${code})` };
}

async function idIn(text: string, key: string | undefined): Promise<string | undefined> {
  // An id is short: a long text contains none.
  if (key === undefined) return text.slice(0, MOST_ID_LETTERS).trim().split(/\r?\n/, 1)[0]?.trim() || undefined;
  const parsed = await parseApart({ kind: 'id', text, key });
  return parsed.kind === 'id' ? parsed.id : undefined;
}
