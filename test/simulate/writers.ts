// The programs that write event files, and what else happens to their files.

import type { WriterPlan } from './plan.ts';
import { pathOf, ROOTS, shown } from './roots.ts';
import { Seeded } from './seeded.ts';
import { emptyContent, type Truth, type WrittenRecord } from './truth.ts';
import { type Node, nameOf, parentOf, type Tree } from './virtual-files.ts';
import type { World } from './world.ts';

interface Surroundings {
  readonly world: World;
  readonly tree: Tree;
  readonly truth: Truth;
}

/** A file under its path, for those who do something to it. */
export interface Place {
  /** The path of its root. */
  readonly root: string;
  readonly path: string;
  readonly node: Node;
}

/** A program that writes as frameworks do: a version record first, then records in flushes that may come in pieces. */
export class Writer {
  readonly #plan: WriterPlan;
  readonly #in: Surroundings;
  readonly #random: Seeded;
  #file: Node | undefined;
  #step = 0;
  #files = 0;
  /** Bytes of the last flush that are still to come. */
  #rest: { readonly node: Node; readonly at: number; readonly bytes: Uint8Array } | undefined;

  constructor(plan: WriterPlan, surroundings: Surroundings) {
    this.#plan = plan;
    this.#in = surroundings;
    this.#random = new Seeded(`${surroundings.world.seed}/${plan.name}`);
  }

  begin(): void {
    const { world } = this.#in;
    world.at(this.#plan.beginsMs, () => this.#open());
    for (const atMs of this.#plan.flushesMs) world.at(atMs, () => this.#flush());
  }

  /** Writes what is still to come of the last flush. */
  finish(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    // A file that was cut meanwhile is another content: the rest of the old one never comes.
    if (rest !== undefined && rest.node.bytes.length === rest.at) this.#in.tree.write(rest.node, rest.bytes);
  }

  #open(): void {
    const { world, tree, truth } = this.#in;
    this.finish();
    const node = tree.make('file');
    const path = `${ROOTS[this.#plan.root ?? 0]!.path}/${this.#plan.run}/events.out.tfevents.${1_700_000_000 + this.#files}.${this.#plan.name.replace(' ', '')}.1.${this.#files++}`;
    tree.link(path, node);
    const record = truth.version(truth.content(node), Math.floor(world.wallMs / 1000));
    tree.write(node, record.bytes);
    this.#file = node;
    world.note(`${this.#plan.name} begins ${shown(path)}`);
  }

  #flush(): void {
    const { world, tree, truth } = this.#in;
    if (this.#random.chance(0.08) || this.#file === undefined) this.#open();
    const node = this.#file;
    if (node === undefined) return;
    this.finish();
    const content = truth.content(node);
    // Something else holds the file's place now, or cut it: the program writes on where it believes to be.
    if (content.length !== node.bytes.length) {
      this.#open();
      return;
    }
    const bytes: Uint8Array[] = [];
    const from = content.length;
    for (let left = this.#random.int(1, 4); left > 0; left--) {
      this.#step = truth.step(this.#random, this.#step);
      bytes.push(truth.record(content, this.#random, Math.floor(world.wallMs / 1000), this.#step).bytes);
    }
    const all = Buffer.concat(bytes);
    const cut = this.#random.chance(0.3) ? this.#random.int(1, all.length - 1) : all.length;
    tree.write(node, all.subarray(0, cut), from);
    world.note(`${this.#plan.name} writes ${cut} of ${all.length} bytes at ${from}`);
    if (cut === all.length) return;
    this.#rest = { node, at: from + cut, bytes: all.subarray(cut) };
    world.at(world.ageMs + this.#random.int(50, 8000), () => this.finish());
  }
}

/** All that may happen to files besides writing. */
export class Meddler {
  readonly #in: Surroundings;
  readonly #random: Seeded;
  #made = 0;
  readonly #unfinished = new Set<() => void>();
  /** Bytes that were damaged and are good again, by their places: a slow copy may be of the damaged ones. */
  readonly #repaired = new Map<Node, Map<number, number>>();

  constructor(surroundings: Surroundings) {
    this.#in = surroundings;
    this.#random = new Seeded(`${surroundings.world.seed}/meddler`);
  }

  /** Ends what was begun. */
  finish(): void {
    for (const work of this.#unfinished) work();
    this.#unfinished.clear();
  }

  /** A file that exists now. */
  pick(random: Seeded): Place | undefined {
    const { tree, truth } = this.#in;
    const all = [...truth.files(tree)].map(({ root, run, name, node }) => {
      const { path } = ROOTS.find((each) => each.name === root)!;
      return { root: path, path: pathOf(root, run, name), node };
    });
    return all.length === 0 ? undefined : random.pick(all);
  }

  /** Gives a name another content: in place, as a program that starts again does, or by renaming a file over it. */
  replace({ path, node }: Place, isInPlace: boolean): void {
    const { world, tree, truth } = this.#in;
    const content = emptyContent();
    const bytes = [truth.version(content, Math.floor(world.wallMs / 1000)).bytes];
    for (let step = 1; step <= this.#random.int(1, 5); step++) {
      bytes.push(truth.record(content, this.#random, Math.floor(world.wallMs / 1000), step).bytes);
    }
    world.note(`${shown(path)} gets another content, ${isInPlace ? 'in place' : 'by a rename'}`);
    if (isInPlace) {
      truth.use(node, content);
      tree.write(node, Buffer.concat(bytes), 0, content.length);
      return;
    }
    const next = tree.make('file');
    truth.use(next, content);
    tree.write(next, Buffer.concat(bytes));
    tree.link(path, next);
  }

  empty({ path, node }: Place): void {
    const { world, tree, truth } = this.#in;
    world.note(`${shown(path)} is emptied`);
    truth.use(node, emptyContent());
    tree.write(node, new Uint8Array(), 0, 0);
  }

  /** Writes the same bytes again, from the start, piece by piece, as copying over a file does. */
  copyOver({ path, node }: Place): void {
    const { world, tree, truth } = this.#in;
    const { bytes } = node;
    const content = truth.content(node);
    content.isPlain = false;
    world.note(`${shown(path)} is copied over, slowly`);
    const pieces = this.#random.int(2, 6);
    tree.write(node, bytes.subarray(0, 0), 0, 0);
    for (let i = 1; i <= pieces; i++) {
      const [from, to] = [Math.floor((bytes.length * (i - 1)) / pieces), Math.floor((bytes.length * i) / pieces)];
      world.at(world.ageMs + i * this.#random.int(100, 3000), () => {
        if (truth.content(node) === content && node.bytes.length === from) tree.write(node, this.#asNow(node, bytes, from, to), from);
      });
    }
    this.#unfinished.add(() => {
      if (truth.content(node) === content && node.bytes.length < bytes.length) tree.write(node, this.#asNow(node, bytes, 0), 0);
    });
  }

  /** Returns bytes of a former content, without the damage that was repaired since. */
  #asNow(node: Node, bytes: Uint8Array, from: number, to = bytes.length): Uint8Array {
    const now = bytes.slice(from, to);
    for (const [at, good] of this.#repaired.get(node) ?? []) if (at >= from && at < to) now[at - from] = good;
    return now;
  }

  remove({ path }: Place): void {
    this.#in.world.note(`${shown(path)} is removed`);
    this.#in.tree.remove(path);
  }

  /** Changes a byte of a record, and brings it back later. */
  damage({ path, node }: Place, forMs: number): void {
    const { world, tree, truth } = this.#in;
    const content = truth.content(node);
    const record: WrittenRecord | undefined = truth.readable(node).at(-1);
    if (record === undefined || record.points.length === 0) return;
    const at = record.offset + this.#random.int(0, record.bytes.length - 1);
    const good = node.bytes[at]!;
    world.note(`byte ${at} of ${shown(path)} is damaged`);
    tree.write(node, Uint8Array.of(good ^ 0x55), at);
    this.#repaired.get(node)?.delete(at);
    const isOnly = truth.readable(node).filter(({ points }) => points.length > 0).length === 1;
    content.damaged.add(record);
    content.isPlain = false;
    truth.mayLookReplaced ||= isOnly;
    world.at(world.ageMs + forMs, () => {
      if (truth.content(node) !== content) return;
      world.note(`byte ${at} of ${shown(path)} is as it was`);
      // In a file that is being copied over, it comes with the copy.
      if (node.bytes.length > at) tree.write(node, Uint8Array.of(good), at);
      this.#repaired.set(node, (this.#repaired.get(node) ?? new Map()).set(at, good));
      content.damaged.delete(record);
    });
  }

  /** A writer crashes within a record. Another one may go on behind it in the same file. */
  tear({ path, node }: Place, goesOn: boolean): void {
    const { world, tree, truth } = this.#in;
    const content = truth.content(node);
    if (content.length !== node.bytes.length) return;
    content.isPlain = false;
    const torn = truth.record(emptyContent(), this.#random, 1, 1).bytes;
    const kept = torn.subarray(0, this.#random.int(1, torn.length - 1));
    world.note(`a writer crashes within a record of ${shown(path)}${goesOn ? ', and another goes on behind it' : ''}`);
    const parts: Uint8Array[] = [kept];
    content.length += kept.length;
    if (goesOn) {
      for (let step = 1; step <= this.#random.int(1, 4); step++) {
        parts.push(truth.record(content, this.#random, Math.floor(world.wallMs / 1000), step).bytes);
      }
    }
    tree.write(node, Buffer.concat(parts));
  }

  /** Somebody empties a file, gives it another name, and then another file that name. */
  exchange(place: Place, forMs: number): void {
    const { world, tree } = this.#in;
    const path = `${place.path}.renamed`;
    this.empty(place);
    tree.rename(place.path, path);
    world.note(`${shown(place.path)} gets another name`);
    world.at(world.ageMs + forMs, () => {
      if (tree.find(path) === place.node) this.replace({ ...place, path }, false);
    });
  }

  /** Two runs change places, as with `mv a aside; mv b a; mv aside b`. */
  swapRuns({ root, path }: Place, random: Seeded): void {
    const { tree, truth, world } = this.#in;
    const one = parentOf(path);
    const others = [...truth.files(tree)].flatMap((file) => {
      const other = parentOf(pathOf(file.root, file.run, file.name));
      return other === one || ROOTS.some((each) => each.path === other) || isBelow(one, other) || isBelow(other, one) ? [] : [other];
    });
    if (one === root || others.length === 0) return;
    const other = random.pick([...new Set(others)]);
    world.note(`${shown(one)} and ${shown(other)} change places`);
    const aside = `${root}/aside ${++this.#made}`;
    tree.rename(one, aside);
    tree.rename(other, one);
    tree.rename(aside, other);
  }

  renameRun({ root, path }: Place): void {
    const from = parentOf(path);
    if (from === root) return;
    const to = `${root}/renamed ${++this.#made}`;
    this.#in.world.note(`${shown(from)} is renamed to ${shown(to)}`);
    this.#in.tree.rename(from, to);
  }

  /** A second name for a run, as `latest` is, or for a file. */
  link({ root, path, node }: Place): void {
    const { world, tree } = this.#in;
    if (this.#random.chance(0.5) && parentOf(path) !== root) {
      const link = tree.make('link');
      link.target = parentOf(path);
      tree.link(`${root}/latest`, link);
      world.note(`latest leads to ${shown(parentOf(path))}`);
      return;
    }
    const link = tree.make('link');
    link.target = nameOf(path);
    tree.link(`${parentOf(path)}/events.out.tfevents.2.other.name`, link);
    world.note(`${shown(path)} gets a link next to it (${node.ino})`);
  }

  /** A program copies a file under a temporary name first, then gives it its own. */
  temporaryName(place: Place): void {
    const { world, tree, truth } = this.#in;
    const { path, node } = place;
    const content = truth.content(node);
    if (content.length !== node.bytes.length) return;
    const name = `${parentOf(path)}/.${nameOf(path)}.Ab3dEf`;
    const copy = tree.make('file');
    truth.use(copy, { ...content, records: [...content.records], damaged: new Set(content.damaged), isPlain: false });
    tree.write(copy, node.bytes);
    tree.link(name, copy);
    world.note(`${shown(path)} is copied under a temporary name`);
    world.at(world.ageMs + this.#random.int(500, 9000), () => {
      if (tree.find(name) !== copy) return;
      // The program that wrote the first file ends with it.
      if (truth.content(node).length === copy.bytes.length && tree.find(path) === node) tree.rename(name, path);
      else tree.remove(name);
    });
  }
}

function isBelow(path: string, above: string): boolean {
  return path.startsWith(`${above}/`);
}
