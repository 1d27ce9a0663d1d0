/**
 * Whether a root is the one that is held under its name: joins what a store or the state knows with what the files
 * say.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { KnownRoot, KnownRun } from '../contract/index.ts';
import { isHidden, type ResolvedRoot, type RootRequest, type RunFilter } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { type RunRef, systemPath } from '../model/index.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import { compareFile } from '../tail/index.ts';
import { directoryOf } from '../untrusted/index.ts';

/** Who knows which files were mirrored. */
export interface HeldRoots {
  roots(): readonly KnownRoot[];
  knownFiles(root: string): Iterable<{ readonly run: string; readonly name: string }>;
  /** True if a run of a root was mirrored, also if its files are not expected any more. */
  hasRuns(root: string): boolean;
  positions(run: RunRef): Pick<KnownRun, 'files'>;
}

/** Files checked to tell whether a root of a known name is the same one, mounted elsewhere. */
const FILES_COMPARED = 64;

/**
 * Two people's `runs/` must not meet: a root whose name is taken, but whose path is another one, must hold at least
 * one file that is known, unless it was named on purpose. Throws MB2007.
 */
export function checkIdentities(roots: readonly ResolvedRoot[], held: HeldRoots): void {
  const paths = new Map(held.roots().map(({ name, path }) => [name, path]));
  for (const root of roots) {
    const path = paths.get(root.name);
    if (path === undefined || path === root.path || root.isNamed || isSameRoot(root, held)) continue;
    // Only its name is known, since it could not be read: nothing can meet.
    if (!held.hasRuns(root.name)) continue;
    throw new MirrorError('MB2007', `${path} is already mirrored as ${root.name}; ${root.path} has none of its files`, {
      hint: `Give it another name: ${freeName(root.name, paths)}=${root.path}; or, if the same root moved here: ${root.name}=${root.path}`,
      context: { path: root.path, name: root.name },
    });
  }
}

/**
 * The known roots, without those in a directory that is asked for of which only the name is known: they are part of
 * that one now.
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

/** One that no root has. */
function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  let n = 2;
  while (taken.has(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

/**
 * How many files of the selected part of a root were mirrored, existing or not, without unreadable parts (`hidden`).
 */
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

/** What the state knows, if no lane has its own store. */
export function heldBy(state: StateFile | undefined, lanes: readonly LaneState[]): HeldRoots {
  return {
    roots: () => state?.roots() ?? [],
    knownFiles: (root) => state?.knownFiles(root) ?? [],
    hasRuns: (root) => state?.hasRuns(root) ?? false,
    positions: (run) => lanes[0]?.known(run) ?? { files: [] },
  };
}
