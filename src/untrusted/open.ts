/** Opens files below a root. It checks the open descriptor, so that the file it checked is the one it reads. */
import type { BigIntStats } from 'node:fs';
import * as fs from 'node:fs';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { inTime } from '../calls/index.ts';
import { withSignal } from '../concurrency/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { fileStamp } from '../model/index.ts';
import { type Directory, fullPath, inDirectory, isWithin } from './directory.ts';
import { LinkFollower } from './follow-link.ts';
import { isOfTheKernel, mountsNow } from './mounts.ts';
import { refusal, shown } from './refusal.ts';
import { close, doLater, doNow, fstat, lstat, open, readlink, realpath, type Steps } from './steps.ts';

/** A regular file, with the size and stamp it had when it was opened. The caller closes it. */
export interface OpenedFile {
  readonly fd: number;
  readonly size: number;
  /** See `fileStamp`. */
  readonly stamp: string;
}

/** The thing found under a name, without opening it. */
export type Looked =
  | {
      readonly kind: 'file';
      readonly bytes: number;
      /**
       * The space that it takes on its disk; less than its length for a sparse file. Undefined if the file system
       * does not tell.
       */
      readonly diskBytes: number | undefined;
      readonly stamp: string;
      /** Device and inode: the same for all names of one file. */
      readonly id: string;
      readonly changedAtMs: number;
      /** The time of creation; 0 if the file system does not tell. */
      readonly madeAtMs: number;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Bytes read at a time. */
const PIECE_BYTES = 256 * 1024;
/** The number of attempts to open a file if another one is found under its name each time. */
const TRIES = 3;

/**
 * Opens a file and waits for it: only for separate threads. Throws the system's error, or MB2010 and MB2011 for files
 * that are not read.
 */
export function openSync(directory: Directory, name: string): OpenedFile {
  return doNow(openSteps(directory, name));
}

/** Checks a name below a directory; follows links as the root's rule says. */
export function lookAt(directory: Directory, name: string): Promise<Looked> {
  return doLater(lookSteps(directory, name));
}

/** Does the same, and waits for the result. */
export function lookNow(directory: Directory, name: string): Looked {
  return doNow(lookSteps(directory, name));
}

function* lookSteps(directory: Directory, name: string): Steps<Looked> {
  try {
    const { real, stat } = yield* foundSteps(directory, name);
    if (stat.isDirectory()) return { kind: 'directory' };
    if (!stat.isFile()) return { kind: 'refused', reason: notRegular(stat) };
    return {
      kind: 'file',
      bytes: Number(stat.size),
      diskBytes: isTellingBlocks(real) ? Number(stat.blocks) * 512 : undefined,
      stamp: fileStamp(stat),
      id: `${stat.dev}.${stat.ino}`,
      changedAtMs: Number(stat.mtimeNs / 1_000_000n),
      madeAtMs: Number(stat.birthtimeNs / 1_000_000n),
    };
  } catch (error) {
    if (error instanceof MirrorError && error.code === 'MB2010') return { kind: 'refused', reason: error.message };
    const code = systemCode(error) ?? '';
    // Most runs have no such file, and one that disappears counts as none.
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'none' };
    if (code === 'EACCES' || code === 'EPERM' || code === 'ELOOP') return { kind: 'refused', reason: `it cannot be opened (${code})` };
    throw error;
  }
}

/** The limits of a read. */
interface ReadLimits {
  /** A longer file is refused (MB2012) before reading anything. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/** Reads a whole file; returns its content and stamp. */
export async function readWhole(
  directory: Directory,
  name: string,
  limits: ReadLimits,
): Promise<{ readonly content: Buffer; readonly stamp: string }> {
  const read: Buffer[] = [];
  let stamp = '';
  const onOpen = (file: OpenedFile): void => {
    stamp = file.stamp;
  };
  for await (const piece of pieces(directory, name, { ...limits, onOpen })) read.push(piece);
  return { content: Buffer.concat(read), stamp };
}

/**
 * Yields a file piece by piece, from a byte offset. If the file grows past the limit during the read, throws MB2012.
 */
export async function* pieces(
  directory: Directory,
  name: string,
  { mostBytes, signal, start = 0, onOpen }: ReadLimits & { readonly start?: number; readonly onOpen?: (file: OpenedFile) => void },
): AsyncGenerator<Buffer, void, void> {
  const opening = doLater(openSteps(directory, name));
  let file: OpenedFile;
  try {
    file = await withSignal(opening, signal);
  } catch (error) {
    // The caller no longer waits for it, so it closes itself.
    if (signal.aborted) void opening.then(({ fd }) => fs.close(fd)).catch(() => undefined);
    throw error;
  }
  const path = fullPath(directory, name);
  let reading: Promise<unknown> = Promise.resolve();
  try {
    if (file.size > mostBytes) throw tooLarge(directory, name, `it has ${file.size} bytes, and at most ${mostBytes} are read`);
    onOpen?.(file);
    for (let at = start; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const work = inTime(path, () => readLater(file.fd, piece, 0, PIECE_BYTES, at));
      reading = work;
      const { bytesRead } = await withSignal(work, signal);
      if (bytesRead === 0) return;
      at += bytesRead;
      if (at > mostBytes) throw tooLarge(directory, name, `it has grown past ${mostBytes} bytes, the most that is read`);
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    // A hanging read keeps its descriptor: its number must not belong to another file when the read returns.
    void reading.catch(() => undefined).then(() => fs.close(file.fd));
  }
}

const readLater = promisify(fs.read);

function tooLarge(directory: Directory, name: string, reason: string): MirrorError {
  return refusal('MB2012', reason, fullPath(directory, name));
}

/** True if the file system tells how much space a file takes: those in user space often say that it takes none. */
function isTellingBlocks(real: string): boolean {
  const type = mountsNow().typeOf(real);
  return type !== undefined && !type.startsWith('fuse') && type !== '9p' && type !== 'virtiofs';
}

function* openSteps(directory: Directory, name: string): Steps<OpenedFile> {
  for (let attempt = 1; ; attempt++) {
    const opened = (yield* openPlainly(directory, name)) ?? (yield* openThroughLinks(directory, name));
    if (opened !== undefined) return opened;
    if (attempt === TRIES) {
      throw refusal('MB2013', `${shown(name)} was another file each time it was opened`, fullPath(directory, name), 'later');
    }
  }
}

/** Opens a file in the usual case: no link on the way from the root. Undefined if there is one. */
function* openPlainly(directory: Directory, name: string): Steps<OpenedFile | undefined> {
  const found = yield* lookPlainly(directory, name);
  if (found === undefined) return undefined;
  checkRegular(found.stat);
  return yield* openAt(found.path, (real) => (directory.links === 'none' ? real === found.path : isWithin(real, directory.root)));
}

/** Resolves the parts of a name below a directory if none of them is a link; undefined otherwise. */
function* lookPlainly(directory: Directory, name: string): Steps<{ readonly path: string; readonly stat: BigIntStats } | undefined> {
  const parts = insideParts(directory, name);
  const own = directory.path === '' ? 0 : directory.path.split('/').length;
  // The path was walked a moment ago; the target of the descriptor shows if something was exchanged since.
  const isBelow = parts.length > own && parts.slice(0, own).join('/') === directory.path;
  let path = isBelow ? fullPath(directory) : directory.root;
  let stat: BigIntStats | undefined;
  const rest = isBelow ? parts.slice(own) : parts;
  for (const [i, part] of rest.entries()) {
    path = inDirectory(path, part);
    stat = yield* lstat(path);
    if (stat.isSymbolicLink()) return undefined;
    if (i < rest.length - 1 && !stat.isDirectory()) throw Object.assign(new Error(`not a directory: ${part}`), { code: 'ENOTDIR' });
  }
  return { path, stat: stat ?? (yield* lstat(path)) };
}

function* openThroughLinks(directory: Directory, name: string): Steps<OpenedFile | undefined> {
  const { real: expected, stat, ownerUid } = yield* foundThroughLinks(directory, name);
  checkRegular(stat);
  return yield* openAt(expected, (real, found) => real === expected && (ownerUid === undefined || found.uid === ownerUid));
}

/** Returns the real path of a name, and its `stat`. */
function* foundSteps(directory: Directory, name: string): Steps<{ readonly real: string; readonly stat: BigIntStats }> {
  const plain = yield* lookPlainly(directory, name);
  return plain === undefined ? yield* foundThroughLinks(directory, name) : { real: plain.path, stat: plain.stat };
}

/**
 * Resolves a name from the root, part by part; follows each link as the rule says. `ownerUid`: the required owner of
 * the file.
 */
function* foundThroughLinks(
  directory: Directory,
  name: string,
): Steps<{ readonly real: string; readonly stat: BigIntStats; readonly ownerUid: bigint | undefined }> {
  // The root's own path is the operator's choice: if it is a link, that is intended.
  const root = yield* realpath(directory.root);
  const follower = new LinkFollower({ path: root, links: directory.links });
  let real = root;
  let stat = yield* lstat(root);
  let ownerUid: bigint | undefined;
  for (const part of insideParts(directory, name)) {
    if (!stat.isDirectory()) throw Object.assign(new Error(`not a directory: ${shown(real)}`), { code: 'ENOTDIR' });
    real = inDirectory(real, part);
    stat = yield* lstat(real);
    ownerUid = undefined;
    if (!stat.isSymbolicLink()) continue;
    const link = real;
    const own = stat;
    const found = yield* follower.follow(link, own);
    if (found.refused !== undefined) throw refusal('MB2010', found.refused, link);
    ({ real, stat } = found);
    if (!found.isInside && directory.links === 'owner') ownerUid = own.uid;
  }
  return { real, stat, ownerUid };
}

/** Opens a path; undefined if the opened file is not the one that was found. */
function* openAt(path: string, isMeant: (real: string, stat: BigIntStats) => boolean): Steps<OpenedFile | undefined> {
  let fd: number;
  try {
    fd = yield* open(path);
  } catch (error) {
    // The path has become a link since the check.
    if (systemCode(error) === 'ELOOP') return undefined;
    throw error;
  }
  let isKept = false;
  try {
    const stat = yield* fstat(fd);
    checkRegular(stat);
    const real = yield* whereIs(fd, path, stat);
    if (real === undefined || !isMeant(real, stat)) return undefined;
    const type = mountsNow().typeOf(real);
    if (isOfTheKernel(type)) throw refusal('MB2010', `it is on a kernel file system (${type}), which mirrorboard never reads`, path);
    isKept = true;
    return { fd, size: Number(stat.size), stamp: fileStamp(stat) };
  } finally {
    if (!isKept) yield* close(fd);
  }
}

/** Returns the real path of an open file; undefined if it no longer has one. */
function* whereIs(fd: number, path: string, { dev, ino }: BigIntStats): Steps<string | undefined> {
  try {
    return yield* readlink(`/proc/self/fd/${fd}`);
  } catch {
    // There is no /proc: then the path must still lead to the same file, without any link.
    const real = yield* realpath(path);
    const there = yield* lstat(real);
    return there.dev === dev && there.ino === ino ? real : undefined;
  }
}

/** Returns the parts of a name from the root, with `..` resolved; none of them leads above the root. */
function insideParts({ path }: Directory, name: string): string[] {
  const joined = posix.join('/', path, name);
  return joined.split('/').filter((part) => part !== '');
}

function checkRegular(stat: BigIntStats): void {
  if (!stat.isFile()) throw refusal('MB2011', notRegular(stat), '');
}

function notRegular(stat: BigIntStats): string {
  const kind = stat.isDirectory()
    ? 'a directory'
    : stat.isFIFO()
      ? 'a pipe'
      : stat.isSocket()
        ? 'a socket'
        : stat.isCharacterDevice() || stat.isBlockDevice()
          ? 'a device'
          : 'something else';
  return `it is not a regular file but ${kind}`;
}
