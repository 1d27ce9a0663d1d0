/**
 * Checks that a root is the one that is known under its name: compares what a store or the state knows with the
 * files.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { KnownRoot, KnownRun } from '../contract/index.ts';
import { isHidden, type ResolvedRoot, type RootRequest, type RunFilter } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import type { RunRef } from '../model/index.ts';
import { systemPath } from '../name-bytes.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import { compareFile } from '../tail/index.ts';
import { directoryOf } from '../untrusted/index.ts';

/** A store or state that knows which files were mirrored. */
export interface HeldRoots {
  roots(): readonly KnownRoot[];
  knownFiles(root: string): Iterable<{ readonly run: string; readonly name: string }>;
  /** True if a run of a root was mirrored, even if its files are no longer expected. */
  hasRuns(root: string): boolean;
  positions(run: RunRef): Pick<KnownRun, 'files'>;
}

/** Files that are compared to decide if a root with a known name is the same one, mounted elsewhere. */
const FILES_COMPARED = 64;

/**
 * Prevents that the `runs/` of two people are mixed. A root whose name is known with another path must hold at least
 * one known file, unless its name was given explicitly. Throws MB2007.
 */
export function checkIdentities(roots: readonly ResolvedRoot[], held: HeldRoots): void {
  const paths = new Map(held.roots().map(({ name, path }) => [name, path]));
  for (const root of roots) {
    const path = paths.get(root.name);
    if (path === undefined || path === root.path || root.isNamed || isSameRoot(root, held)) continue;
    // Only the root's name is known, since it could not be read: nothing can be mixed.
    if (!held.hasRuns(root.name)) continue;
    throw new MirrorError('MB2007', `${path} is already mirrored as ${root.name}; ${root.path} has none of its files`, {
      hint: `Give it another name: ${freeName(root.name, paths)}=${root.path}; or, if the same root moved here: ${root.name}=${root.path}`,
      context: { path: root.path, name: root.name },
    });
  }
}

/**
 * Returns the known roots. Leaves out those in a requested directory of which only the name is known: they are part
 * of that directory now.
 */
export function rootsNextTo(held: Pick<HeldRoots, 'roots' | 'hasRuns'>, requests: readonly RootRequest[]): readonly KnownRoot[] {
  const asked = new Set(requests.map(({ path }) => resolve(path)));
  return held.roots().filter(({ name, path }) => !isBelow(path, asked) || held.hasRuns(name));
}

function isBelow(path: string, directories: ReadonlySet<string>): boolean {
  for (let at = dirname(path), last = path; at !== last; last = at, at = dirname(at)) if (directories.has(at)) return true;
  return false;
}

/** True if a root holds a file that is known under its name. */
function isSameRoot(root: ResolvedRoot, held: HeldRoots): boolean {
  let compared = 0;
  for (const file of held.knownFiles(root.name)) {
    const path = join(root.path, file.run, file.name);
    if (!existsSync(systemPath(path))) continue;
    const state = held.positions({ root: root.name, path: file.run }).files.find(({ name }) => name === file.name);
    if (state?.guard.first !== undefined && compareFile(directoryOf(root, file.run), state) === 'same') return true;
    if (++compared >= FILES_COMPARED) break;
  }
  return false;
}

/** Returns a name that no root has. */
function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  let n = 2;
  while (taken.has(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

/** Counts the mirrored files in the selected part of a root, existing or not, without unreadable parts (`hidden`). */
export function countKnown(
  held: Pick<HeldRoots, 'knownFiles'>,
  { name, below }: Pick<ResolvedRoot, 'name' | 'below'>,
  filter: RunFilter | undefined,
  hidden: ReadonlySet<string> = new Set(),
): number {
  const files = new Set<string>();
  for (const { run, name: file } of held.knownFiles(name)) {
    if (below !== '' && run !== below && !run.startsWith(`${below}/`)) continue;
    if (filter?.accepts(run) !== false && !isHidden(run, file, hidden)) files.add(`${run}/${file}`);
  }
  return files.size;
}

/** Returns what the state knows, if no lane has its own store. */
export function heldBy(state: StateFile | undefined, lanes: readonly LaneState[]): HeldRoots {
  return {
    roots: () => state?.roots() ?? [],
    knownFiles: (root) => state?.knownFiles(root) ?? [],
    hasRuns: (root) => state?.hasRuns(root) ?? false,
    positions: (run) => lanes[0]?.known(run) ?? { files: [] },
  };
}
