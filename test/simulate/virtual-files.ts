// A tree of files in memory, with the times, inodes and errors of a real one.

/** What an entry of a directory is. */
export type Kind = 'file' | 'directory' | 'link';

/** A file, directory or link. Several names may lead to one file. */
export class Node {
  readonly kind: Kind;
  readonly ino: number;
  /** The content of a file. */
  bytes: Buffer = Buffer.alloc(0);
  /** The entries of a directory. */
  readonly entries = new Map<string, Node>();
  /** The target of a link. */
  target = '';
  links = 1;
  madeMs: number;
  modifiedMs: number;
  changedMs: number;
  /** The error of opening or listing it, if there is one. */
  trouble: string | undefined;
  /** Bytes that cannot be read. */
  badRange: readonly [start: number, end: number] | undefined;

  constructor(kind: Kind, ino: number, nowMs: number) {
    this.kind = kind;
    this.ino = ino;
    this.madeMs = nowMs;
    this.modifiedMs = nowMs;
    this.changedMs = nowMs;
  }
}

/** An error as the system gives it. */
export function systemError(code: string, call: string, path: string): Error {
  const errno = -(ERRNOS[code] ?? 1);
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, errno, syscall: call, path });
}

const ERRNOS: Readonly<Record<string, number>> = {
  ENOENT: 2,
  EIO: 5,
  EACCES: 13,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ELOOP: 40,
  ESTALE: 116,
};

/** How the place of a mounted tree looks while it is not mounted. */
export type Unmounted = 'gone' | 'empty' | 'shut' | 'stale';

/** The only tree: everything below `TOP`. */
export const TOP = '/simulated';

const MOST_LINKS = 40;

/** The tree of one history. */
export class Tree {
  readonly #nowMs: () => number;
  #inodes = 1000;
  readonly #top: Node;
  /** The path that is a mount point, and how it looks without its file system. */
  mount: { readonly path: string; unmounted: Unmounted | undefined } | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#top = this.make('directory');
  }

  make(kind: Kind): Node {
    return new Node(kind, this.#inodes++, this.#nowMs());
  }

  /** Creates a directory, and those above it. */
  directory(path: string): Node {
    let at = this.#top;
    for (const part of partsOf(path)) {
      let next = at.entries.get(part);
      if (next === undefined) {
        next = this.make('directory');
        this.put(at, part, next);
      }
      at = next;
    }
    return at;
  }

  /** Gives a node a name, in place of another one. */
  put(directory: Node, name: string, node: Node): void {
    const before = directory.entries.get(name);
    if (before !== undefined) before.links--;
    directory.entries.set(name, node);
    this.#touch(directory);
  }

  link(path: string, node: Node): void {
    this.put(this.directory(parentOf(path)), nameOf(path), node);
  }

  remove(path: string): Node | undefined {
    const directory = this.find(parentOf(path));
    const node = directory?.entries.get(nameOf(path));
    if (directory === undefined || node === undefined) return undefined;
    directory.entries.delete(nameOf(path));
    node.links--;
    node.changedMs = this.#nowMs();
    this.#touch(directory);
    return node;
  }

  rename(from: string, to: string): void {
    const node = this.remove(from);
    if (node === undefined) return;
    node.links++;
    this.link(to, node);
  }

  /** Replaces a part of a file's content; `end` cuts it there. */
  write(file: Node, bytes: Uint8Array, at = file.bytes.length, end?: number): void {
    const size = end ?? Math.max(file.bytes.length, at + bytes.length);
    const next = Buffer.alloc(size);
    file.bytes.copy(next, 0, 0, Math.min(size, file.bytes.length));
    next.set(bytes, at);
    file.bytes = next;
    this.#touch(file);
  }

  /** The node of a path, for those who write: no links are followed, and nothing is in the way. */
  find(path: string): Node | undefined {
    let at: Node | undefined = this.#top;
    for (const part of partsOf(path)) at = at?.entries.get(part);
    return at;
  }

  /** The node that a reader finds. Throws the system's error. */
  look(path: string, call: string, followLast: boolean): { readonly node: Node; readonly real: string } {
    const rest = path
      .slice(TOP.length)
      .split('/')
      .filter((part) => part !== '')
      .reverse();
    let at = this.#top;
    let real = TOP;
    const above: { readonly node: Node; readonly real: string }[] = [];
    let links = 0;
    for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
      if (part === '.') continue;
      if (part === '..') {
        ({ node: at, real } = above.pop() ?? { node: this.#top, real: TOP });
        continue;
      }
      if (at.kind !== 'directory') throw systemError('ENOTDIR', call, path);
      const place = `${real}/${part}`;
      const hidden = this.mount?.path === place ? this.mount.unmounted : undefined;
      if (hidden === 'gone') throw systemError('ENOENT', call, path);
      if (hidden === 'stale') throw systemError('ESTALE', call, path);
      if (at.trouble === 'EACCES') throw systemError('EACCES', call, path);
      const next = hidden === undefined ? at.entries.get(part) : this.#hiddenAs(hidden);
      if (next === undefined) throw systemError('ENOENT', call, path);
      if (next.kind === 'link' && (rest.length > 0 || followLast)) {
        if (++links > MOST_LINKS) throw systemError('ELOOP', call, path);
        const target = next.target
          .split('/')
          .filter((each) => each !== '')
          .reverse();
        if (next.target.startsWith('/')) {
          if (!next.target.startsWith(TOP)) throw systemError('ENOENT', call, path);
          target.pop();
          at = this.#top;
          real = TOP;
          above.length = 0;
        }
        rest.push(...target);
        continue;
      }
      above.push({ node: at, real });
      at = next;
      real = place;
    }
    return { node: at, real };
  }

  #hiddenAs(how: Unmounted): Node {
    this.#hidden ??= new Node('directory', 2, this.#nowMs());
    this.#hidden.trouble = how === 'shut' ? 'EACCES' : undefined;
    return this.#hidden;
  }

  #hidden: Node | undefined;

  #touch(node: Node): void {
    node.modifiedMs = this.#nowMs();
    node.changedMs = node.modifiedMs;
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function partsOf(path: string): string[] {
  return path
    .slice(TOP.length)
    .split('/')
    .filter((part) => part !== '');
}
