// What writers wrote: every record of every content, and what of it is on the disk now.
import { event, frame, maskedCrc, simpleValue, text, type WrittenValue } from '../../src/testing/events/index.ts';
import { ROOTS } from './roots.ts';
import type { Seeded } from './seeded.ts';
import type { Node, Tree } from './virtual-files.ts';

/** One value in a record. */
export interface WrittenPoint {
  readonly tag: string;
  readonly step: number;
  readonly wallTime: number;
  /** The number of a scalar; undefined for a text. */
  readonly value: number | undefined;
}

/** One record of a content. */
export interface WrittenRecord {
  readonly offset: number;
  readonly end: number;
  readonly checksum: number;
  readonly bytes: Uint8Array;
  readonly points: readonly WrittenPoint[];
}

/** What a file holds: its records in order. Some may not be whole yet, or damaged. */
export interface Content {
  readonly records: WrittenRecord[];
  /** Records whose bytes are damaged now. */
  readonly damaged: Set<WrittenRecord>;
  /** Bytes of records, and of anything between them, that are or will be in the file. */
  length: number;
  /** True if it is the only content that its file ever had, and nothing was done to it. */
  isPlain: boolean;
}

/** An event file, and where it is. */
export interface TreeFile {
  readonly root: string;
  readonly run: string;
  readonly name: string;
  readonly node: Node;
}

/** A content without records. */
export function emptyContent(isPlain = false): Content {
  return { records: [], damaged: new Set(), length: 0, isPlain };
}

export const LATE_TAG = 'late/text';
const TAGS = ['loss', 'acc', 'lr/a', 'lr/b', 'grad/norm'];
const STEPS = 5;

/** The records of one history. */
export class Truth {
  readonly #contents = new WeakMap<Node, Content>();
  /** Every point ever written, by the record's checksum. */
  readonly #written = new Map<number, WrittenRecord>();
  #values = 0;
  points = 0;
  /** True if a file lost the one record that told it from another file. */
  mayLookReplaced = false;

  content(file: Node): Content {
    const content = this.#contents.get(file) ?? emptyContent(true);
    this.#contents.set(file, content);
    return content;
  }

  /** Gives a file a content of its own. */
  use(file: Node, content: Content): void {
    this.#contents.set(file, content);
  }

  /** The record that writers wrote with this checksum. */
  written(checksum: number): WrittenRecord | undefined {
    return this.#written.get(checksum);
  }

  version(content: Content, wallSec: number): WrittenRecord {
    return this.#add(content, event({ wallTime: wallSec, fileVersion: 'brain.Event:2' }), []);
  }

  /** Makes the next record of a content; the caller writes its bytes. */
  record(content: Content, random: Seeded, wallSec: number, step: number): WrittenRecord {
    const points: WrittenPoint[] = [];
    const values: WrittenValue[] = [];
    const wallTime = wallSec + random.int(0, 999) / 1000;
    for (let left = random.int(1, 3); left > 0; left--) {
      const isText = random.chance(0.06);
      const tag = isText ? LATE_TAG : random.pick(TAGS);
      // Every value is another one, so that no point can be taken for another.
      const value = ++this.#values;
      points.push({ tag, step, wallTime, value: isText ? undefined : value });
      values.push(isText ? text(tag, [`text ${value}`]) : simpleValue(tag, value));
    }
    return this.#add(content, event({ wallTime, step, summary: values }), points);
  }

  /** Steps repeat, as they do after a restart. */
  step(random: Seeded, last: number): number {
    return random.chance(0.1) ? Math.max(0, last - random.int(0, STEPS)) : last + 1;
  }

  #add(content: Content, data: Uint8Array, points: readonly WrittenPoint[]): WrittenRecord {
    const bytes = frame(data);
    const record = { offset: content.length, end: content.length + bytes.length, checksum: maskedCrc(data), bytes, points };
    content.records.push(record);
    content.length = record.end;
    this.points += points.length;
    if (points.length > 0) this.#written.set(record.checksum, record);
    return record;
  }

  /** Records that can be read in a file now. */
  readable(file: Node): WrittenRecord[] {
    const { records, damaged } = this.content(file);
    return records.filter((record) => record.end <= file.bytes.length && !damaged.has(record));
  }

  /** The event files of all roots, by root, run and name. */
  *files(tree: Tree): Generator<TreeFile> {
    for (const { name, path } of ROOTS) yield* this.#below(name, tree.find(path));
  }

  *#below(root: string, top: Node | undefined): Generator<TreeFile> {
    if (top === undefined) return;
    const directories: [string, Node][] = [['', top]];
    for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
      const [path, directory] = next;
      for (const [name, node] of directory.entries) {
        if (node.kind === 'directory') directories.push([path === '' ? name : `${path}/${name}`, node]);
        else if (node.kind === 'file' && name.startsWith('events.out.tfevents')) yield { root, run: path === '' ? '.' : path, name, node };
      }
    }
  }
}

/** True if a point is the written one, to the last bit. */
export function isSame(
  written: WrittenPoint | undefined,
  { tag, step, wallTime, value }: { tag: string; step: number | bigint; wallTime: number; value: unknown },
): boolean {
  return (
    written !== undefined &&
    written.tag === tag &&
    Object.is(written.step, Number(step)) &&
    Object.is(written.wallTime, wallTime) &&
    (written.value === undefined || Object.is(written.value, value))
  );
}
