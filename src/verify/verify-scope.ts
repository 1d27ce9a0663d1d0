/** Determines what is compared: the requested roots, and the runs below them that the lane or the disk has. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { inTime } from '../calls/index.ts';
import type { KnownRoot, KnownRun } from '../contract/index.ts';
import {
  ALL_RUNS,
  type FoundFile,
  filterOf,
  globsOf,
  isKnownTo,
  isWithin,
  type ResolvedRoot,
  type RootRequest,
  type RunRules,
  readOnce,
  resolveRoots,
  silentRoots,
} from '../discover/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { compareNames, type RunRef } from '../model/index.ts';
import { systemPath } from '../name-bytes.ts';
import { type Walked, walkRoots } from '../reading/index.ts';
import { reasonOf } from '../system-error.ts';
import { DEFAULT_LINKS, type Directory, directoryOf, type LinkRules } from '../untrusted/index.ts';
import type { Obstacle } from './compare/index.ts';

/** A root, and the requested part of it. */
export type Scope = Pick<ResolvedRoot, 'name' | 'path' | 'below' | 'links'>;

/** The source that knows what was mirrored: a store, or the state for a lane. */
export interface Mirrored {
  /** Its description: `the store ./mirrorboard.db`. */
  readonly words: string;
  roots(): readonly KnownRoot[];
  /** Returns the runs below a root. */
  runs(root: string): Iterable<RunRef>;
  /** Returns the positions up to which the files of a run were mirrored. */
  positions(run: RunRef): Pick<KnownRun, 'files'>;
}

/** A run to compare: with what the lane has of it, what is on disk now, or both. */
export interface VerifiedRun {
  readonly run: RunRef;
  readonly directory: Directory;
  readonly found: readonly FoundFile[];
}

/**
 * Returns the requested roots that exist; without a request, all that the lane knows. Adds the others to the
 * obstacles.
 */
export async function scopesOf(
  mirrored: Mirrored,
  roots: readonly RootRequest[],
  obstacles: Obstacle[],
  linksOf: LinkRules = () => DEFAULT_LINKS,
): Promise<Scope[]> {
  const { words } = mirrored;
  const known = mirrored.roots();
  if (known.length === 0) {
    throw new MirrorError('MB3008', `${words} is empty: nothing to verify`, {
      command: 'mirrorboard backfill LOGDIR',
    });
  }
  const silent = await silentRoots(roots.length === 0 ? known : roots);
  if (roots.length === 0) {
    const scopes: Scope[] = [];
    for (const { name, path } of known)
      if (await isThere(path, silent, obstacles)) scopes.push({ name, path, below: '', links: linksOf(path) });
    return scopes;
  }
  const there: RootRequest[] = [];
  for (const request of roots) {
    const path = resolve(request.path);
    const isKnown = known.some((root) => root.name === request.name || isWithin(path, root.path));
    if (silent.has(request.path) ? await isThere(request.path, silent, obstacles) : !isKnown || (await isThere(path, silent, obstacles)))
      there.push(request);
  }
  const places = new Map([...silent].map((path) => [path, resolve(path)]));
  const resolved = resolveRoots(there, known, linksOf, { silent, places });
  for (const { name, path } of resolved) {
    if (known.some((root) => root.name === name)) continue;
    throw new MirrorError('MB3008', `${words} has nothing of ${path}; it has: ${known.map((root) => root.path).join(', ')}`, {
      hint: 'Give one of these, NAME=PATH for a root that moved, or nothing for all.',
      context: { path },
    });
  }
  return resolved;
}

async function isThere(path: string, silent: ReadonlySet<string>, obstacles: Obstacle[]): Promise<boolean> {
  try {
    if (silent.has(path)) throw new MirrorError('MB2030', 'it does not answer');
    await inTime(path, () => readdir(systemPath(path)));
    return true;
  } catch (error) {
    const code = systemCode(error);
    const reason = code === 'ENOENT' ? 'the directory does not exist any more' : code === 'MB2030' ? 'it does not answer' : reasonOf(error);
    obstacles.push({ what: path, reason });
    return false;
  }
}

/** Returns for each scope the lane's runs and those that were found, in the order of their names. */
export async function candidatesOf(
  mirrored: Pick<Mirrored, 'runs' | 'positions'>,
  scopes: readonly Scope[],
  obstacles: Obstacle[],
  rules: RunRules = ALL_RUNS,
): Promise<readonly (readonly VerifiedRun[])[]> {
  const walks = await walkRoots(
    scopes.map((scope) => ({ root: scope.path, below: scope.below, links: scope.links, ...globsOf(rules, scope) })),
  );
  return scopes.map(({ name: root, path, below, links }, i) => {
    const filter = filterOf(rules, { name: root, path });
    const { runs, obstacles: met } = readOnce(walks[i] as Walked, isKnownTo(mirrored, root));
    // Links that the rule leaves out were not mirrored either.
    for (const obstacle of met.filter(({ isLeft }) => isLeft !== true))
      obstacles.push({ what: join(path, obstacle.path), reason: obstacle.reason });
    const found = new Map(runs.map((run) => [run.path, run.files]));
    const isIn = (run: string): boolean => (below === '' || run === below || run.startsWith(`${below}/`)) && filter?.accepts(run) !== false;
    const held = [...mirrored.runs(root)].map((run) => run.path);
    const paths = new Set([...found.keys(), ...held.filter(isIn)]);
    return [...paths]
      .sort(compareNames)
      .map((run) => ({ run: { root, path: run }, directory: directoryOf({ path, links }, run), found: found.get(run) ?? [] }));
  });
}
