import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.ts';
import { fileStamp, systemPath } from '../model/index.ts';
import type { Pattern } from '../pattern/index.ts';

/** A file beside the event files. */
export interface SideCandidate {
  /** Below the run's directory, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly stamp: string;
  readonly changedAtMs: number;
}

/** `epoch_9` before `epoch_10`, also where both were copied at once. */
const IN_ORDER = new Intl.Collator('en', { numeric: true });
/** So deep is looked where a pattern has `**`. */
const DEEPEST = 6;
/** A run's directory with more entries than this is no place for single files. */
const MOST_ENTRIES = 100_000;

/**
 * The files that any of some patterns may be about, the one that changed longest ago first: of versions of a model the last one made is the
 * newest. Patterns are about what lies below a directory, or beside it where they begin with `../`; above the root, `levels` directories up,
 * nobody looks. `isOther`: directories that belong to another run, by their path seen from this one; what lies in them is that run's.
 */
export async function findFiles(
  directory: string,
  patterns: readonly Pattern[],
  isOther: (path: string) => boolean,
  levels = 0,
): Promise<readonly SideCandidate[]> {
  const paths: string[] = [];
  for (const [start, some] of Map.groupBy(patterns, ({ glob }) => /^(?:\.\.\/)*/.exec(glob)?.[0] ?? '')) {
    if (start.length / '../'.length > levels) continue;
    const isPlain = some.every(({ glob }) => !/[*?[\]{}()!+@]/.test(glob));
    for (const path of isPlain ? some.map(({ glob }) => glob) : await matching(directory, start, some, isOther)) paths.push(path);
  }
  const found: SideCandidate[] = [];
  for (const path of new Set(paths)) {
    try {
      const facts = await stat(systemPath(join(directory, path)), { bigint: true });
      if (!facts.isFile()) continue;
      found.push({ path, bytes: Number(facts.size), stamp: fileStamp(facts), changedAtMs: Number(facts.mtimeNs / 1_000_000n) });
    } catch (error) {
      // Most runs have no such file, and one that goes away is none.
      if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw error;
    }
  }
  return found.sort((a, b) => a.changedAtMs - b.changedAtMs || IN_ORDER.compare(a.path, b.path));
}

async function matching(
  directory: string,
  start: string,
  patterns: readonly Pattern[],
  isOther: (path: string) => boolean,
): Promise<string[]> {
  const depths = patterns.map(({ glob }) => (glob.includes('**') ? DEEPEST : glob.slice(start.length).split('/').length));
  const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
  const paths: string[] = [];
  let entries = 0;
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(join(directory, below))) {
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
    return await readdir(systemPath(directory), { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return [];
    throw error;
  }
}
