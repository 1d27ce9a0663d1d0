import { MirrorError, systemCode } from '../errors.ts';
import { matcher } from '../pattern/index.ts';
import { type Directory, readWhole } from '../untrusted/index.ts';
import { MOST_TEXT_BYTES } from './parse-text.ts';
import type { JoinRule } from './rule.ts';
import { parseApart } from './text-parser.ts';

/** Whether a run joins one that something else opened. */
export type Joined =
  | { readonly kind: 'none' }
  | { readonly kind: 'id'; readonly id: string }
  /** The file that is to say it is not there (yet), says nothing, or is not read; `reason`: why not. */
  | { readonly kind: 'absent'; readonly path: string; readonly waitMs: number; readonly reason?: string };

/** Trackers' own ids have 40 characters at most. */
const MOST_ID = 256;
const MOST_ID_LETTERS = 4096;

/** The first rule that is about a run, by its path. */
export function joinRuleOf(rules: readonly JoinRule[], run: string): JoinRule | undefined {
  return rules.find(({ runs }) => runs === undefined || matcher(runs)(run));
}

/** The first rule that is about the run decides. `directory`: the run's. */
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
    // What does not answer may name a run all the same.
    if (signal.aborted || systemCode(error) === 'MB2030') throw error;
    return { kind: 'absent', path, waitMs, ...reasonOf(error) };
  }
  const id = await idIn(text, key);
  if (id === undefined) return { kind: 'absent', path, waitMs };
  // Without a word about its content: whatever is in there, it is not meant to be shown.
  return id.length <= MOST_ID ? { kind: 'id', id } : { kind: 'absent', path, waitMs, reason: `its id has more than ${MOST_ID} characters` };
}

/** Of a file that is not there, nothing. */
function reasonOf(error: unknown): { readonly reason?: string } {
  if (error instanceof MirrorError) return { reason: error.message };
  const code = systemCode(error);
  if (code === undefined) throw error;
  return code === 'ENOENT' || code === 'ENOTDIR' ? {} : { reason: `it can't be read (${code})` };
}

async function idIn(text: string, key: string | undefined): Promise<string | undefined> {
  // An id is short: whatever a long text is, it is none.
  if (key === undefined) return text.slice(0, MOST_ID_LETTERS).trim().split(/\r?\n/, 1)[0]?.trim() || undefined;
  const parsed = await parseApart({ kind: 'id', text, key });
  return parsed.kind === 'id' ? parsed.id : undefined;
}
