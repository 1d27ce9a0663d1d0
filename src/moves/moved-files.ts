/** Files that moved: joins what a store or the state knows with what is below a root, file by file. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownRoot } from '../contract/index.ts';
import { type FoundFile, type FoundRun, isEventFileName } from '../discover/index.ts';
import {
  type FileState,
  fileStamp,
  inodeOf,
  KEPT_STAMP,
  keyOfFile,
  keyOfRun,
  type RecordMark,
  type RunRef,
  systemPath,
} from '../model/index.ts';
import { isGone } from '../system-error.ts';
import { compareFile, firstMark, type Likeness, likenessOf } from '../tail/index.ts';
import { DEFAULT_LINKS, directoryOf, type RootDirectory } from '../untrusted/index.ts';
import { KnownInodes } from './known-inodes.ts';

/** A file of a run that is known, as it was read last. */
export interface KnownState {
  readonly run: RunRef;
  readonly state: FileState;
}

/** Who knows files. */
export interface Knower {
  roots(): readonly KnownRoot[];
  knownFiles(root: string): Iterable<{ readonly run: string; readonly name: string; readonly stamp: string }>;
  positions(run: RunRef): { readonly files: readonly Pick<FileState, 'name' | 'stamp' | 'size'>[] };
  /** Files of some roots that have one of these inodes, or begin with one of these records (`markKey`). */
  filesLike(roots: readonly string[], inodes: readonly string[], firsts: readonly string[]): Iterable<KnownState>;
  fileCount(root: string, below: string): number;
}

/** A root as it is looked into. */
export type NamedRoot = { readonly name: string } & RootDirectory;

/** A record as a text to be found by. */
export function markKey({ length, checksum }: RecordMark): string {
  return `${length}:${checksum}`;
}

/** Where files that appeared are searched for. */
export interface FindOptions {
  /** Files are known by their inodes alone, so that none is opened that was not read before. */
  readonly byInode?: boolean;
  /** Further roots that a run may have been in, and their paths. They answer. Default: none. */
  readonly others?: readonly KnownRoot[];
  /** True if a file may be known from elsewhere: others are not opened. Default: all may be. */
  readonly mayBeKnown?: (file: FoundFile) => boolean;
}

interface NewFile extends FoundFile {
  readonly run: RunRef;
  readonly first: RecordMark | undefined;
}

/** Files that are new in a root, each with the one that is known elsewhere and is there no more. */
export function findPairs(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions = {}): PairedFiles {
  const roots = rootsOf(root, options);
  const fresh = newFiles(root, found, held, options);
  if (fresh.length === 0) return { pairs: [], unclear: [] };
  const inodes = fresh.flatMap(({ stamp }) => (stamp === '' ? [] : [inodeOf(stamp)]));
  const firsts = fresh.flatMap(({ first }) => (first === undefined ? [] : [markKey(first)]));
  const missing = [...held.filesLike([...roots.keys()], inodes, firsts)].filter((known) => isMissing(roots.get(known.run.root), known));
  return joined(root, fresh, missing);
}

function rootsOf(root: NamedRoot, { others = [] }: FindOptions): Map<string, NamedRoot> {
  return new Map([root, ...others].map((each) => [each.name, { links: DEFAULT_LINKS, ...each }]));
}

/**
 * The same, and what happened to the runs whose places were taken, and of those in whose places they are: names go
 * round. Only directories from which something came are looked into.
 */
export function findAllPairs(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions = {}): PairedFiles {
  const roots = rootsOf(root, options);
  const looked = new Set<string>();
  const sources = new Set<string>();
  const targets = new Set<string>();
  const pairs: Pair[] = [];
  const unclear: NewFile[] = [];
  const add = (more: PairedFiles): void => {
    for (const file of more.unclear) unclear.push(file);
    for (const pair of more.pairs) {
      const [from, to] = [keyOfFile(pair.from.run, pair.from.state.name), keyOfFile(pair.to.run, pair.to.name)];
      if (sources.has(from) || targets.has(to)) continue;
      sources.add(from);
      targets.add(to);
      pairs.push(pair);
    }
  };
  add(findPairs(root, found, held, options));
  // Grows while it is gone through.
  for (const { from, to } of pairs) {
    const key = keyOfRun(from.run);
    if (key === keyOfRun(to.run) || looked.has(key) || held.positions(to.run).files.length === 0) continue;
    looked.add(key);
    const its = roots.get(from.run.root);
    const files = its === undefined ? [] : filesIn(its, from.run.path);
    if (its === undefined || files.length === 0) continue;
    const others = [...roots.values()].filter((other) => other !== its);
    add(findPairs(its, [{ path: from.run.path, files }], held, { ...options, others }));
  }
  return { pairs, unclear };
}

/** The event files in a run's directory; none if it cannot be looked into. */
function filesIn(root: NamedRoot, run: string): FoundFile[] {
  try {
    return readdirSync(systemPath(join(root.path, run))).flatMap((name) => {
      if (!isEventFileName(name)) return [];
      const stat = lstatSync(systemPath(join(root.path, run, name)), { bigint: true, throwIfNoEntry: false });
      return stat?.isFile() === true ? [{ name, size: Number(stat.size), stamp: fileStamp(stat) }] : [];
    });
  } catch {
    return [];
  }
}

function newFiles(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions): NewFile[] {
  const { byInode = false, others = [], mayBeKnown = () => true } = options;
  // Where nothing is known nothing can be elsewhere.
  if (![root, ...others].some(({ name }) => held.fileCount(name, '') > 0)) return [];
  const taken: (FoundFile & { readonly run: RunRef; readonly before: string })[] = [];
  const fresh = found.flatMap(({ path, files }) => {
    const run = { root: root.name, path };
    const known = new Map(held.positions(run).files.map(({ name, stamp }) => [name, stamp]));
    for (const file of files) {
      const before = known.get(file.name);
      if (before !== undefined && hasOtherInode(before, file.stamp)) taken.push({ ...file, run, before });
    }
    return files.filter((file) => !known.has(file.name) && mayBeKnown(file)).map((file) => ({ ...file, run }));
  });
  const first = (run: RunRef, name: string): RecordMark | undefined => (byInode ? undefined : firstMark(directoryOf(root, run.path), name));
  return [...fresh, ...otherFiles(root, taken, held)].map((file) => ({ ...file, first: first(file.run, file.name) }));
}

/**
 * Of files with names that others had, those that are not what was read under them: a file may be copied over itself,
 * and have another inode.
 */
function otherFiles<File extends FoundFile & { readonly run: RunRef; readonly before: string }>(
  root: NamedRoot,
  taken: readonly File[],
  held: Knower,
): readonly File[] {
  if (taken.length === 0) return [];
  const inodes = taken.map(({ before }) => inodeOf(before));
  const own = new Map([...held.filesLike([root.name], inodes, [])].map(({ run, state }) => [keyOfFile(run, state.name), state]));
  return taken.filter(({ run, name }) => {
    const state = own.get(keyOfFile(run, name));
    return state === undefined || !isStillThere(root, run, state);
  });
}

/**
 * Whether a file has the name or the inode of one that is known, of whichever root. Those are gathered once, when it
 * is first asked.
 */
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

/** What happened to files that are new. */
interface PairedFiles {
  readonly pairs: readonly Pair[];
  /**
   * Files with so little in them that each may be one that is known, by its inode, or a new one: later that can be
   * told.
   */
  readonly unclear: readonly NewFile[];
}

/** Each file that is new with the one it was; a file of which that cannot be told for certain is a new one. */
function joined(root: NamedRoot, fresh: readonly NewFile[], missing: readonly KnownState[]): PairedFiles {
  const taken = new Set<KnownState>();
  const paired = new Map<NewFile, Pair>();
  const unclear: NewFile[] = [];
  const [own, others] = [missing.filter(({ run }) => run.root === root.name), missing.filter(({ run }) => run.root !== root.name)];
  const likeness = (from: KnownState, to: NewFile): Likeness => likenessOf(directoryOf(root, to.run.path), from.state, to.name);
  const take = (likeOf: (to: NewFile) => readonly KnownState[], wanted: Likeness = 'same'): void => {
    for (const to of fresh) {
      if (paired.has(to)) continue;
      const like = likeOf(to).filter((from) => !taken.has(from) && likeness(from, to) === wanted);
      const most = like.reduce((records, { state }) => Math.max(records, state.records), 0);
      const [from, another] = like.filter(({ state }) => state.records === most);
      if (from === undefined || another !== undefined) continue;
      taken.add(from);
      paired.set(to, { from, to, isSameInode: to.stamp !== '' && inodeOf(to.stamp) === inodeOf(from.state.stamp) });
    }
  };
  for (const candidates of [own, others]) {
    const byInode = Map.groupBy(candidates, ({ state }) => inodeOf(state.stamp));
    // By their records alone: more than the first, which many files share.
    const byFirst = Map.groupBy(
      candidates.filter(({ state }) => state.records > 1),
      ({ state }) => (state.guard.first === undefined ? '' : markKey(state.guard.first)),
    );
    const sameInode = ({ stamp }: NewFile): readonly KnownState[] => (stamp === '' ? [] : (byInode.get(inodeOf(stamp)) ?? []));
    const alike = ({ first }: NewFile): readonly KnownState[] => (first === undefined ? [] : (byFirst.get(markKey(first)) ?? []));
    take((to) => sameInode(to).filter(({ state }) => state.records > 0));
    // It was cut, or is being copied over itself.
    take(sameInode, 'beginning');
    take((to) => alike(to).filter((from) => from.state.name === to.name && from.run.path === to.run.path));
    take((to) => alike(to).filter((from) => from.state.name === to.name && isSameEnd(from, to)));
    take((to) => alike(to).filter((from) => from.state.name === to.name));
    take(alike);
    // An inode is used again once its file is gone: one that is empty says nothing.
    for (const to of fresh) {
      const isUnclear = (from: KnownState): boolean => !taken.has(from) && from.state.records > 1 && likeness(from, to) === 'blank';
      if (sameInode(to).some(isUnclear)) unclear.push(to);
    }
  }
  // Any file is like one of which nothing was read: such a one comes last.
  const unread = Map.groupBy(
    missing.filter(({ state }) => state.records === 0),
    ({ state }) => inodeOf(state.stamp),
  );
  const doubtful = new Set(unclear);
  take((to) => (to.stamp === '' || doubtful.has(to) ? [] : (unread.get(inodeOf(to.stamp)) ?? [])));
  return { pairs: [...paired.values()], unclear: unclear.filter((to) => !paired.has(to)) };
}

/** True if the directories are called the same: `exp` moved to `archive/exp`. */
function isSameEnd(from: KnownState, to: NewFile): boolean {
  const last = (run: string): string => run.slice(run.lastIndexOf('/') + 1);
  return last(from.run.path) === last(to.run.path);
}

/**
 * Whether a file of this name exists, as far as its root tells. A path that cannot be checked does not count as
 * deleted.
 */
export function isThere(rootPath: string | undefined, run: string, name: string): boolean {
  if (rootPath === undefined) return true;
  try {
    return lstatSync(systemPath(join(rootPath, run, name)), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** The size of what is under a known name; -1 if there is nothing, undefined if it cannot be checked. */
export function sizeNow(rootPath: string | undefined, run: string, name: string): number | undefined {
  if (rootPath === undefined) return undefined;
  try {
    return lstatSync(systemPath(join(rootPath, run, name)), { throwIfNoEntry: false })?.size ?? -1;
  } catch {
    return undefined;
  }
}

/** True if there is nothing at all under a path. What cannot be checked is not missing for that. */
export function isNothingAt(path: string): boolean {
  try {
    return lstatSync(systemPath(path), { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return isGone(error);
  }
}

/** True if a known file is not where it was: there is nothing, or another file. */
export function isMissing(root: NamedRoot | undefined, { run, state }: KnownState): boolean {
  if (!isThere(root?.path, run.path, state.name)) return true;
  return root !== undefined && isOther(root.path, run.path, state) && !isStillThere(root, run, state);
}

/** True if there is another file under the name of one that is known. */
export function isOther(rootPath: string | undefined, run: string, { name, stamp }: Pick<FileState, 'name' | 'stamp'>): boolean {
  if (rootPath === undefined) return false;
  try {
    return hasOtherInode(stamp, fileStamp(lstatSync(systemPath(join(rootPath, run, name)), { bigint: true })));
  } catch {
    return false;
  }
}

/** True if what was read of a file is under its name, whatever its inode is. */
function isStillThere(root: NamedRoot, run: RunRef, state: FileState): boolean {
  return state.guard.first !== undefined && compareFile(directoryOf(root, run.path), state) === 'same';
}

/** Whether two stamps are of different files. */
export function hasOtherInode(before: string | undefined, now: string): boolean {
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

/** True if a root's directory is there, with something in it. */
export function reachable(roots: ReadonlyMap<string, string>): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const isReachable = hasEntries(roots.get(name) ?? '');
    known.set(name, isReachable);
    return isReachable;
  };
}
