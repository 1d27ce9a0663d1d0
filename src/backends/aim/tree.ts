/**
 * The packed trees of Aim's protocol (`aim/storage/treeutils.py` and `aim/storage/encoding/encoding.pyx`): every
 * request's arguments, every frame and every answer is one. A record is a node: its path as key, whether it is a
 * blob, and its value with a type byte. Containers come before their children. Integers and floats are two types on
 * the wire, so they are two here: a `bigint` is an integer, a `number` a float.
 */

/** Bytes or a text that the server stores apart from their node. */
export class AimBlob {
  readonly data: Uint8Array | string;

  constructor(data: Uint8Array | string) {
    this.data = data;
  }
}

/** An object of a type that Aim knows by name: `aim.text`. */
export class Custom {
  readonly name: string;
  readonly fields: { readonly [key: string]: Tree };

  constructor(name: string, fields: { readonly [key: string]: Tree }) {
    this.name = name;
    this.fields = fields;
  }
}

/** A key of a tree: a name, or an integer. */
export type Key = string | bigint;

/** A value of Aim's storage (`aim/storage/treeutils`): bigint is an integer, number a float. */
export type Tree =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | AimBlob
  | Custom
  | readonly Tree[]
  | ReadonlyMap<Key, Tree>
  | TreeObject;
/** A tree whose keys are names. */
export interface TreeObject {
  readonly [key: string]: Tree;
}

/** The byte that ends a part of a path (`PATH_SENTINEL_CODE`); it never occurs in UTF-8. */
export const PART = 0xfe;

/** The first byte of a node's value (`aim/storage/encoding/encoding.pxd`). */
export const Type = { null: 0, bool: 1, int: 2, float: 3, string: 4, bytes: 5, array: 6, object: 7, custom: 15 } as const;

/** Writes packed trees, one after the other, into a buffer that grows. */
export class TreeWriter {
  #bytes = Buffer.allocUnsafe(16 * 1024);
  #at = 0;
  /** The key of the node that is being written. */
  #key = Buffer.allocUnsafe(1024);
  #keyLength = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** Returns what was written, and resets the writer. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  write(tree: Tree): void {
    if (tree === null) this.#record(Type.null, 0);
    else if (typeof tree === 'number') this.float(tree);
    else if (typeof tree === 'bigint') this.int(tree);
    else if (typeof tree === 'boolean') this.#bytes[this.#record(Type.bool, 1)] = tree ? 1 : 0;
    else if (typeof tree === 'string') this.#string(Type.string, tree, 0);
    else if (tree instanceof Uint8Array) this.#raw(tree, 0);
    else if (tree instanceof AimBlob) {
      if (typeof tree.data === 'string') this.#string(Type.string, tree.data, 1);
      else this.#raw(tree.data, 1);
    } else if (tree instanceof Custom) {
      this.#string(Type.custom, tree.name, 0);
      this.#fields(Object.entries(tree.fields));
    } else if (Array.isArray(tree)) {
      this.array();
      for (let i = 0; i < tree.length; i++) this.at(i, tree[i] as Tree);
    } else {
      const entries = tree instanceof Map ? [...(tree as ReadonlyMap<Key, Tree>)] : Object.entries(tree as TreeObject);
      // An object is implied by its children, except for the root and an empty one.
      if (entries.length === 0 || this.#keyLength === 0) this.#record(Type.object, 0);
      this.#fields(entries);
    }
  }

  /** Writes an array's own node; its children follow through `at`, or between `enter` and `leave`. */
  array(): void {
    this.#record(Type.array, 0);
  }

  int(value: bigint): void {
    const at = this.#record(Type.int, 8);
    this.#bytes.writeBigInt64LE(value, at);
  }

  float(value: number): void {
    const at = this.#record(Type.float, 8);
    this.#bytes.writeDoubleLE(value, at);
  }

  at(index: number, tree: Tree): void {
    this.enter(index);
    this.write(tree);
    this.leave(10);
  }

  /** Enters a child by its index; `leave(10)` leaves it. */
  enter(index: number): void {
    this.#roomForKey(10);
    const key = this.#key;
    const at = this.#keyLength;
    key[at] = PART;
    key.writeInt32BE(0, at + 1);
    key.writeUInt32BE(index, at + 5);
    key[at + 9] = PART;
    this.#keyLength = at + 10;
  }

  leave(bytes: number): void {
    this.#keyLength -= bytes;
  }

  #fields(entries: readonly (readonly [Key, Tree])[]): void {
    for (const [key, value] of entries) {
      const before = this.#keyLength;
      if (typeof key === 'bigint') {
        this.#roomForKey(10);
        this.#key[before] = PART;
        this.#key.writeBigInt64BE(key, before + 1);
        this.#key[before + 9] = PART;
        this.#keyLength = before + 10;
      } else {
        const length = Buffer.byteLength(key);
        this.#roomForKey(length + 1);
        this.#key.write(key, before);
        this.#key[before + length] = PART;
        this.#keyLength = before + length + 1;
      }
      this.write(value);
      this.#keyLength = before;
    }
  }

  #string(type: number, text: string, isBlob: 0 | 1): void {
    const length = Buffer.byteLength(text);
    const at = this.#record(type, length, isBlob);
    this.#bytes.write(text, at);
  }

  #raw(data: Uint8Array, isBlob: 0 | 1): void {
    const at = this.#record(Type.bytes, data.length, isBlob);
    this.#bytes.set(data, at);
  }

  /** Writes the head of a record. Returns the position of its body, for which there is room. */
  #record(type: number, bodyLength: number, isBlob: 0 | 1 = 0): number {
    const keyLength = this.#keyLength;
    const end = this.#at + 4 + keyLength + 1 + 4 + 1 + bodyLength;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes.writeUInt32LE(keyLength, at);
    at += 4;
    this.#key.copy(bytes, at, 0, keyLength);
    at += keyLength;
    bytes[at++] = isBlob;
    bytes.writeUInt32LE(bodyLength + 1, at);
    at += 4;
    bytes[at++] = type;
    this.#at = end;
    return at;
  }

  #grow(least: number): void {
    const bytes = Buffer.allocUnsafe(Math.max(least, this.#bytes.length * 2));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
  }

  #roomForKey(more: number): void {
    if (this.#keyLength + more <= this.#key.length) return;
    const key = Buffer.allocUnsafe((this.#keyLength + more) * 2);
    this.#key.copy(key, 0, 0, this.#keyLength);
    this.#key = key;
  }
}

/** Packs a tree for sending (`aim/storage/treeutils`, length-prefixed pairs). */
export function pack(tree: Tree): Buffer {
  const writer = new TreeWriter();
  writer.write(tree);
  return writer.take();
}

/** A container that is being read: its children come after it. */
interface Draft {
  readonly kind: 'array' | 'object' | 'custom';
  readonly name: string;
  readonly children: Map<Key, Draft | Leaf>;
}

interface Leaf {
  readonly kind: 'leaf';
  readonly value: Tree;
}

/** The deepest nesting: Aim's own trees are not deeper, and a walk over a tree may recurse. */
const MOST_PARTS = 64;
/** Memory that a node takes in addition to its bytes. */
const BYTES_PER_NODE = 200;

/**
 * Returns the memory that a packed tree needs after it is read, without building it. For bytes that are not valid,
 * the result is arbitrary.
 */
export function weighTree(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let nodes = 0;
  for (let at = 0; at + 4 <= buffer.length; nodes++) {
    const valueAt = at + 4 + buffer.readUInt32LE(at) + 5;
    if (valueAt > buffer.length) break;
    at = valueAt + buffer.readUInt32LE(valueAt - 4);
  }
  return buffer.length + nodes * BYTES_PER_NODE;
}

/** Reads a packed tree. Objects are Maps, since their keys may be integers. Throws if the bytes are not valid. */
export function unpack(bytes: Uint8Array): Tree {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let root: Draft | Leaf | undefined;
  for (let at = 0; at < buffer.length; ) {
    const keyLength = buffer.readUInt32LE(at);
    const key = buffer.subarray(at + 4, at + 4 + keyLength);
    const valueAt = at + 4 + keyLength + 5;
    const isBlob = buffer[valueAt - 5] === 1;
    const end = valueAt + buffer.readUInt32LE(valueAt - 4);
    if (end > buffer.length || end === valueAt) throw new RangeError('a packed tree is cut off');
    const node = nodeOf(buffer[valueAt] as number, buffer.subarray(valueAt + 1, end), isBlob);
    const path = pathOf(key);
    root = path.length === 0 ? node : placed(root ?? draft('object'), path, node);
    at = end;
  }
  if (root === undefined) throw new RangeError('a packed tree is empty');
  return finished(root);
}

function draft(kind: Draft['kind'], name = ''): Draft {
  return { kind, name, children: new Map() };
}

/** Puts a node at its path; objects on the way are implied. */
function placed(root: Draft | Leaf, path: readonly Key[], node: Draft | Leaf): Draft | Leaf {
  let here = root;
  for (const [i, part] of path.entries()) {
    if (here.kind === 'leaf') throw new RangeError('a packed tree has a child of a value');
    if (i === path.length - 1) {
      here.children.set(part, node);
      break;
    }
    let next = here.children.get(part);
    if (next === undefined) {
      next = draft('object');
      here.children.set(part, next);
    }
    here = next;
  }
  return root;
}

function nodeOf(type: number, body: Buffer, isBlob: boolean): Draft | Leaf {
  const leaf = (value: Tree): Leaf => ({ kind: 'leaf', value });
  switch (type) {
    case Type.null:
      return leaf(null);
    case Type.bool:
      return leaf(body[0] !== 0);
    case Type.int:
      return leaf(body.readBigInt64LE());
    case Type.float:
      return leaf(body.readDoubleLE());
    case Type.string:
      return leaf(isBlob ? new AimBlob(body.toString('utf8')) : body.toString('utf8'));
    case Type.bytes:
      return leaf(isBlob ? new AimBlob(body) : body);
    case Type.array:
      return draft('array');
    case Type.object:
      return draft('object');
    case Type.custom:
      return draft('custom', body.toString('utf8'));
    default:
      throw new RangeError(`a packed tree has a node of the type ${type}`);
  }
}

function pathOf(key: Buffer): Key[] {
  const path: Key[] = [];
  for (let at = 0; at < key.length; ) {
    if (key[at] === PART) {
      path.push(key.readBigInt64BE(at + 1));
      at += 10;
      if (path.length > MOST_PARTS) throw new RangeError(`a packed tree has more than ${MOST_PARTS} levels`);
      continue;
    }
    const end = key.indexOf(PART, at);
    path.push(key.toString('utf8', at, end < 0 ? key.length : end));
    at = (end < 0 ? key.length : end) + 1;
    if (path.length > MOST_PARTS) throw new RangeError(`a packed tree has more than ${MOST_PARTS} levels`);
  }
  return path;
}

function finished(node: Draft | Leaf): Tree {
  if (node.kind === 'leaf') return node.value;
  if (node.kind === 'array') return [...node.children.values()].map(finished);
  const children = new Map([...node.children].map(([key, child]) => [key, finished(child)] as const));
  if (node.kind === 'object') return children;
  return new Custom(node.name, Object.fromEntries([...children].map(([key, child]) => [String(key), child])));
}

/** Returns a child of an object that was read; undefined if there is none. */
export function childOf(tree: Tree | undefined, key: Key): Tree | undefined {
  return tree instanceof Map ? (tree as ReadonlyMap<Key, Tree>).get(key) : undefined;
}

/** Returns the entries of a tree that is a map; none for any other. */
export function entriesOf(tree: Tree | undefined): readonly (readonly [Key, Tree])[] {
  return tree instanceof Map ? [...(tree as ReadonlyMap<Key, Tree>)] : [];
}

/** Reads the answer of `items_eager`: pairs of key and value; undefined if it is something else. */
export function pairsOf(tree: Tree): ReadonlyMap<Key, Tree> | undefined {
  if (tree instanceof Map) return tree as ReadonlyMap<Key, Tree>;
  if (!Array.isArray(tree)) return undefined;
  const pairs = new Map<Key, Tree>();
  for (const pair of tree as readonly Tree[]) {
    const [key, value] = Array.isArray(pair) ? (pair as readonly Tree[]) : [];
    if (typeof key !== 'bigint' && typeof key !== 'string') return undefined;
    pairs.set(key, value ?? null);
  }
  return pairs;
}

/** Reads the answer of `keys_eager`; undefined if it is something else. */
export function keysOf(tree: Tree): readonly Key[] | undefined {
  if (!Array.isArray(tree)) return undefined;
  const keys = tree as readonly Tree[];
  return keys.every((key) => typeof key === 'bigint' || typeof key === 'string') ? keys : undefined;
}
