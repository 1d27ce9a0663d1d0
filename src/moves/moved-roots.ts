/** Recognises a log directory that was moved, before any of it is mirrored a second time. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { openStore } from '../backends/local/index.ts';
import type { KnownRoot } from '../contract/index.ts';
import {
  ALL_RUNS,
  type FoundRun,
  globsOf,
  type ResolvedRoot,
  type RootRequest,
  type RunRules,
  resolveRoots,
  silentRoots,
  type UnseenRoots,
  unseenRoots,
} from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { walkRoots } from '../reading/index.ts';
import { StateFile, StateReader } from '../state/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { findPairs, isThere, type Knower, knownAmong, type Pair } from './moved-files.ts';

/** The most files of a root that are searched for before it counts as lost. */
const FILES_LOOKED_FOR = 10_000;

/** Returns the other known roots whose file systems answer. */
export async function otherRoots(roots: readonly ResolvedRoot[], helds: readonly Knower[]): Promise<KnownRoot[]> {
  const given = new Set(roots.map(({ name }) => name));
  const known = new Map(helds.flatMap((held) => held.roots()).map((root) => [root.name, root]));
  const others = [...known.values()].filter(({ name, path }) => !given.has(name) && path !== '');
  if (others.length === 0) return [];
  const silent = await silentRoots(others);
  return others.filter(({ path }) => !silent.has(path));
}

/**
 * Throws MB3020 if a new root contains what was mirrored from another one and no longer exists there: it would be
 * mirrored twice. `walk` finds everything in each root; it is called only if a known root has lost its files.
 */
export async function checkMovedRoots(
  roots: readonly ResolvedRoot[],
  helds: readonly Knower[],
  others: readonly KnownRoot[],
  walk: (roots: readonly ResolvedRoot[]) => Promise<readonly (readonly FoundRun[])[]>,
): Promise<void> {
  const fresh = roots.filter(({ name, below }) => below === '' && helds.every((held) => held.fileCount(name, '') === 0));
  if (fresh.length === 0) return;
  const lost = others.filter((root) => helds.some((held) => hasLostAll(root, held)));
  if (lost.length === 0) return;
  const mayBeKnown = knownAmong(helds);
  const found = await walk(fresh);
  for (const [i, root] of fresh.entries()) {
    for (const held of helds) {
      const { pairs } = findPairs(root, found[i] ?? [], held, { others: lost, mayBeKnown });
      for (const [name, moved] of Map.groupBy(pairs, ({ from }) => from.run.root)) {
        const from = lost.find((each) => each.name === name);
        if (from !== undefined) refuse(root, from, moved, held.fileCount(name, ''));
      }
    }
  }
}

/** Does the same for roots that are only checked: with a store, or else with a state, if they exist. */
export async function checkPlannedRoots(
  requests: readonly RootRequest[],
  paths: { readonly store: string | undefined; readonly state: string },
  rules: RunRules = ALL_RUNS,
  linksOf?: LinkRules,
): Promise<void> {
  const unseen = await unseenRoots(requests);
  checkRoots(requests, paths, unseen);
  const isStored = paths.store !== undefined && existsSync(paths.store);
  if (!isStored && !existsSync(paths.state)) return;
  const reader = isStored ? openStore(paths.store ?? '') : StateFile.openForReading(paths.state);
  try {
    const held = reader instanceof StateReader ? knowerOf(reader) : reader;
    const roots = seenOf(resolveRoots(requests, held.roots(), linksOf, unseen), unseen);
    await checkMovedRoots(roots, [held], await otherRoots(roots, [held]), walkOf(rules));
  } finally {
    reader.close();
  }
}

/** Returns the roots without those that cannot be checked now. */
export function seenOf(roots: readonly ResolvedRoot[], { places }: UnseenRoots): readonly ResolvedRoot[] {
  const unseen = new Set(places.values());
  return roots.filter(({ path }) => !unseen.has(path));
}

/** Throws if roots do not exist or conflict. For a root that does not exist, the error has what is known of it. */
export function checkRoots(
  requests: readonly RootRequest[],
  paths: { readonly store: string | undefined; readonly state: string | undefined },
  unseen: UnseenRoots,
): readonly ResolvedRoot[] {
  try {
    return resolveRoots(requests, [], undefined, unseen);
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== 'MB2001') throw error;
    const request = requests.find(({ path }) => path === error.context['path']);
    const hint = request === undefined ? undefined : hintOfMissing(request, rootsKnownTo(paths));
    if (hint === undefined) throw error;
    throw new MirrorError(error.code, error.message, { hint, context: error.context });
  }
}

/** Returns a hint for a path at which nothing exists; undefined if nothing is known of it. */
function hintOfMissing({ path, name = basename(resolve(path)) }: RootRequest, known: readonly KnownRoot[]): string | undefined {
  const place = placeWithoutLinks(path);
  const there = known.find((root) => root.path === place);
  if (there !== undefined) {
    return (
      `It was mirrored from there as ${there.name}. If it moved, give its new path as ${there.name}=PATH ` +
      `(in a configuration: { path: PATH, name: ${there.name} }) to continue. ` +
      `If it is gone for good: mirrorboard root forget ${there.name}`
    );
  }
  const namesake = known.find((root) => root.name === name && root.path !== '');
  if (namesake === undefined) return undefined;
  const at = namesake.path;
  return `The last known path of ${name} is ${at}: give ${name}=${at} (in a configuration: { path: ${at}, name: ${name} }).`;
}

/** Returns a path in the form of stored roots, though nothing exists there: with the links above it resolved. */
export function placeWithoutLinks(path: string): string {
  const place = resolve(path);
  try {
    return realpathSync(place);
  } catch {
    try {
      return join(realpathSync(dirname(place)), basename(place));
    } catch {
      return place;
    }
  }
}

/** Returns the known roots; none if they cannot be read: another check reports that. */
function rootsKnownTo({ store, state }: { readonly store: string | undefined; readonly state: string | undefined }): readonly KnownRoot[] {
  try {
    const path = [store, state].find((each) => each !== undefined && existsSync(each));
    if (path === undefined) return [];
    const reader = path === store ? openStore(path) : StateFile.openForReading(path);
    try {
      return reader.roots();
    } finally {
      reader.close();
    }
  } catch {
    return [];
  }
}

/** Returns the files that a state knows, from whichever lane. */
function knowerOf(state: StateReader): Knower {
  return {
    roots: () => state.roots(),
    knownFiles: (root) => state.knownFiles(root),
    positions: (run) => ({ files: state.filesOf(run) }),
    filesLike: (roots, inodes, firsts) => state.filesLike(roots, inodes, firsts),
    fileCount: (root) => state.fileCount(root),
  };
}

/** Finds everything below some roots, in threads that may hang. */
export function walkOf(rules: RunRules): (roots: readonly ResolvedRoot[]) => Promise<readonly (readonly FoundRun[])[]> {
  return async (roots) => {
    const walks = await walkRoots(roots.map((root) => ({ root: root.path, links: root.links, ...globsOf(rules, root) })));
    return walks.map(({ runs }) => runs);
  };
}

function hasLostAll({ name, path }: KnownRoot, held: Knower): boolean {
  let looked = 0;
  for (const file of held.knownFiles(name)) {
    if (isThere(path, file.run, file.name)) return false;
    if (++looked >= FILES_LOOKED_FOR) return true;
  }
  return looked > 0;
}

/**
 * Throws if most of what was mirrored from a root is below a directory of another root. A smaller part is followed
 * run by run.
 */
function refuse(root: ResolvedRoot, from: KnownRoot, moved: readonly Pair[], known: number): void {
  const places = Map.groupBy(moved, ({ from: { run }, to }) => placeAbove(run.path, to.run.path));
  for (const [place, pairs] of places) {
    if (place === undefined || pairs.length * 2 < known) continue;
    const path = posix.join(root.path, place);
    // A directory of a store cannot be part of another one.
    const nested =
      place === '.'
        ? ''
        : ` After that, ${root.path}, which contains it, cannot be mirrored as a whole: give its other directories one by one.`;
    const files = known === 1 ? 'the file' : pairs.length === known ? `all ${known} files` : `${pairs.length} of the ${known} files`;
    throw new MirrorError(
      'MB3020',
      `${path} contains ${files} that ${known === 1 ? 'was' : 'were'} mirrored from ${from.path} as ${from.name}`,
      {
        hint:
          `${from.path} was moved: give ${from.name}=${path} (in a configuration: name: ${from.name}) to continue; ` +
          `nothing is mirrored twice.${nested} ` +
          `For another name: mirrorboard root rename ${from.name} NAME. To mirror it again: moved: new in the configuration.`,
        context: { path, name: from.name, from: from.path },
      },
    );
  }
}

/** Returns the directory below which a run has its former path; undefined if there is none. */
function placeAbove(before: string, now: string): string | undefined {
  if (before === now) return '.';
  if (before === '.') return now;
  return now.endsWith(`/${before}`) ? now.slice(0, -before.length - 1) : undefined;
}
