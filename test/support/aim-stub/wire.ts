// Packed trees, read and written apart from the product's own code: what both misunderstand in the same way would not
// be seen.

export type Part = string | bigint;

/** A node: a value with its type byte, or a container. */
export interface Node {
  type: number;
  body: Buffer;
  isBlob: boolean;
  /** By part, as text: `s:name`, `i:5`. */
  readonly children: Map<string, Node>;
}

export const TYPES = { null: 0, bool: 1, int: 2, float: 3, string: 4, bytes: 5, array: 6, object: 7, custom: 15 } as const;
const CUSTOM_NAMES = ['aim.text', 'aim.image', 'aim.audio', 'aim.distribution', 'aim.figure'];

/** An exception as the server's code raises it. */
export class Raised extends Error {
  readonly className: string;

  constructor(className: string, message: string) {
    super(message);
    this.className = className;
  }
}

export function node(type: number, body: Buffer = Buffer.alloc(0), isBlob = false): Node {
  return { type, body, isBlob, children: new Map() };
}

export const text = (value: string): Node => node(TYPES.string, Buffer.from(value));
export const nothing = (): Node => node(TYPES.null);
export function list(children: readonly Node[]): Node {
  const made = node(TYPES.array);
  for (const [i, child] of children.entries()) made.children.set(`i:${i}`, child);
  return made;
}
export function int(value: bigint): Node {
  const body = Buffer.alloc(8);
  body.writeBigInt64LE(value);
  return node(TYPES.int, body);
}
export function object(fields: Readonly<Record<string, Node>>): Node {
  const made = node(TYPES.object);
  for (const [name, child] of Object.entries(fields)) made.children.set(`s:${name}`, child);
  return made;
}

export function partOf(key: string): Part {
  return key.startsWith('i:') ? BigInt(key.slice(2)) : key.slice(2);
}

export function keyOfPart(part: Part): string {
  return typeof part === 'bigint' ? `i:${part}` : `s:${part}`;
}

export function decode(data: Buffer): Node {
  let root: Node | undefined;
  let at = 0;
  while (at < data.length) {
    const keyLength = data.readUInt32LE(at);
    const path = pathOf(data.subarray(at + 4, at + 4 + keyLength));
    const isBlob = data[at + 4 + keyLength] === 1;
    const length = data.readUInt32LE(at + 5 + keyLength);
    const value = data.subarray(at + 9 + keyLength, at + 9 + keyLength + length);
    if (value.length !== length || length < 1) throw new Raised('ValueError', 'a record is cut off');
    at += 9 + keyLength + length;
    const type = value[0]!;
    if (!Object.values(TYPES).includes(type as never)) throw new Raised('ValueError', `type ${type}`);
    const made = node(type, Buffer.from(value.subarray(1)), isBlob);
    if (type === TYPES.custom && !CUSTOM_NAMES.includes(made.body.toString())) throw new Raised('KeyError', made.body.toString());
    if (path.length === 0) {
      root = made;
      continue;
    }
    root ??= node(TYPES.object);
    let here = root;
    for (const key of path.slice(0, -1)) {
      let next = here.children.get(key);
      if (next === undefined) {
        // Only objects are implied by their children.
        next = node(TYPES.object);
        here.children.set(key, next);
      }
      here = next;
    }
    if (here.type !== TYPES.array && here.type !== TYPES.object && here.type !== TYPES.custom)
      throw new Raised('ValueError', 'a child of a value');
    here.children.set(path.at(-1)!, made);
  }
  if (root === undefined) throw new Raised('ValueError', 'empty');
  return root;
}

function pathOf(key: Buffer): string[] {
  const path: string[] = [];
  let at = 0;
  while (at < key.length) {
    if (key[at] === 0xfe) {
      if (key[at + 9] !== 0xfe) throw new Raised('ValueError', 'an integer part is not closed');
      path.push(`i:${key.readBigInt64BE(at + 1)}`);
      at += 10;
    } else {
      const end = key.indexOf(0xfe, at);
      if (end < 0) throw new Raised('ValueError', 'a part is not closed');
      path.push(`s:${new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(key.subarray(at, end))}`);
      at = end + 1;
    }
  }
  return path;
}

export function encode(root: Node): Buffer {
  const out: Buffer[] = [];
  const visit = (here: Node, key: Buffer): void => {
    if (here.type !== TYPES.object || here.children.size === 0 || key.length === 0) {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(key.length);
      const tail = Buffer.alloc(6);
      tail[0] = here.isBlob ? 1 : 0;
      tail.writeUInt32LE(here.body.length + 1, 1);
      tail[5] = here.type;
      out.push(head, key, tail, here.body);
    }
    for (const [part, child] of here.children) visit(child, Buffer.concat([key, encodedPart(part)]));
  };
  visit(root, Buffer.alloc(0));
  return Buffer.concat(out);
}

export function encodedPart(key: string): Buffer {
  if (key.startsWith('s:')) return Buffer.concat([Buffer.from(key.slice(2)), Buffer.from([0xfe])]);
  const bytes = Buffer.alloc(10, 0xfe);
  bytes.writeBigInt64BE(BigInt(key.slice(2)), 1);
  return bytes;
}

/** The value of a leaf as JavaScript has it. */
export function leafValue(leaf: Node | undefined): string | number | bigint | boolean | null | Buffer | undefined {
  switch (leaf?.type) {
    case TYPES.null:
      return null;
    case TYPES.bool:
      return leaf.body[0] === 1;
    case TYPES.int:
      return leaf.body.readBigInt64LE();
    case TYPES.float:
      return leaf.body.readDoubleLE();
    case TYPES.string:
      return leaf.body.toString();
    case TYPES.bytes:
      return leaf.body;
    default:
      return undefined;
  }
}
