// What people and tools do to a file or a run in several steps, each of which a mirror may see: it is cut or copied
// over itself, and gets another name or another place meanwhile; and something new takes the old place at once.
import { closeSync, ftruncateSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { ActorFile, type ActorRecord } from './actor-files.ts';
import type { ActorTree } from './actor-tree.ts';

/** A move: each file with the one it becomes, and how it is done on the disk. */
interface Order {
  readonly said: string;
  readonly moved: readonly (readonly [from: ActorFile, to: ActorFile])[];
  readonly go: () => void;
  /** Runs that something new may lie in afterwards. */
  readonly left: readonly string[];
}

/**
 * Does one such thing to files that are mirrored as they are, and says what; undefined where there are none. `pause`:
 * between two steps.
 */
export async function doInOrder(tree: ActorTree, random: () => number, pause: () => Promise<void>): Promise<string | undefined> {
  const orders = [renaming, moving, swapping].map((make) => make(tree, random)).filter((order) => order !== undefined);
  const order = one(orders, random);
  if (order === undefined) return undefined;
  const { said, moved, go, left } = order;
  const isCutFirst = random() < 0.5;
  const writers = moved.flatMap(([from, to]) => (random() < 0.6 ? [new CopyOver(tree, from, to, random)] : []));
  if (isCutFirst) {
    for (const writer of writers) writer.begin(writer.from);
    if (writers.length > 0 && random() < 0.7) await pause();
  }
  for (const [from, to] of moved) tree.move(from, to);
  go();
  for (const [from] of moved) from.isLeft = true;
  const came = random() < 0.5 ? one(left, random) : undefined;
  const name = moved.find(([from]) => from.run === came && random() < 0.5)?.[0].name;
  if (came !== undefined) tree.createIn(came, name);
  if (!isCutFirst) {
    if (random() < 0.5) await pause();
    for (const writer of writers) writer.begin(writer.to);
  }
  if (random() < 0.7) await pause();
  for (const writer of writers) writer.end();
  for (const [, to] of moved) to.isCut = false;
  const over = writers.length === 0 ? '' : `, ${writers.length} copied over themselves ${isCutFirst ? 'before' : 'after'} it`;
  return `${said}${over}${came === undefined ? '' : `, something new in ${came}`}`;
}

/** A copy of the same records and one more over a file, of which a part is there for a while. */
class CopyOver {
  readonly from: ActorFile;
  readonly to: ActorFile;
  readonly #tree: ActorTree;
  readonly #records: readonly ActorRecord[];
  readonly #bytes: Uint8Array;
  readonly #part: number;
  #fd = -1;

  constructor(tree: ActorTree, from: ActorFile, to: ActorFile, random: () => number) {
    this.#tree = tree;
    this.from = from;
    this.to = to;
    this.#records = [...from.records, tree.record()];
    this.#bytes = Buffer.concat(this.#records.map(({ bytes }) => bytes));
    this.#part = random() < 0.3 ? 0 : Math.floor(random() * from.end);
  }

  begin(file: ActorFile): void {
    this.#fd = openSync(this.#tree.absolute(file.path), 'r+');
    ftruncateSync(this.#fd, 0);
    writeSync(this.#fd, this.#bytes, 0, this.#part, 0);
  }

  end(): void {
    writeSync(this.#fd, this.#bytes, this.#part, this.#bytes.length - this.#part, this.#part);
    closeSync(this.#fd);
    this.to.records = [...this.#records];
    this.to.touched();
  }
}

function renaming(tree: ActorTree, random: () => number): Order | undefined {
  const file = one([...tree.files.values()].filter(isSettled), random);
  if (file === undefined) return undefined;
  const to = new ActorFile(file.run, tree.nextName('renamed'));
  const go = (): void => renameSync(tree.absolute(file.path), tree.absolute(to.path));
  return { said: `rename ${file.path} to ${to.name}`, moved: [[file, to]], go, left: [] };
}

function moving(tree: ActorTree, random: () => number): Order | undefined {
  const run = one(settledRuns(tree), random);
  if (run === undefined) return undefined;
  const to = `${one(['', 'a/', 'old/'], random)}${tree.nextName('place')}`;
  const moved = withFiles(tree, run, to);
  const go = (): void => {
    mkdirSync(dirname(tree.absolute(to)), { recursive: true });
    renameSync(tree.absolute(run), tree.absolute(to));
  };
  return { said: `move the run ${run} to ${to}`, moved, go, left: [...new Set(moved.map(([from]) => from.run))] };
}

function swapping(tree: ActorTree, random: () => number): Order | undefined {
  const runs = settledRuns(tree);
  const run = one(runs, random);
  const other = one(
    runs.filter((each) => run !== undefined && !isWithin(each, run) && !isWithin(run, each)),
    random,
  );
  if (run === undefined || other === undefined) return undefined;
  const moved = [...withFiles(tree, run, other), ...withFiles(tree, other, run)];
  const go = (): void => {
    const [one, two, aside] = [tree.absolute(run), tree.absolute(other), `${tree.root}.aside`];
    renameSync(one, aside);
    renameSync(two, one);
    renameSync(aside, two);
  };
  return { said: `swap the runs ${run} and ${other}`, moved, go, left: [] };
}

/** The files of a run and of those below it, each with what it becomes. */
function withFiles(tree: ActorTree, run: string, to: string): (readonly [ActorFile, ActorFile])[] {
  const inside = [...tree.files.values()].filter((file) => isWithin(file.run, run) && file.isThere);
  return inside.map((file) => [file, new ActorFile(`${to}${file.run.slice(run.length)}`, file.name)]);
}

/** Runs of which all files that ever were are there, and mirrored as they are. */
function settledRuns(tree: ActorTree): string[] {
  const files = [...tree.files.values()];
  const runs = new Set(files.filter(({ run, isThere }) => isThere && run !== '.').map(({ run }) => run));
  const isEmpty = (file: ActorFile): boolean => !file.isThere && (file.isLeft || file.ever.size === 0);
  return [...runs].filter((run) => files.every((file) => !isWithin(file.run, run) || isEmpty(file) || isSettled(file)));
}

/** Two records with points are what a file is known by while the rest of it is not there. */
function isSettled(file: ActorFile): boolean {
  const { isThere, isDirty, writing, isHidden, wasFlipped, alias, torn, flips, seen, isCut } = file;
  const isPlain = isThere && !isDirty && !isHidden && !wasFlipped && !isCut && flips.size === 0;
  return isPlain && writing === undefined && alias === undefined && torn === undefined && seen.size > 0 && file.records.length > 2;
}

function isWithin(run: string, above: string): boolean {
  return run === above || run.startsWith(`${above}/`);
}

function one<T>(list: readonly T[], random: () => number): T | undefined {
  return list[Math.floor(random() * list.length)];
}
