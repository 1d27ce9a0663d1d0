/** Finds files that moved: compares what a store or the state knows with what is below a root, file by file. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownRoot } from '../contract/index.ts';
import { type FoundFile, type FoundRun, isEventFileName } from '../discover/index.ts';
import { type FileState, fileStamp, inodeOf, KEPT_STAMP, keyOfFile, keyOfRun, type RecordMark, type RunRef } from '../model/index.ts';
import { systemPath } from '../name-bytes.ts';
import { isGone } from '../system-error.ts';
import { compareFile, firstMark, type Likeness, likenessOf } from '../tail/index.ts';
import { DEFAULT_LINKS, directoryOf, type RootDirectory } from '../untrusted/index.ts';
import { KnownInodes } from './known-inodes.ts';

/** A known file of a run, as it was last read. */
export interface KnownState {
  readonly run: RunRef;
  readonly state: FileState;
}

/** A store or state that knows files. */
export interface Knower {
  roots(): readonly KnownRoot[];
  knownFiles(root: string): Iterable<{ readonly run: string; readonly name: string; readonly stamp: string }>;
  positions(run: RunRef): { readonly files: readonly Pick<FileState, 'name' | 'stamp' | 'size'>[] };
  /** Yields files of some roots that have one of these inodes, or begin with one of these records (`markKey`). */
  filesLike(roots: readonly string[], inodes: readonly string[], firsts: readonly string[]): Iterable<KnownState>;
  fileCount(root: string, below: string): number;
}

/** A root whose files are compared. */
export type NamedRoot = { readonly name: string } & RootDirectory;

/** Returns a record as a text for lookups. */
export function markKey({ length, checksum }: RecordMark): string {
  return `${length}:${checksum}`;
}

/** The rules for the search for new files. */
export interface FindOptions {
  /** True to recognise files by their inodes alone, so that no unread file is opened. */
  readonly byInode?: boolean;
  /** Further roots from which a run may have come, and their paths. They answer. Default: none. */
  readonly others?: readonly KnownRoot[];
  /** Returns true if a file may be known from elsewhere: others are not opened. Default: all may be. */
  readonly mayBeKnown?: (file: FoundFile) => boolean;
  /** True if a path does not answer now: nothing is asked about it. Default: all answer. */
  readonly isSilent?: (path: string) => boolean;
}

/** True if a file of a root does not answer now. */
export function isSilentFile({ isSilent }: FindOptions, rootPath: string | undefined, run: string, name: string): boolean {
  return isSilent !== undefined && rootPath !== undefined && isSilent(join(rootPath, run, name));
}

interface NewFile extends FoundFile {
  readonly run: RunRef;
  readonly first: RecordMark | undefined;
}

/** Finds new files in a root, each with a known file that no longer exists at its path. */
export function findPairs(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions = {}): PairedFiles {
  const roots = rootsOf(root, options);
  const fresh = newFiles(root, found, held, options);
  if (fresh.length === 0) return { pairs: [], unclear: [] };
  const inodes = fresh.flatMap(({ stamp }) => (stamp === '' ? [] : [inodeOf(stamp)]));
  const firsts = fresh.flatMap(({ first }) => (first === undefined ? [] : [markKey(first)]));
  const known = [...held.filesLike([...roots.keys()], inodes, firsts)];
  const silent = new Set(known.filter(({ run, state }) => isSilentFile(options, roots.get(run.root)?.path, run.path, state.name)));
  const missing = known.filter((each) => !silent.has(each) && isMissing(roots.get(each.run.root), each));
  const { pairs, unclear } = joined(root, fresh, missing);
  if (silent.size === 0) return { pairs, unclear };
  // A file that does not answer at its path may be there, or be the new one.
  const silentInodes = new Set([...silent].map(({ state }) => inodeOf(state.stamp)));
  const paired = new Set(pairs.map(({ to }) => to));
  const doubtful = fresh.filter((to) => silentInodes.has(inodeOf(to.stamp)) && !paired.has(to) && !unclear.includes(to));
  return { pairs, unclear: [...unclear, ...doubtful] };
}

function rootsOf(root: NamedRoot, { others = [] }: FindOptions): Map<string, NamedRoot> {
  return new Map([root, ...others].map((each) => [each.name, { links: DEFAULT_LINKS, ...each }]));
}

/**
 * Does the same also for the runs whose places were taken, and for the runs in whose places those are now: names may
 * move in a cycle. Reads only directories from which a file came.
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
  // The list grows during the loop.
  for (const { from, to } of pairs) {
    const key = keyOfRun(from.run);
    if (key === keyOfRun(to.run) || looked.has(key) || held.positions(to.run).files.length === 0) continue;
    looked.add(key);
    const its = roots.get(from.run.root);
    const files = its === undefined ? [] : filesIn(its, from.run.path, options);
    if (its === undefined || files.length === 0) continue;
    const others = [...roots.values()].filter((other) => other !== its);
    add(findPairs(its, [{ path: from.run.path, files }], held, { ...options, others }));
  }
  return { pairs, unclear };
}

/** Returns the event files in a run's directory; none if it cannot be read. */
function filesIn(root: NamedRoot, run: string, options: FindOptions): FoundFile[] {
  if (isSilentFile(options, root.path, run, '')) return [];
  try {
    return readdirSync(systemPath(join(root.path, run))).flatMap((name) => {
      if (!isEventFileName(name) || isSilentFile(options, root.path, run, name)) return [];
      const stat = lstatSync(systemPath(join(root.path, run, name)), { bigint: true, throwIfNoEntry: false });
      return stat?.isFile() === true ? [{ name, size: Number(stat.size), stamp: fileStamp(stat) }] : [];
    });
  } catch {
    return [];
  }
}

function newFiles(root: NamedRoot, found: readonly FoundRun[], held: Knower, options: FindOptions): NewFile[] {
  const { byInode = false, others = [], mayBeKnown = () => true } = options;
  // If nothing is known, nothing can have moved.
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
 * Returns those files with a known name that are not the file that was read under it: a file may be copied over
 * itself, and have another inode.
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
 * Returns a function that is true for files with the name or the inode of a known file, in any root. It collects
 * these at its first call.
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

/** A new file, and the known file that it was. */
export interface Pair {
  readonly from: KnownState;
  readonly to: NewFile;
  /** True if both are the same file, not only alike. */
  readonly isSameInode: boolean;
}

/** The known files for new ones. */
interface PairedFiles {
  readonly pairs: readonly Pair[];
  /**
   * Files with so little content that each may be a known file, by its inode, or a new one: later this can be
   * decided.
   */
  readonly unclear: readonly NewFile[];
}

/** Pairs each new file with the known file that it was; a file without a certain match is new. */
function joined(root: NamedRoot, fresh: readonly NewFile[], missing: readonly KnownState[]): PairedFiles {
  const taken = new Set<KnownState>();
  const paired = new Map<NewFile, Pair>();
  const unclear: NewFile[] = [];
  const [own, others] = [missing.filter(({ run }) => run.root === root.name), missing.filter(({ run }) => run.root !== root.name)];
  const likeness = (from: KnownState, to: NewFile): Likeness => likenessOf(directoryOf(root, to.run.path), from.state, to.name);
  const pair = (to: NewFile, from: KnownState): void => {
    taken.add(from);
    paired.set(to, { from, to, isSameInode: to.stamp !== '' && inodeOf(to.stamp) === inodeOf(from.state.stamp) });
  };
  const take = (likeOf: (to: NewFile) => readonly KnownState[]): void => {
    for (const to of fresh) {
      if (paired.has(to)) continue;
      const [from, another] = withMostRecords(likeOf(to).filter((known) => !taken.has(known) && likeness(known, to) === 'same'));
      if (from !== undefined && another === undefined) pair(to, from);
    }
  };
  // A file may have had several names, and what was read last of it has the most records. It may have been cut since,
  // or be copied over itself: then its beginning can be all that an earlier name had.
  const takeByInode = (sameInode: (to: NewFile) => readonly KnownState[]): void => {
    for (const to of fresh) {
      if (paired.has(to)) continue;
      const known = sameInode(to).filter((each) => !taken.has(each) && each.state.records > 0);
      // Each look opens the file.
      const looks = new Map(known.map((each) => [each, likeness(each, to)]));
      const last = withMostRecords(known.filter((each) => looks.get(each) !== 'other'));
      const like = Map.groupBy(last, (each) => looks.get(each));
      const [from, another] = like.get('same') ?? like.get('beginning') ?? [];
      if (from !== undefined && another === undefined) pair(to, from);
    }
  };
  for (const candidates of [own, others]) {
    const byInode = Map.groupBy(candidates, ({ state }) => inodeOf(state.stamp));
    // These match by their records alone: more than the first one, which many files share.
    const byFirst = Map.groupBy(
      candidates.filter(({ state }) => state.records > 1),
      ({ state }) => (state.guard.first === undefined ? '' : markKey(state.guard.first)),
    );
    const sameInode = ({ stamp }: NewFile): readonly KnownState[] => (stamp === '' ? [] : (byInode.get(inodeOf(stamp)) ?? []));
    const alike = ({ first }: NewFile): readonly KnownState[] => (first === undefined ? [] : (byFirst.get(markKey(first)) ?? []));
    takeByInode(sameInode);
    take((to) => alike(to).filter((from) => from.state.name === to.name && from.run.path === to.run.path));
    take((to) => alike(to).filter((from) => from.state.name === to.name && isSameEnd(from, to)));
    take((to) => alike(to).filter((from) => from.state.name === to.name));
    take(alike);
    // The system reuses an inode once its file is gone: an empty file proves nothing.
    for (const to of fresh) {
      const isUnclear = (from: KnownState): boolean => !taken.has(from) && from.state.records > 1 && likeness(from, to) === 'blank';
      if (sameInode(to).some(isUnclear)) unclear.push(to);
    }
  }
  // Any file matches one of which nothing was read, so these come last.
  const unread = Map.groupBy(
    missing.filter(({ state }) => state.records === 0),
    ({ state }) => inodeOf(state.stamp),
  );
  const doubtful = new Set(unclear);
  take((to) => (to.stamp === '' || doubtful.has(to) ? [] : (unread.get(inodeOf(to.stamp)) ?? [])));
  return { pairs: [...paired.values()], unclear: unclear.filter((to) => !paired.has(to)) };
}

function withMostRecords(states: readonly KnownState[]): readonly KnownState[] {
  const most = states.reduce((records, { state }) => Math.max(records, state.records), 0);
  return states.filter(({ state }) => state.records === most);
}

/** True if the directories have the same name: `exp` moved to `archive/exp`. */
function isSameEnd(from: KnownState, to: NewFile): boolean {
  const last = (run: string): string => run.slice(run.lastIndexOf('/') + 1);
  return last(from.run.path) === last(to.run.path);
}

/**
 * True if a file of this name exists, by what its root shows. A path that cannot be checked does not count as
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

/** Returns the present size of a file with a known name; -1 if there is none, undefined if it cannot be checked. */
export function sizeNow(rootPath: string | undefined, run: string, name: string): number | undefined {
  if (rootPath === undefined) return undefined;
  try {
    return lstatSync(systemPath(join(rootPath, run, name)), { throwIfNoEntry: false })?.size ?? -1;
  } catch {
    return undefined;
  }
}

/** True if nothing exists at a path. A path that cannot be checked does not count as missing. */
export function isNothingAt(path: string): boolean {
  try {
    return lstatSync(systemPath(path), { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return isGone(error);
  }
}

/** True if a known file is not at its path: there is nothing, or another file. */
export function isMissing(root: NamedRoot | undefined, { run, state }: KnownState): boolean {
  if (!isThere(root?.path, run.path, state.name)) return true;
  return root !== undefined && isOther(root.path, run.path, state) && !isStillThere(root, run, state);
}

/** True if another file has the name of a known one. */
export function isOther(rootPath: string | undefined, run: string, { name, stamp }: Pick<FileState, 'name' | 'stamp'>): boolean {
  if (rootPath === undefined) return false;
  try {
    return hasOtherInode(stamp, fileStamp(lstatSync(systemPath(join(rootPath, run, name)), { bigint: true })));
  } catch {
    return false;
  }
}

/** True if the content that was read of a file is still under its name, whatever its inode is. */
function isStillThere(root: NamedRoot, run: RunRef, state: FileState): boolean {
  return state.guard.first !== undefined && compareFile(directoryOf(root, run.path), state) === 'same';
}

/** True if two stamps belong to different files. */
export function hasOtherInode(before: string | undefined, now: string): boolean {
  return before !== undefined && before !== '' && before !== KEPT_STAMP && now !== '' && inodeOf(before) !== inodeOf(now);
}

/** True if a directory exists, is not empty, and can be read. */
export function hasEntries(path: string): boolean {
  try {
    return readdirSync(systemPath(path)).length > 0;
  } catch {
    return false;
  }
}

/** Returns a function that is true if a root's directory exists and is not empty. */
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
