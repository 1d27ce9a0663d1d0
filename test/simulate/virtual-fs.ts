// The calls of `node:fs` on the virtual tree. All other paths go to the system.
import type * as fs from 'node:fs';
import { type Node, systemError, TOP, type Tree } from './virtual-files.ts';

/** Descriptors of virtual files are above those of any real one. */
const FIRST_FD = 1 << 24;
const DEVICE = 77;
/** A network file system: nothing notifies, so everything is found by looking. */
const NFS = 0x6969;
const BLOCK_BYTES = 512;
const MODES = { file: 0o100644, directory: 0o040755, link: 0o120777 };

/** What the calls do besides: where a process may be killed, and how much a read gives. */
export interface Border {
  /** Throws if the caller's life is over, or ends here. */
  step(what: string): void;
  /** Makes a call to a path: it may not return. */
  meet(path: string): void;
  /** Waits until a path answers. */
  answered(path: string): Promise<void>;
  /** How many of these bytes a read gives: at least one. */
  readBytes(wanted: number): number;
}

interface OpenFile {
  readonly node: Node;
  /** The path that was asked for, and the one without links. */
  readonly asked: string;
  readonly path: string;
}

type Calls = Record<string, (...args: never[]) => unknown>;

/** The calls of one history. */
export class VirtualFs {
  readonly #tree: Tree;
  readonly #border: Border;
  readonly #open = new Map<number, OpenFile>();
  #nextFd = FIRST_FD;

  constructor(tree: Tree, border: Border) {
    this.#tree = tree;
    this.#border = border;
  }

  /** Descriptors that are open: those of a life that was killed are closed by the system. */
  get openCount(): number {
    return this.#open.size;
  }

  closeAll(): void {
    this.#open.clear();
  }

  isOurs(path: unknown): boolean {
    return textOf(path).startsWith(TOP);
  }

  isOurFd(fd: unknown): boolean {
    return typeof fd === 'number' && fd >= FIRST_FD;
  }

  /** Waits until a path answers. */
  answered(path: unknown): Promise<void> {
    return this.#border.answered(textOf(path));
  }

  stat(path: unknown, options: StatOptions | undefined, follow: boolean): unknown {
    const text = textOf(path);
    const call = follow ? 'stat' : 'lstat';
    try {
      this.#border.step(call);
      this.#border.meet(text);
      return statOf(this.#tree.look(text, call, follow).node, options?.bigint === true);
    } catch (error) {
      if (options?.throwIfNoEntry === false && (error as { code?: string }).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  exists(path: unknown): boolean {
    try {
      this.#tree.look(textOf(path), 'access', true);
      return true;
    } catch {
      return false;
    }
  }

  access(path: unknown): void {
    const { node } = this.#tree.look(textOf(path), 'access', true);
    if (node.trouble === 'EACCES') throw systemError('EACCES', 'access', textOf(path));
  }

  realpath(path: unknown, options: unknown): string | Buffer {
    const { real } = this.#tree.look(textOf(path), 'realpath', true);
    return encoded(real, options);
  }

  readlink(path: unknown, options: unknown): string | Buffer {
    const text = textOf(path);
    const fd = /^\/proc\/self\/fd\/(\d+)$/.exec(text)?.[1];
    if (fd !== undefined) return encoded(this.#file(Number(fd), 'readlink').path, options);
    const { node } = this.#tree.look(text, 'readlink', false);
    if (node.kind !== 'link') throw systemError('EINVAL', 'readlink', text);
    return encoded(node.target, options);
  }

  readdir(path: unknown, options: unknown): unknown[] {
    const text = textOf(path);
    this.#border.step('readdir');
    this.#border.meet(text);
    const { node } = this.#tree.look(text, 'scandir', true);
    if (node.kind !== 'directory') throw systemError('ENOTDIR', 'scandir', text);
    if (node.trouble !== undefined) throw systemError(node.trouble, 'scandir', text);
    const { withFileTypes, encoding } = (typeof options === 'object' && options !== null ? options : { encoding: options }) as {
      withFileTypes?: boolean;
      encoding?: unknown;
    };
    const names = [...node.entries.keys()];
    if (withFileTypes !== true) return encoding === 'buffer' ? names.map((name) => Buffer.from(name)) : names;
    return names.map((name) => ({ name, parentPath: text, ...TYPES[node.entries.get(name)!.kind] }));
  }

  statfs(path: unknown): { type: number } {
    this.#tree.look(textOf(path), 'statfs', true);
    return { type: NFS };
  }

  open(path: unknown, flags: unknown): number {
    const text = textOf(path);
    this.#border.step('open');
    this.#border.meet(text);
    const isDirect = typeof flags === 'number' && (flags & O_NOFOLLOW) !== 0;
    const { node, real } = this.#tree.look(text, 'open', !isDirect);
    if (node.kind === 'link') throw systemError('ELOOP', 'open', text);
    if (node.trouble !== undefined) throw systemError(node.trouble, 'open', text);
    const fd = this.#nextFd++;
    this.#open.set(fd, { node, asked: text, path: real });
    return fd;
  }

  fstat(fd: number, options: StatOptions | undefined): unknown {
    return statOf(this.#file(fd, 'fstat').node, options?.bigint === true);
  }

  read(fd: number, buffer: NodeJS.ArrayBufferView, offset: number, length: number, position: number): number {
    this.#border.step('read');
    const { node, asked, path } = this.#file(fd, 'read');
    this.#border.meet(asked);
    const end = Math.min(node.bytes.length, position + length);
    if (end <= position) return 0;
    const bad = node.badRange;
    if (bad !== undefined && position < bad[1] && end > bad[0]) throw systemError('EIO', 'read', path);
    const count = this.#border.readBytes(end - position);
    const into = new Uint8Array(buffer.buffer, buffer.byteOffset + offset, count);
    into.set(node.bytes.subarray(position, position + count));
    return count;
  }

  close(fd: number): void {
    this.#open.delete(fd);
  }

  #file(fd: number, call: string): OpenFile {
    const file = this.#open.get(fd);
    if (file === undefined) throw systemError('EBADF', call, String(fd));
    return file;
  }
}

const O_NOFOLLOW = 0o400000;

interface StatOptions {
  readonly bigint?: boolean;
  readonly throwIfNoEntry?: boolean;
}

function textOf(path: unknown): string {
  return typeof path === 'string' ? path : Buffer.isBuffer(path) ? path.toString() : String(path);
}

function encoded(text: string, options: unknown): string | Buffer {
  const encoding = typeof options === 'object' && options !== null ? (options as { encoding?: unknown }).encoding : options;
  return encoding === 'buffer' ? Buffer.from(text) : text;
}

type Types = Readonly<Record<`is${string}`, () => boolean>>;

const TYPES: Readonly<Record<Node['kind'], Types>> = { file: typesFor('file'), directory: typesFor('directory'), link: typesFor('link') };

function typesFor(kind: Node['kind']): Types {
  const isNot = (): boolean => false;
  return {
    isFile: () => kind === 'file',
    isDirectory: () => kind === 'directory',
    isSymbolicLink: () => kind === 'link',
    isFIFO: isNot,
    isSocket: isNot,
    isCharacterDevice: isNot,
    isBlockDevice: isNot,
  };
}

function statOf(node: Node, isBig: boolean): unknown {
  const { kind, ino, links, modifiedMs, changedMs, madeMs } = node;
  const size = kind === 'file' ? node.bytes.length : kind === 'link' ? node.target.length : 4096;
  const [mode, blocks] = [MODES[kind], Math.ceil(size / BLOCK_BYTES)];
  if (!isBig) {
    const times = { mtimeMs: modifiedMs, ctimeMs: changedMs, atimeMs: modifiedMs, birthtimeMs: madeMs };
    return { ...TYPES[kind], dev: DEVICE, ino, mode, nlink: links, uid: 0, gid: 0, size, blocks, ...times };
  }
  const [modified, changed, made] = [BigInt(Math.floor(modifiedMs)), BigInt(Math.floor(changedMs)), BigInt(Math.floor(madeMs))];
  return {
    ...TYPES[kind],
    ...{ dev: BigInt(DEVICE), ino: BigInt(ino), mode: BigInt(mode), nlink: BigInt(links), uid: 0n, gid: 0n },
    ...{ size: BigInt(size), blocks: BigInt(blocks) },
    ...{ mtimeMs: modified, ctimeMs: changed, atimeMs: modified, birthtimeMs: made },
    ...{ mtimeNs: modified * NS, ctimeNs: changed * NS, atimeNs: modified * NS, birthtimeNs: made * NS },
  };
}

const NS = 1_000_000n;

/** The calls of `node:fs` that look at the virtual tree first; `current` is the tree of the history under way. */
export function callsOn(current: () => VirtualFs | undefined, real: typeof fs): Calls {
  const ours = (path: unknown): VirtualFs | undefined => {
    const virtual = current();
    return virtual?.isOurs(path) === true ? virtual : undefined;
  };
  const oursFd = (fd: unknown): VirtualFs | undefined => {
    const virtual = current();
    return virtual?.isOurFd(fd) === true ? virtual : undefined;
  };
  const isProc = (path: unknown): boolean => Number(/^\/proc\/self\/fd\/(\d+)$/.exec(textOf(path))?.[1] ?? 0) >= FIRST_FD;
  const readlinkSync = (path: never, options: never): unknown => {
    const virtual = isProc(path) ? current() : ours(path);
    return virtual === undefined ? real.readlinkSync(path, options) : virtual.readlink(path, options);
  };
  const realpathSync = Object.assign(
    (path: never, options: never): unknown => ours(path)?.realpath(path, options) ?? real.realpathSync(path, options),
    { native: (path: never, options: never): unknown => ours(path)?.realpath(path, options) ?? real.realpathSync.native(path, options) },
  );
  return {
    statSync: (path, options: never) => (ours(path) === undefined ? real.statSync(path, options) : ours(path)?.stat(path, options, true)),
    lstatSync: (path, options: never) =>
      ours(path) === undefined ? real.lstatSync(path, options) : ours(path)?.stat(path, options, false),
    existsSync: (path) => ours(path)?.exists(path) ?? real.existsSync(path),
    accessSync: (path, mode: never) => (ours(path) === undefined ? real.accessSync(path, mode) : ours(path)?.access(path)),
    readdirSync: (path, options: never) => ours(path)?.readdir(path, options) ?? real.readdirSync(path, options),
    statfsSync: (path) => ours(path)?.statfs(path) ?? real.statfsSync(path),
    openSync: (path, flags: never, mode: never) => ours(path)?.open(path, flags) ?? real.openSync(path, flags, mode),
    fstatSync: (fd: never, options: never) => oursFd(fd)?.fstat(fd, options) ?? real.fstatSync(fd, options),
    readSync: (fd: never, buffer: never, offset: never, length: never, position: never) =>
      oursFd(fd)?.read(fd, buffer, offset, length, position) ?? real.readSync(fd, buffer, offset, length, position),
    closeSync: (fd: never) => (oursFd(fd) === undefined ? real.closeSync(fd) : oursFd(fd)?.close(fd)),
    readFileSync: (path, options: never) =>
      textOf(path) === '/proc/self/mountinfo' && current() !== undefined ? MOUNTS : real.readFileSync(path, options),
    readlinkSync,
    realpathSync,
  };
}

const MOUNTS = `1 1 0:1 / / rw - ext4 disk rw\n2 1 0:2 / ${TOP} rw - nfs server:/export rw\n`;
