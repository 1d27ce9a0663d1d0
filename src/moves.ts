/** Finds runs and files that turned up elsewhere: joins what a store or the state knows with what lies below a root. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownRoot } from './backends/contract.ts';
import type { FoundFile, FoundRun } from './discover/index.ts';
import { LocalBackend } from './backends/local/index.ts';
import { KnownInodes } from './known-inodes.ts';
import {
  fileStamp,
  type FileState,
  inodeOf,
  KEPT_STAMP,
  keyOfRun,
  type RecordMark,
  runLabel,
  type RunRef,
  systemPath,
} from './model/index.ts';
import type { StateFile } from './state/index.ts';
import type { Incident } from './status/index.ts';
import { compareFile, firstMark } from './tail/index.ts';
import { placeOf, type RootPlace } from './untrusted/index.ts';

/** A file of a run that is known, as it was read last. */
export interface KnownState {
  readonly run: RunRef;
  readonly state: FileState;
}

/** Who knows files. */
export interface Knower {
  roots(): readonly KnownRoot[];
  knownFiles(root: string): Iterable<{ readonly run: string; readonly name: string; readonly stamp: string }>;
  positions(run: RunRef): { readonly files: readonly Pick<FileState, 'name' | 'stamp'>[] };
  /** Files of some roots that have one of these inodes, or begin with one of these records (`markKey`). */
  filesLike(roots: readonly string[], inodes: readonly string[], firsts: readonly string[]): Iterable<KnownState>;
  fileCount(root: string, below: string): number;
}

/** Who knows files, and can be told that they lie elsewhere now. */
export interface Movable extends Knower {
  /** Notes that they lie elsewhere, and returns those of which that could be done; of the others nothing was changed. */
  move(moves: readonly Move[]): readonly Move[];
}

/** A run that lies elsewhere now, or a run of which files have other names. */
export interface Move {
  readonly root: string;
  readonly from: string;
  /** The root it lies in now, and where that is. */
  readonly toRoot: string;
  readonly toRootPath: string;
  readonly to: string;
  /** Its files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

type Place = Pick<Move, 'root' | 'from' | 'toRoot' | 'to'>;

export interface Moves {
  readonly followed: readonly Move[];
  /** Runs of which only a part turned up elsewhere, or among what another run has: those files are new ones there. */
  readonly apart: readonly Place[];
}

/** A root as it is looked into. */
export type NamedRoot = { readonly name: string } & RootPlace;

/** A record as a text to be found by. */
export function markKey({ length, checksum }: RecordMark): string {
  return `${length}:${checksum}`;
}

/** What is said of a run that lies elsewhere. */
export interface MovedFact extends Place {
  readonly isFollowed: boolean;
}

/** Lets all that know files go along with those that turned up elsewhere (`follow`), or only says so (`new`). */
export function followMoves(
  root: NamedRoot,
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
      const { root: fromRoot, from, toRoot, to } = move;
      const isFollowed = done.has(move as Move);
      const key = moveKey(move);
      // Where one of several could not go along, that is what is said.
      facts.set(key, { root: fromRoot, from, toRoot, to, isFollowed: isFollowed && (facts.get(key)?.isFollowed ?? true) });
    }
  }
  return [...facts.values()];
}

/** A move as a text, to be found by. */
export function moveKey({ root, from, toRoot, to }: Place): string {
  return JSON.stringify([root, from, toRoot, to]);
}

export interface FindOptions {
  /** Files are known by their inodes alone, so that none is opened that was not read before. */
  readonly byInode?: boolean;
  /** Further roots that a run may have been in, and where they lie. They can be asked. Default: none. */
  readonly others?: readonly KnownRoot[];
  /** Whether a file may be known from elsewhere: others are not opened. Default: all may be. */
  readonly mayBeKnown?: (file: FoundFile) => boolean;
}

interface NewFile extends FoundFile {
  readonly run: string;
  readonly first: RecordMark | undefined;
  /** Another file had its name: those of a run were renamed in a row (`log`, `log.1`, `log.2`). */
  readonly tookName: boolean;
}

/** A file that is not where it was: its name is free, or another file has it. */
interface MissingFile extends KnownState {
  readonly isGone: boolean;
}

/**
 * Which of the files that were found are known under a path where there is nothing any more: by their inode, else by their
 * first and last record, as far as they were read. Two files that are both there are two, however alike they are. A name may be given to another file meanwhile,
 * as by a log rotation: then only the inode tells.
 */
export function findMoves(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions = {}): Moves {
  const roots = new Map([[root.name, root.path], ...(options.others ?? []).map(({ name, path }) => [name, path] as const)]);
  const pairs = findPairs(root, found, held, options);
  const byRuns = Map.groupBy(pairs, ({ from, to }) => JSON.stringify([keyOfRun(from.run), to.run]));
  const targets = groupsOf(pairs, ({ from, to }) => [keyOfRun(from.run), to.run]);
  const origins = groupsOf(pairs, ({ from, to }) => [to.run, keyOfRun(from.run)]);
  const isStanding = standing(roots);
  const followed: Move[] = [];
  const apart: Place[] = [];
  for (const group of byRuns.values()) {
    const [pair] = group;
    if (pair === undefined) continue;
    const { run: from } = pair.from;
    const to: RunRef = { root: root.name, path: pair.to.run };
    const isSame = keyOfRun(from) === keyOfRun(to);
    const isWhole =
      isSame ||
      (targets.get(keyOfRun(from))?.size === 1 &&
        origins.get(to.path)?.size === 1 &&
        held.positions(to).files.length === 0 &&
        held.positions(from).files.every(({ name }) => !isThere(roots.get(from.root), from.path, name)) &&
        // Of a root that is not there nobody can say what became of its files: it may not be mounted. Unless they are the very same.
        (isStanding(from.root) || group.every(({ isSameInode }) => isSameInode)));
    const renamed = group.flatMap(({ from: { state }, to: { name } }) => (state.name === name ? [] : [{ from: state.name, to: name }]));
    const place = { root: from.root, from: from.path, toRoot: root.name, to: to.path };
    if (isWhole) followed.push({ ...place, toRootPath: root.path, renamed });
    else apart.push(place);
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

/** Files that are new in a root, each with the one that is known elsewhere and is there no more. */
export function findPairs(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions = {}): Pair[] {
  const { others = [] } = options;
  const fresh = newFiles(root, found, held, options);
  if (fresh.length === 0) return [];
  const inodes = fresh.flatMap(({ stamp }) => (stamp === '' ? [] : [inodeOf(stamp)]));
  const firsts = fresh.flatMap(({ first }) => (first === undefined ? [] : [markKey(first)]));
  const paths = new Map([[root.name, root.path], ...others.map(({ name, path }) => [name, path] as const)]);
  const missing = [...held.filesLike([...paths.keys()], inodes, firsts)].flatMap((known) => {
    const isGone = !isThere(paths.get(known.run.root), known.run.path, known.state.name);
    return isGone || isOther(paths.get(known.run.root), known) ? [{ ...known, isGone }] : [];
  });
  return pairsOf(root, fresh, missing);
}

function newFiles(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions): NewFile[] {
  const { byInode = false, others = [], mayBeKnown = () => true } = options;
  // Where nothing is known nothing can lie elsewhere.
  if (![root, ...others].some(({ name }) => held.fileCount(name, '') > 0)) return [];
  return found.flatMap(({ path: run, files }) => {
    const known = new Map(held.positions({ root: root.name, path: run }).files.map(({ name, stamp }) => [name, stamp]));
    const fresh = files
      .filter((file) => !known.has(file.name) && mayBeKnown(file))
      .map((file) => ({ ...file, run, tookName: false, first: byInode ? undefined : firstMark(placeOf(root, run), file.name) }));
    if (fresh.length === 0) return [];
    const renamed = files.filter(({ name, stamp }) => hasOtherInode(known.get(name), stamp));
    return [...fresh, ...renamed.map((file) => ({ ...file, run, tookName: true, first: undefined }))];
  });
}

/** Whether a file has the name or the inode of one that is known, of whichever root. Those are gathered once, when it is first asked. */
export function knownAmong(helds: readonly Knower[]): (file: FoundFile) => boolean {
  let known: { readonly names: Set<string>; readonly inodes: KnownInodes } | undefined;
  const gather = (): NonNullable<typeof known> => {
    const names = new Set<string>();
    const inodes = new KnownInodes();
    for (const held of helds) {
      for (const { name: root } of held.roots()) {
        for (const { name, stamp } of held.knownFiles(root)) {
          names.add(name);
          inodes.seed(stamp);
        }
      }
    }
    return { names, inodes };
  };
  return ({ name, stamp }) => {
    known ??= gather();
    return known.names.has(name) || known.inodes.has(stamp);
  };
}

/** A file that is new, and the one it was. */
export interface Pair {
  readonly from: KnownState;
  readonly to: NewFile;
  /** It is the very same, not only alike. */
  readonly isSameInode: boolean;
}

/** Each file that is new with the one it was; a file of which that can't be told for certain is a new one. */
function pairsOf(root: NamedRoot, fresh: readonly NewFile[], missing: readonly MissingFile[]): Pair[] {
  const taken = new Set<MissingFile>();
  const paired = new Map<NewFile, Pair>();
  const [own, others] = [missing.filter(({ run }) => run.root === root.name), missing.filter(({ run }) => run.root !== root.name)];
  for (const candidates of [own, others]) {
    const byInode = Map.groupBy(candidates, ({ state }) => inodeOf(state.stamp));
    // By their records alone: more than the first, which many files share.
    const byFirst = Map.groupBy(
      candidates.filter(({ state, isGone }) => isGone && state.records > 1),
      ({ state }) => (state.guard.first === undefined ? '' : markKey(state.guard.first)),
    );
    const take = (likeOf: (to: NewFile) => readonly MissingFile[]): void => {
      for (const to of fresh) {
        if (paired.has(to)) continue;
        const like = likeOf(to).filter((from) => !taken.has(from) && compareFile(placeOf(root, to.run), from.state, to.name) === 'same');
        const [from] = like;
        if (from === undefined || like.length > 1) continue;
        taken.add(from);
        paired.set(to, { from, to, isSameInode: to.stamp !== '' && inodeOf(to.stamp) === inodeOf(from.state.stamp) });
      }
    };
    const alike = ({ first }: NewFile): readonly MissingFile[] => (first === undefined ? [] : (byFirst.get(markKey(first)) ?? []));
    take(({ stamp, run, tookName }) => {
      const same = stamp === '' ? [] : (byInode.get(inodeOf(stamp)) ?? []);
      return tookName ? same.filter((from) => from.run.path === run && from.run.root === root.name) : same;
    });
    take((to) => alike(to).filter((from) => from.state.name === to.name && from.run.path === to.run));
    take((to) => alike(to).filter((from) => from.state.name === to.name && isSameEnd(from, to)));
    take((to) => alike(to).filter((from) => from.state.name === to.name));
    take(alike);
  }
  return [...paired.values()];
}

/** Whether the directories are called the same: `exp` moved to `archive/exp`. */
function isSameEnd(from: KnownState, to: NewFile): boolean {
  const last = (run: string): string => run.slice(run.lastIndexOf('/') + 1);
  return last(from.run.path) === last(to.run);
}

/** Whether anything has a file's name, as far as is known where its root lies. What can't be looked at is not gone for that. */
export function isThere(rootPath: string | undefined, run: string, name: string): boolean {
  if (rootPath === undefined) return true;
  try {
    return lstatSync(systemPath(join(rootPath, run, name)), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** Whether the name of a file that is known is another file's now. */
function isOther(rootPath: string | undefined, { run, state }: KnownState): boolean {
  try {
    return hasOtherInode(state.stamp, fileStamp(lstatSync(systemPath(join(rootPath ?? '', run.path, state.name)), { bigint: true })));
  } catch {
    return false;
  }
}

function hasOtherInode(before: string | undefined, now: string): boolean {
  return before !== undefined && before !== '' && before !== KEPT_STAMP && now !== '' && inodeOf(before) !== inodeOf(now);
}

/** Whether a directory is there, with something in it, and can be looked into. */
export function hasEntries(path: string): boolean {
  try {
    return readdirSync(systemPath(path)).length > 0;
  } catch {
    return false;
  }
}

/** Whether a root's directory is there, with something in it. */
function standing(roots: ReadonlyMap<string, string>): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const isStanding = hasEntries(roots.get(name) ?? '');
    known.set(name, isStanding);
    return isStanding;
  };
}

/** A store, which knows its files; or the state, which knows what all lanes read. */
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

/** What a summary says of a run that lies elsewhere. */
export function movedIncident({ root, from, toRoot, to, isFollowed }: MovedFact): Incident {
  const before = runLabel({ root, path: from });
  const reason =
    root === toRoot && from === to
      ? 'files of it have other names; they go on where they were'
      : isFollowed
        ? `${before}: it goes on as what it was, under the names it has in trackers`
        : `${before}: it is mirrored as a new run, and what was mirrored from there stays`;
  return { kind: 'moved', root: toRoot, path: to, reason };
}
