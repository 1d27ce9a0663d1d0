/**
 * Finds runs and files that appeared elsewhere: compares what a store or the state knows with what is below a root.
 */
import { LocalBackend } from '../backends/local/index.ts';
import type { FoundRun } from '../discover/index.ts';
import { keyOfFile, keyOfRun, type RunRef, runLabel, withRoom } from '../model/index.ts';
import type { StateFile } from '../state/index.ts';
import type { Incident } from '../status/index.ts';
import {
  type FindOptions,
  findAllPairs,
  hasOtherInode,
  isOther,
  isSilentFile,
  isThere,
  type Knower,
  type NamedRoot,
  type Pair,
  reachable,
} from './moved-files.ts';

/** A store or state that knows files, and can note that they have moved. */
export interface Movable extends Knower {
  /** Notes that runs have moved, and returns the moves for which that was possible; nothing of the others changes. */
  move(moves: readonly Move[]): readonly Move[];
}

/** A run that is at another path now, or whose files have other names. */
export interface Move {
  readonly root: string;
  readonly from: string;
  /** The root that contains it now, and its path. */
  readonly toRoot: string;
  readonly toRootPath: string;
  readonly to: string;
  /** Its files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

type MovePaths = Pick<Move, 'root' | 'from' | 'toRoot' | 'to'>;

/**
 * The reason why a run is not continued. Only a part of it appeared: where nothing was mirrored before (`new`), or
 * next to files that another run has there (`part`). Or it is in the place of another run that no longer exists
 * (`other`).
 */
type Apart = 'new' | 'part' | 'other';

/** Runs that are at another path now: those that are followed, and those that become new runs. */
export interface Moves {
  /** Runs that are followed. `otherwise`: what happens to a run that is not. */
  readonly followed: readonly (Move & { readonly otherwise: Apart })[];
  readonly apart: readonly (MovePaths & { readonly otherwise: Apart })[];
  /** Files, by `keyOfFile`, for which it is undecided whether they are known: they are not read until it is. */
  readonly unclear: readonly string[];
}

/** The report about a run that is at another path. */
export interface MovedFact extends MovePaths {
  readonly becomes: 'followed' | Apart;
}

/** Messages about runs that moved, and the files that are undecided (see `Moves`). */
interface Followed {
  readonly facts: readonly MovedFact[];
  readonly unclear: ReadonlySet<string>;
}

/** Makes all stores and states follow the files that appeared elsewhere (`follow`), or only reports them (`new`). */
export function followMoves(
  root: NamedRoot,
  found: readonly FoundRun[],
  helds: readonly Movable[],
  mode: 'follow' | 'new',
  options: FindOptions = {},
): Followed {
  const facts = new Map<string, MovedFact>();
  const unclear = new Set<string>();
  for (const held of helds) {
    const { followed, apart, unclear: some } = findMoves(root, found, held, options);
    if (mode === 'follow') for (const file of some) unclear.add(file);
    const done: ReadonlySet<MovePaths> = new Set(mode === 'follow' && followed.length > 0 ? held.move(followed) : []);
    for (const move of [...followed, ...apart]) {
      const { root: fromRoot, from, toRoot, to, otherwise } = move;
      const key = moveKey(move);
      const before = facts.get(key)?.becomes ?? 'followed';
      // If one of several could not follow, the report says that.
      const becomes = before !== 'followed' ? before : done.has(move) ? 'followed' : otherwise;
      facts.set(key, { root: fromRoot, from, toRoot, to, becomes });
    }
  }
  return { facts: [...facts.values()], unclear };
}

/**
 * Returns runs without the files for which it is undecided whether they are known. A file that moved with its run is
 * known under its new name by now. `stampsIn` returns the stamps of a run's known files.
 */
export function withoutUnclear(
  root: string,
  runs: readonly FoundRun[],
  unclear: ReadonlySet<string>,
  stampsIn: (run: string) => ReadonlyMap<string, string>,
): readonly FoundRun[] {
  if (unclear.size === 0) return runs;
  return runs.flatMap(({ path, files }) => {
    const clear = files.filter(({ name, stamp }) => {
      if (!unclear.has(keyOfFile({ root, path }, name))) return true;
      const before = stampsIn(path).get(name);
      return before !== undefined && !hasOtherInode(before, stamp);
    });
    return clear.length === 0 ? [] : [{ path, files: clear }];
  });
}

/** Returns a move as a text for lookups. */
export function moveKey({ root, from, toRoot, to }: MovePaths): string {
  return JSON.stringify([root, from, toRoot, to]);
}

/**
 * Finds which of the found files are known under a path that they no longer have: by their inode, otherwise by their
 * first and last record that was read. If both exist, they are two files, however alike. A run in the place of
 * another one continues there if that one also continues elsewhere, so runs may swap places.
 */
export function findMoves(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions = {}): Moves {
  const roots = new Map([root, ...(options.others ?? [])].map(({ name, path }) => [name, path]));
  const { pairs, unclear } = findAllPairs(root, found, held, options);
  const groups = [...Map.groupBy(pairs, ({ from, to }) => JSON.stringify([keyOfRun(from.run), keyOfRun(to.run)])).values()];
  const targets = groupsOf(pairs, ({ from, to }) => [keyOfRun(from.run), keyOfRun(to.run)]);
  const origins = groupsOf(pairs, ({ from, to }) => [keyOfRun(to.run), keyOfRun(from.run)]);
  const leaving = new Set(pairs.map(({ from }) => keyOfFile(from.run, from.state.name)));
  const isReachable = reachable(roots);
  const isAway = (run: RunRef, file: { readonly name: string; readonly stamp: string }): boolean => {
    const rootPath = roots.get(run.root);
    if (isSilentFile(options, rootPath, run.path, file.name)) return leaving.has(keyOfFile(run, file.name));
    return leaving.has(keyOfFile(run, file.name)) || !isThere(rootPath, run.path, file.name) || isOther(rootPath, run.path, file);
  };
  const isWhole = (from: RunRef, to: RunRef, group: readonly Pair[]): boolean =>
    keyOfRun(from) === keyOfRun(to) ||
    (targets.get(keyOfRun(from))?.size === 1 &&
      origins.get(keyOfRun(to))?.size === 1 &&
      held.positions(from).files.every((file) => isAway(from, file)) &&
      // If a root is missing, the state of its files is unknown: it may not be mounted. Only the same inode counts
      // then.
      (isReachable(from.root) || group.every(({ isSameInode }) => isSameInode)));
  const places = groups.flatMap((group) => {
    const [pair] = group;
    if (pair === undefined) return [];
    const [from, to] = [pair.from.run, pair.to.run];
    const there = held.positions(to).files;
    const otherwise: Apart = there.length === 0 ? 'new' : there.every((file) => isAway(to, file)) ? 'other' : 'part';
    const renamed = group.flatMap(({ from: { state }, to: { name } }) => (state.name === name ? [] : [{ from: state.name, to: name }]));
    const move = {
      root: from.root,
      from: from.path,
      toRoot: to.root,
      toRootPath: roots.get(to.root) ?? '',
      to: to.path,
      renamed,
      otherwise,
    };
    return [{ move, isWhole: isWhole(from, to, group), isFree: there.length === 0 || keyOfRun(from) === keyOfRun(to) }];
  });
  const followed = withRoom(
    places.filter((place) => place.isWhole),
    ({ move }) => ({ from: { root: move.root, path: move.from }, to: { root: move.toRoot, path: move.to } }),
    ({ isFree }) => isFree,
  );
  return {
    followed: followed.map(({ move }) => move),
    unclear: unclear.map(({ run, name }) => keyOfFile(run, name)),
    apart: places.filter((place) => !followed.includes(place)).map(({ move: { toRootPath: _, renamed: __, ...place } }) => place),
  };
}

function groupsOf(pairs: readonly Pair[], keys: (pair: Pair) => readonly [string, string]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const [key, value] = keys(pair);
    groups.set(key, (groups.get(key) ?? new Set()).add(value));
  }
  return groups;
}

/** Returns the moves of a store, which knows its files; or of the state, which knows what all lanes read. */
export function movable(held: LocalBackend | StateFile): Movable {
  if (held instanceof LocalBackend) return held;
  return {
    roots: () => held.roots(),
    knownFiles: (root) => held.knownFiles(root),
    positions: (run) => ({ files: held.filesOf(run) }),
    fileCount: (root) => held.fileCount(root),
    filesLike: (roots, inodes, firsts) => held.filesLike(roots, inodes, firsts),
    move: (moves) => held.move(moves),
  };
}

/** Returns the report in a summary about a run that is at another path. */
export function movedIncident({ root, from, toRoot, to, becomes }: MovedFact): Incident {
  const before = runLabel({ root, path: from });
  const reason =
    root === toRoot && from === to ? 'some of its files were renamed; they continue in the same run' : `${before}: ${REASONS[becomes]}`;
  return { kind: 'moved', root: toRoot, path: to, reason };
}

const REASONS: Readonly<Record<MovedFact['becomes'], string>> = {
  followed: 'it continues as the same run, under its current names in trackers',
  new: 'it is mirrored as a new run; the data mirrored from the old path stays',
  part: 'some of its files are now part of this run and are mirrored again; the data mirrored from the old path stays',
  other:
    'it replaces another run and is mirrored again, into trackers by the `replaced` setting; the data mirrored from the old path stays',
};
