/** Finds runs and files that turned up elsewhere: joins what a store or the state knows with what lies below a root. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundFile, FoundRun } from './discover/index.ts';
import { LocalBackend } from './backends/local/index.ts';
import { type FileState, inodeOf, type RecordMark, type RunRef, runLabel, systemPath } from './model/index.ts';
import type { LaneState, StateFile } from './state/index.ts';
import type { Incident } from './status/index.ts';
import { compareFile, firstMark } from './tail/index.ts';
import { placeOf, type RootPlace } from './untrusted/index.ts';

/** A file of a run that is known, as it was read last. */
export interface KnownState {
  readonly run: string;
  readonly state: FileState;
}

/** Who knows files, and can be told that they lie elsewhere now. */
export interface Movable {
  positions(run: RunRef): { readonly files: readonly FileState[] };
  /** Files of a root that have one of these inodes, or begin with one of these records (`markKey`). */
  filesLike(root: string, inodes: readonly string[], firsts: readonly string[]): Iterable<KnownState>;
  fileCount(root: string, below: string): number;
  /** Notes that they lie elsewhere, and returns those of which that could be done; of the others nothing was changed. */
  move(moves: readonly Move[]): readonly Move[];
}

/** A run that lies elsewhere now, or a run of which files have other names. */
export interface Move {
  readonly root: string;
  readonly from: string;
  readonly to: string;
  /** Its files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

export interface Moves {
  readonly followed: readonly Move[];
  /** Runs of which only a part turned up elsewhere, or among what another run has: those files are new ones there. */
  readonly apart: readonly Pick<Move, 'root' | 'from' | 'to'>[];
}

/** A record as a text to be found by. */
export function markKey({ length, checksum }: RecordMark): string {
  return `${length}:${checksum}`;
}

/** What is said of a run that lies elsewhere. */
export interface MovedFact {
  readonly root: string;
  readonly from: string;
  readonly to: string;
  readonly isFollowed: boolean;
}

/** Lets all that know files go along with those that turned up elsewhere (`follow`), or only says so (`new`). */
export function followMoves(
  root: { readonly name: string } & RootPlace,
  found: readonly FoundRun[],
  helds: readonly Movable[],
  mode: 'follow' | 'new',
  options: FindOptions = {},
): MovedFact[] {
  const facts = new Map<string, MovedFact>();
  for (const held of helds) {
    const { followed, apart } = findMoves(root, found, held, options);
    const done = new Set(mode === 'follow' && followed.length > 0 ? held.move(followed) : []);
    for (const move of [...followed, ...apart]) {
      const isFollowed = done.has(move as Move);
      const key = JSON.stringify([move.from, move.to]);
      // Where one of several could not go along, that is what is said.
      facts.set(key, { root: move.root, from: move.from, to: move.to, isFollowed: isFollowed && (facts.get(key)?.isFollowed ?? true) });
    }
  }
  return [...facts.values()];
}

export interface FindOptions {
  /** Files are known by their inodes alone, so that none is opened that was not read before. */
  readonly byInode?: boolean;
}

interface NewFile extends FoundFile {
  readonly run: string;
  readonly first: RecordMark | undefined;
}

/**
 * Which of the files that were found are known under a path where there is nothing any more: by their inode, else by their
 * first and last record, as far as they were read. Two files that are both there are two, however alike they are.
 */
export function findMoves(
  root: { readonly name: string } & RootPlace,
  found: readonly FoundRun[],
  held: Movable,
  options: FindOptions = {},
): Moves {
  const fresh = newFiles(root, found, held, options);
  if (fresh.length === 0) return { followed: [], apart: [] };
  const inodes = fresh.flatMap(({ stamp }) => (stamp === '' ? [] : [inodeOf(stamp)]));
  const firsts = fresh.flatMap(({ first }) => (first === undefined ? [] : [markKey(first)]));
  const missing = [...held.filesLike(root.name, inodes, firsts)].filter(({ run, state }) => !isThere(root.path, run, state.name));
  const pairs = pairsOf(root, fresh, missing);
  const byRuns = Map.groupBy(pairs, ({ from, to }) => JSON.stringify([from.run, to.run]));
  const targets = groupsOf(pairs, ({ from, to }) => [from.run, to.run]);
  const origins = groupsOf(pairs, ({ from, to }) => [to.run, from.run]);
  const followed: Move[] = [];
  const apart: Moves['apart'][number][] = [];
  for (const group of byRuns.values()) {
    const [pair] = group;
    if (pair === undefined) continue;
    const [from, to] = [pair.from.run, pair.to.run];
    const filesOf = (path: string): readonly FileState[] => held.positions({ root: root.name, path }).files;
    const isWhole =
      from === to ||
      (targets.get(from)?.size === 1 &&
        origins.get(to)?.size === 1 &&
        filesOf(to).length === 0 &&
        filesOf(from).every(({ name }) => !isThere(root.path, from, name)));
    const renamed = group.flatMap(({ from: { state }, to: { name } }) => (state.name === name ? [] : [{ from: state.name, to: name }]));
    if (isWhole) followed.push({ root: root.name, from, to, renamed });
    else apart.push({ root: root.name, from, to });
  }
  return { followed, apart };
}

function groupsOf(pairs: readonly Pair[], keys: (pair: Pair) => readonly [string, string]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const [key, value] = keys(pair);
    groups.set(key, (groups.get(key) ?? new Set()).add(value));
  }
  return groups;
}

function newFiles(
  root: { readonly name: string } & RootPlace,
  found: readonly FoundRun[],
  held: Movable,
  { byInode = false }: FindOptions,
): NewFile[] {
  // Where nothing is known nothing can lie elsewhere.
  if (held.fileCount(root.name, '') === 0) return [];
  return found.flatMap(({ path: run, files }) => {
    const known = new Set(held.positions({ root: root.name, path: run }).files.map(({ name }) => name));
    return files
      .filter(({ name }) => !known.has(name))
      .map((file) => ({ ...file, run, first: byInode ? undefined : firstMark(placeOf(root, run), file.name) }));
  });
}

interface Pair {
  readonly from: KnownState;
  readonly to: NewFile;
}

/** Each file that is new with the one it was; a file of which that can't be told for certain is a new one. */
function pairsOf(root: RootPlace, fresh: readonly NewFile[], missing: readonly KnownState[]): Pair[] {
  const byInode = Map.groupBy(missing, ({ state }) => inodeOf(state.stamp));
  // By their records alone: more than the first, which many files share.
  const byFirst = Map.groupBy(
    missing.filter(({ state }) => state.records > 1),
    ({ state }) => (state.guard.first === undefined ? '' : markKey(state.guard.first)),
  );
  const taken = new Set<KnownState>();
  const paired = new Map<NewFile, Pair>();
  const take = (likeOf: (to: NewFile) => readonly KnownState[]): void => {
    for (const to of fresh) {
      if (paired.has(to)) continue;
      const like = likeOf(to).filter((from) => !taken.has(from) && compareFile(placeOf(root, to.run), from.state, to.name) === 'same');
      const [from] = like;
      if (from === undefined || like.length > 1) continue;
      taken.add(from);
      paired.set(to, { from, to });
    }
  };
  const alike = ({ first }: NewFile): readonly KnownState[] => (first === undefined ? [] : (byFirst.get(markKey(first)) ?? []));
  take(({ stamp }) => (stamp === '' ? [] : (byInode.get(inodeOf(stamp)) ?? [])));
  take((to) => alike(to).filter((from) => from.state.name === to.name && isSameEnd(from, to)));
  take((to) => alike(to).filter((from) => from.state.name === to.name));
  take(alike);
  return [...paired.values()];
}

/** Whether the directories are called the same: `exp` moved to `archive/exp`. */
function isSameEnd(from: KnownState, to: NewFile): boolean {
  const last = (run: string): string => run.slice(run.lastIndexOf('/') + 1);
  return last(from.run) === last(to.run);
}

function isThere(rootPath: string, run: string, name: string): boolean {
  return lstatSync(systemPath(join(rootPath, run, name)), { throwIfNoEntry: false }) !== undefined;
}

/** A store, which knows its files; or the state, which knows what all lanes read. */
export function movable(held: LocalBackend | StateFile, lanes: readonly Pick<LaneState, 'known'>[]): Movable {
  if (held instanceof LocalBackend) return held;
  return {
    positions: (run) => ({ files: lanes.flatMap((lane) => lane.known(run).files) }),
    fileCount: (root) => held.fileCount(root),
    filesLike: (root, inodes, firsts) => held.filesLike(root, inodes, firsts),
    move: (moves) => held.move(moves),
  };
}

/** What a summary says of a run that lies elsewhere. */
export function movedIncident({ root, from, to, isFollowed }: MovedFact): Incident {
  const before = runLabel({ root, path: from });
  const reason =
    from === to
      ? 'files of it have other names; they go on where they were'
      : isFollowed
        ? `${before}: it goes on as what it was, under the names it has in trackers`
        : `${before}: it is mirrored as a new run, and what was mirrored from there stays`;
  return { kind: 'moved', root, path: to, reason };
}
