// A tree of the server, with the methods that a client may call; what the real one raises is raised.
import { encodedPart, int, keyOfPart, list, type Node, node, partOf, Raised, TYPES, text } from './wire.ts';

export class StubTree {
  readonly #root: Node;

  constructor(root: Node = node(TYPES.object)) {
    this.#root = root;
  }

  /** What it is now, whatever becomes of it. */
  copy(): StubTree {
    return new StubTree(copyOf(this.#root));
  }

  /** The node of a path; undefined where there is none. */
  get(path: readonly string[]): Node | undefined {
    let here: Node | undefined = this.#root;
    for (const key of path) here = here?.children.get(key);
    return here;
  }

  set(path: readonly string[], value: Node): void {
    const parent = this.#make(path.slice(0, -1));
    const key = path.at(-1);
    if (key === undefined || key === 's:') throw new Raised('ValueError', 'a part of a path is empty');
    parent.children.set(key, value);
  }

  call(method: string, args: readonly Node[]): Node {
    const path = [...(args[0]?.children.values() ?? [])].map(partKey);
    switch (method) {
      case '__setitem__':
        this.set(path, required(args[1]));
        return node(TYPES.null);
      case 'update':
        for (const pair of required(args[1]).children.values()) {
          const [key, value] = [...pair.children.values()];
          if (key === undefined || value === undefined) throw new Raised('ValueError', 'not enough values to unpack (expected 2)');
          this.set([...path, partKey(key)], value);
        }
        return node(TYPES.null);
      case 'make_array': {
        const there = this.#make(path);
        there.type = TYPES.array;
        return node(TYPES.null);
      }
      case '__delitem__':
        this.get(path.slice(0, -1))?.children.delete(path.at(-1) ?? '');
        return node(TYPES.null);
      case 'collect': {
        const found = this.get(path);
        if (found === undefined) throw new Raised('KeyError', `No key ${path.join('/')} is present.`);
        return found;
      }
      case 'items_eager':
        return list(sorted(this.get(path)).map(([key, child]) => list([keyNode(key), child])));
      case 'keys_eager': {
        const found = this.get(path);
        if (found?.type === TYPES.array) throw new Raised('IndexError', 'list index out of range');
        return list(sorted(found).map(([key]) => keyNode(key)));
      }
      case 'first_key': {
        const [first] = sorted(this.get(path));
        if (first === undefined && this.get(path) === undefined) throw new Raised('StopIteration', '');
        return first === undefined ? text('') : keyNode(first[0]);
      }
      default:
        throw new Raised('AttributeError', method);
    }
  }

  #make(path: readonly string[]): Node {
    let here = this.#root;
    for (const key of path) {
      if (key === 's:') throw new Raised('ValueError', 'a part of a path is empty');
      let next = here.children.get(key);
      if (next === undefined || (next.type !== TYPES.array && next.type !== TYPES.object && next.type !== TYPES.custom)) {
        next = node(TYPES.object);
        here.children.set(key, next);
      }
      here = next;
    }
    return here;
  }
}

function copyOf(here: Node): Node {
  return { ...here, children: new Map([...here.children].map(([key, child]) => [key, copyOf(child)])) };
}

function sorted(here: Node | undefined): [string, Node][] {
  return [...(here?.children ?? [])].sort(([a], [b]) => Buffer.compare(encodedPart(a), encodedPart(b)));
}

function keyNode(key: string): Node {
  const part = partOf(key);
  return typeof part === 'bigint' ? int(part) : text(part);
}

function partKey(leaf: Node): string {
  if (leaf.type === TYPES.int) return keyOfPart(leaf.body.readBigInt64LE());
  if (leaf.type === TYPES.string) return keyOfPart(leaf.body.toString());
  throw new Raised('TypeError', 'a part of a path is neither a text nor an integer');
}

function required(value: Node | undefined): Node {
  if (value === undefined) throw new Raised('TypeError', 'missing 1 required positional argument');
  return value;
}
