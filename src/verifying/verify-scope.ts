/** What is compared: the roots that are asked for, and the runs below them that the lane or the disk has. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { KnownRoot } from '../backends/contract.ts';
import type { StoreReader } from '../backends/local/index.ts';
import {
  ALL_RUNS,
  type FoundFile,
  filterOf,
  isWithin,
  type ResolvedRoot,
  type RootRequest,
  type RunRules,
  resolveRoots,
  walk,
} from '../discover/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { compareNames, type RunRef, systemPath } from '../model/index.ts';
import { reasonOf } from '../system-error.ts';
import { DEFAULT_LINKS, type LinkRules, type Place, placeOf } from '../untrusted/index.ts';
import type { Obstacle } from '../verify/index.ts';

/** A root, and the part of it that is asked for. */
export type Scope = Pick<ResolvedRoot, 'name' | 'path' | 'below' | 'links'>;

/** Who knows what was mirrored: a store, or the state on behalf of a lane. */
export interface Mirrored {
  /** Itself, in words: `the store ./mirrorboard.db`. */
  readonly words: string;
  roots(): readonly KnownRoot[];
  /** Runs below a root. */
  runs(root: string): Iterable<RunRef>;
  /** Whether a file was mirrored under a name. */
  isKnown(run: RunRef, name: string): boolean;
}

export function mirroredIn(reader: StoreReader, storePath: string): Mirrored {
  return {
    words: `the store ${storePath}`,
    roots: () => reader.roots(),
    runs: (root) => reader.runs(root).map(({ run }) => run),
    isKnown: (run, name) => reader.positions(run).files.some((file) => file.name === name),
  };
}

/** A run to compare: what the lane has of it, what is there of it now, or both. */
export interface Candidate {
  readonly run: RunRef;
  readonly directory: Place;
  readonly found: readonly FoundFile[];
}

/** The roots that are asked for (all that the lane knows, where none is) and there; those that are not are added to the obstacles. */
export function scopesOf(
  mirrored: Mirrored,
  roots: readonly RootRequest[],
  obstacles: Obstacle[],
  linksOf: LinkRules = () => DEFAULT_LINKS,
): Scope[] {
  const { words } = mirrored;
  const known = mirrored.roots();
  if (known.length === 0) {
    throw new MirrorError('MB3008', `${words} is empty: there is nothing to verify`, {
      command: 'mirrorboard backfill LOGDIR',
    });
  }
  if (roots.length === 0)
    return known.flatMap(({ name, path }) => (isThere(path, obstacles) ? [{ name, path, below: '', links: linksOf(path) }] : []));
  const there = roots.filter((request) => {
    const path = resolve(request.path);
    const isKnown = known.some((root) => root.name === request.name || isWithin(path, root.path));
    return !isKnown || isThere(path, obstacles);
  });
  const resolved = resolveRoots(there, known, linksOf);
  for (const { name, path } of resolved) {
    if (known.some((root) => root.name === name)) continue;
    throw new MirrorError('MB3008', `${words} has nothing of ${path}; it has: ${known.map((root) => root.path).join(', ')}`, {
      hint: 'Give one of those, NAME=PATH for a root that lies elsewhere now, or nothing for all.',
      context: { path },
    });
  }
  return resolved;
}

function isThere(path: string, obstacles: Obstacle[]): boolean {
  try {
    readdirSync(systemPath(path));
    return true;
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'the directory is not there any more' : reasonOf(error);
    obstacles.push({ what: path, reason });
    return false;
  }
}

/** The lane's runs and those that were found, in the order of their names. */
export function candidatesOf(
  mirrored: Pick<Mirrored, 'runs'> & { readonly isKnown?: (run: RunRef, name: string) => boolean },
  { name: root, path, below, links }: Scope,
  obstacles: Obstacle[],
  rules: RunRules = ALL_RUNS,
): Candidate[] {
  const filter = filterOf(rules, { name: root, path });
  const isKnown = (run: string, name: string): boolean => mirrored.isKnown?.({ root, path: run }, name) === true;
  const { runs, obstacles: met } = walk(path, below, { links, ...(filter === undefined ? {} : { filter }) }, isKnown);
  // What the rule for links leaves aside was not mirrored either.
  for (const obstacle of met.filter(({ isLeft }) => isLeft !== true))
    obstacles.push({ what: join(path, obstacle.path), reason: obstacle.reason });
  const found = new Map(runs.map((run) => [run.path, run.files]));
  const isIn = (run: string): boolean => (below === '' || run === below || run.startsWith(`${below}/`)) && filter?.accepts(run) !== false;
  const held = [...mirrored.runs(root)].map((run) => run.path);
  const paths = new Set([...found.keys(), ...held.filter(isIn)]);
  return [...paths]
    .sort(compareNames)
    .map((run) => ({ run: { root, path: run }, directory: placeOf({ path, links }, run), found: found.get(run) ?? [] }));
}
