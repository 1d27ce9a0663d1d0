import { readdir } from 'node:fs/promises';
import { inTime } from '../calls/index.ts';
import { withSignal } from '../concurrency/index.ts';
import { systemCode } from '../errors.ts';
import { systemPath } from '../name-bytes.ts';
import type { Pattern } from '../pattern/index.ts';
import { type Directory, fullPath, lookAt } from '../untrusted/index.ts';

/** A file next to the event files. */
export interface ArtifactCandidate {
  /** The path below the run's directory, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** The space that it takes on its disk; undefined if the file system does not tell. */
  readonly diskBytes: number | undefined;
  readonly stamp: string;
  readonly changedAtMs: number;
  /** The reason that mirrorboard does not open it. */
  readonly refused?: string;
}

/** The order of names: `epoch_9` before `epoch_10`, even if both were copied at once. */
const IN_ORDER = new Intl.Collator('en', { numeric: true });
/** The deepest level that `**` in a pattern searches. */
const DEEPEST = 6;
/** The most entries of a run's directory: a larger one is not a place for single files. */
const MOST_ENTRIES = 100_000;

/**
 * Returns the files that match any of some patterns, the one that changed longest ago first: of several versions of a
 * model, the one written last is the newest. Patterns apply below a directory, or next to it if they begin with
 * `../`, but never above the root, `levels` directories up. `isOther`: directories that belong to another run, by
 * their path seen from this one. Links follow the root's rule. The results include pipes, devices, and links that are
 * not followed, as refused.
 */
export async function findFiles(
  directory: Directory,
  patterns: readonly Pattern[],
  isOther: (path: string) => boolean,
  { levels = 0, signal }: { readonly levels?: number; readonly signal: AbortSignal },
): Promise<readonly ArtifactCandidate[]> {
  const paths: string[] = [];
  for (const [start, some] of Map.groupBy(patterns, ({ glob }) => /^(?:\.\.\/)*/.exec(glob)?.[0] ?? '')) {
    if (start.length / '../'.length > levels) continue;
    const isPlain = some.every(({ glob }) => !/[*?[\]{}()!+@]/.test(glob));
    const found = isPlain ? some.map(({ glob }) => glob) : await matching(directory, start, some, isOther, signal);
    for (const path of found) paths.push(path);
  }
  const found: ArtifactCandidate[] = [];
  for (const path of new Set(paths)) {
    const looked = await withSignal(lookAt(directory, path), signal);
    if (looked.kind === 'file') found.push({ ...looked, path });
    else if (looked.kind === 'refused') {
      found.push({ path, bytes: 0, diskBytes: undefined, stamp: '', changedAtMs: 0, refused: looked.reason });
    }
  }
  return found.sort((a, b) => a.changedAtMs - b.changedAtMs || IN_ORDER.compare(a.path, b.path));
}

async function matching(
  directory: Directory,
  start: string,
  patterns: readonly Pattern[],
  isOther: (path: string) => boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const depths = patterns.map(({ glob }) => (glob.includes('**') ? DEEPEST : glob.slice(start.length).split('/').length));
  const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
  const paths: string[] = [];
  let entries = 0;
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await withSignal(entriesOf(fullPath(directory, below)), signal)) {
      if (++entries > MOST_ENTRIES) return;
      const path = `${below}${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < deepest && !isOther(path)) await walk(`${path}/`, depth + 1);
      } else if (patterns.some((pattern) => pattern.match(path) !== undefined)) paths.push(path);
    }
  };
  await walk(start, 1);
  return paths;
}

async function entriesOf(directory: string) {
  try {
    return await inTime(directory, () => readdir(systemPath(directory), { withFileTypes: true }));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return [];
    throw error;
  }
}
