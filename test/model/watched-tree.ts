// A small log tree whose every byte is known, and what a mirror of it has to hold.
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as w from '../support/event-writer.ts';

/** A point as the tree wrote it. */
export interface WrittenPoint {
  readonly tag: string;
  readonly index: number;
  readonly step: number;
  readonly wallTime: number;
  /** Undefined: a histogram. */
  readonly value: number | undefined;
}

interface WrittenRecord {
  readonly bytes: Uint8Array;
  readonly points: readonly WrittenPoint[];
}

/** Content of a file: whole records, some with a flipped byte, and the beginning of one more. */
interface Content {
  readonly records: WrittenRecord[];
  /** Bytes that are flipped, by record. */
  readonly flips: Map<WrittenRecord, number>;
  torn: { readonly record: WrittenRecord; written: number } | undefined;
}

interface TreeFile {
  readonly run: string;
  readonly name: string;
  content: Content;
  copy: Content | undefined;
  exists: boolean;
  /** Whether it was changed since all of it was read. */
  isUnread: boolean;
  /** Points, by tag and `pointText`, that a mirror has to hold since the file was last read, and those it may hold. */
  must: ReadonlySet<string>;
  may: ReadonlySet<string>;
  /** Every point the file ever held. */
  readonly ever: Set<string>;
}

/** One random step: `kind` picks what is done, the numbers (0 to 1) to what and how. */
export interface Action {
  readonly kind:
    | 'append'
    | 'tear'
    | 'finish'
    | 'corrupt'
    | 'heal'
    | 'truncate'
    | 'replace'
    | 'overwrite'
    | 'copy'
    | 'restore'
    | 'newFile'
    | 'lateFile'
    | 'newRun'
    | 'remove';
  readonly which: number;
  readonly how: number;
}

const RUNS = ['.', 'a', 'b/c'];
const TAGS = ['loss', 'acc', 'lr'];

export class WatchedTree {
  readonly root: string;
  readonly #files: TreeFile[] = [];
  #serial = 0;
  #late = 0;
  #runs = 1;
  /** Records that had a flipped byte once: whether the mirror has them depends on when it looked. */
  readonly #touched = new Set<WrittenRecord>();

  constructor(root: string) {
    this.root = root;
    mkdirSync(root, { recursive: true });
  }

  do({ kind, which, how }: Action): void {
    const there = this.#files.filter(({ exists }) => exists);
    const file = there[Math.floor(which * there.length)];
    if (kind === 'newRun') {
      if (this.#runs < RUNS.length) this.#create(RUNS[this.#runs++] as string, this.#nextName(), how);
      return;
    }
    if (kind === 'newFile' || file === undefined) {
      this.#create(RUNS[Math.floor(which * this.#runs)] as string, this.#nextName(), how);
      return;
    }
    if (kind === 'lateFile') {
      this.#create(file.run, `events.out.tfevents.0${String(500 - this.#late++).padStart(4, '0')}`, how);
      return;
    }
    this.#change(file, kind, how);
  }

  /** Every flipped byte is flipped back. */
  healAll(): void {
    for (const file of this.#files) {
      if (!file.exists || file.content.flips.size === 0) continue;
      file.content.flips.clear();
      this.#write(file, true);
    }
  }

  /** To be called when everything there is was read: only now it is promised. */
  wasRead(): void {
    for (const file of this.#files) {
      if (!file.exists) continue;
      const must = new Set<string>();
      const may = new Set<string>();
      for (const { record, tag, text } of this.#pointsOf(file)) {
        may.add(`${tag} ${text}`);
        if (!this.#touched.has(record)) must.add(`${tag} ${text}`);
      }
      Object.assign(file, { must, may, isUnread: false });
    }
  }

  /** What the mirror has to hold, and what it may hold, by tag and `pointText`, as of the last `wasRead`. */
  promised(
    isCut: (run: string, name: string) => boolean,
    isUndecided: (run: string, name: string) => boolean,
  ): { must: Set<string>; may: Set<string> } {
    return {
      // Behind a cut of a long file new records are seen once it is quiet.
      must: new Set(this.#files.flatMap(({ run, name, must }) => (isUndecided(run, name) ? [] : [...must]))),
      // Of a file that was cut the mirror keeps what it had.
      may: new Set(this.#files.flatMap(({ run, name, may, ever }) => [...may, ...(isCut(run, name) ? ever : [])])),
    };
  }

  /**
   * The points of the files that are there, in the order of names and offsets, by run and tag. Nothing may be flipped.
   */
  points(): Map<string, string[]> {
    const series = new Map<string, string[]>();
    const files = this.#files.filter(({ exists }) => exists).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const file of files) {
      for (const { tag, text } of this.#pointsOf(file)) {
        const key = JSON.stringify([file.run, tag]);
        const list = series.get(key) ?? [];
        list.push(text);
        series.set(key, list);
      }
    }
    return series;
  }

  /** Whether a file is there now; points of others stay as they were. */
  exists(run: string, name: string): boolean {
    return this.#files.some((file) => file.exists && file.run === run && file.name === name);
  }

  *#pointsOf({ run, name, content }: TreeFile): Generator<{ record: WrittenRecord; tag: string; text: string }> {
    let offset = 0;
    for (const record of content.records) {
      for (const point of record.points) {
        yield { record, tag: point.tag, text: pointText(placeOf(run, name, offset, point.index), point) };
      }
      offset += record.bytes.length;
    }
  }

  #change(file: TreeFile, kind: Exclude<Action['kind'], 'newFile' | 'lateFile' | 'newRun'>, how: number): void {
    const { content } = file;
    switch (kind) {
      case 'append': {
        const bytes: Uint8Array[] = [];
        if (content.torn !== undefined && how < 0.3) {
          // A writer cut the incomplete end off before it continued.
          truncateSync(this.#path(file), sizeOf(content.records));
          content.torn = undefined;
        }
        if (content.torn !== undefined) {
          bytes.push(content.torn.record.bytes.subarray(content.torn.written));
          content.records.push(content.torn.record);
          content.torn = undefined;
        }
        // Now and then more than there are marks for.
        for (let i = 0; i <= (how > 0.9 ? 70 : how * 4); i++) {
          const record = this.#record();
          content.records.push(record);
          bytes.push(record.bytes);
        }
        this.#append(file, w.concat(...bytes));
        return;
      }
      case 'tear': {
        if (content.torn === undefined) content.torn = { record: this.#record(), written: 0 };
        const { record, written } = content.torn;
        const more = Math.max(1, Math.floor((record.bytes.length - written - 1) * how));
        if (written + more >= record.bytes.length) return;
        content.torn.written += more;
        this.#append(file, record.bytes.subarray(written, written + more));
        return;
      }
      case 'finish': {
        if (content.torn === undefined) return;
        const { record, written } = content.torn;
        content.records.push(record);
        content.torn = undefined;
        this.#append(file, record.bytes.subarray(written));
        return;
      }
      case 'corrupt': {
        const record = content.records[Math.floor(how * content.records.length)];
        if (record === undefined || content.flips.has(record)) return;
        content.flips.set(record, Math.floor(((how * 7919) % 1) * record.bytes.length));
        this.#touched.add(record);
        this.#write(file, true);
        return;
      }
      case 'heal': {
        const record = [...content.flips.keys()][Math.floor(how * content.flips.size)];
        if (record === undefined) return;
        content.flips.delete(record);
        this.#write(file, true);
        return;
      }
      case 'truncate':
        this.#truncate(file, how);
        return;
      case 'replace':
      case 'overwrite':
        file.content = this.#content(how);
        this.#write(file, kind === 'overwrite');
        return;
      case 'copy':
        file.copy = copyOf(content);
        return;
      case 'restore':
        if (file.copy === undefined) return;
        file.content = copyOf(file.copy);
        this.#write(file, how < 0.5);
        return;
      case 'remove':
        rmSync(this.#path(file));
        file.exists = false;
        // What was changed and not read to its end may have been mirrored in any of its states.
        if (file.isUnread) Object.assign(file, { must: new Set(), may: file.ever });
        return;
      default:
        kind satisfies never;
    }
  }

  #truncate(file: TreeFile, how: number): void {
    const { content } = file;
    const at = Math.floor(how * sizeOf(content.records));
    let kept = 0;
    const records: WrittenRecord[] = [];
    let torn: Content['torn'];
    for (const record of content.records) {
      if (kept + record.bytes.length <= at) {
        records.push(record);
        kept += record.bytes.length;
        continue;
      }
      // Half of the time in the middle of a record, whose rest may come again.
      if (how * 10 - Math.floor(how * 10) < 0.5 && at > kept && !content.flips.has(record)) torn = { record, written: at - kept };
      break;
    }
    file.content = { records, torn, flips: new Map([...content.flips].filter(([record]) => records.includes(record))) };
    truncateSync(this.#path(file), kept + (torn?.written ?? 0));
    this.#touch(file);
  }

  #create(run: string, name: string, how: number): void {
    const file: TreeFile = {
      ...{ run, name, content: this.#content(how), copy: undefined, exists: true, isUnread: true },
      ...{ must: new Set(), may: new Set(), ever: new Set() },
    };
    const gone = this.#files.findIndex((known) => known.run === run && known.name === name);
    if (gone >= 0) this.#files.splice(gone, 1);
    this.#files.push(file);
    this.#write(file, true);
  }

  #content(how: number): Content {
    // Heads are often the same for many files: a guard must not be content with them.
    const head = { bytes: w.frame(w.versionEvent(how < 0.5 ? 1 : ++this.#serial)), points: [] };
    return { records: [head, ...Array.from({ length: Math.floor(how * 6) }, () => this.#record())], flips: new Map(), torn: undefined };
  }

  #record(): WrittenRecord {
    const n = ++this.#serial;
    const wallTime = 1000 + n / 8;
    const tags = n % 5 === 0 ? [...TAGS, 'loss'] : TAGS.slice(0, 1 + (n % 3));
    const points: WrittenPoint[] = tags.map((tag, index) => ({ tag, index, step: n, wallTime, value: n % 7 === 0 ? -0 : n / 4 + index }));
    const values = points.map(({ tag, value = 0 }) => w.simpleValue(tag, value));
    if (n % 4 === 0) {
      points.push({ tag: 'dist', index: points.length, step: n, wallTime, value: undefined });
      values.push(w.histo('dist', { min: 0, max: n, num: 2, sum: n, sumSquares: n, limits: [1, n + 2], counts: [1, 1] }));
    }
    return { bytes: w.frame(w.event({ wallTime, step: n, summary: values })), points };
  }

  #nextName(): string {
    return `events.out.tfevents.1${String(++this.#serial).padStart(4, '0')}`;
  }

  #path({ run, name }: TreeFile): string {
    return join(this.root, run, name);
  }

  /** Writes all of a file: in place, or to another one that takes its name. */
  #write(file: TreeFile, inPlace: boolean): void {
    const { records, flips, torn } = file.content;
    const parts = records.map((record) => {
      const at = flips.get(record);
      if (at === undefined) return record.bytes;
      const bytes = record.bytes.slice();
      bytes[at]! ^= 0x40;
      return bytes;
    });
    if (torn !== undefined) parts.push(torn.record.bytes.subarray(0, torn.written));
    const path = this.#path(file);
    mkdirSync(dirname(path), { recursive: true });
    if (inPlace) writeFileSync(path, w.concat(...parts), existsSync(path) ? { flag: 'r+' } : {});
    else {
      writeFileSync(join(dirname(path), 'moving'), w.concat(...parts));
      renameSync(join(dirname(path), 'moving'), path);
    }
    truncateSync(
      path,
      parts.reduce((sum, part) => sum + part.length, 0),
    );
    this.#touch(file);
  }

  #append(file: TreeFile, bytes: Uint8Array): void {
    appendFileSync(this.#path(file), bytes);
    this.#touch(file);
  }

  /** The system's clock may not move between two changes; theirs does. */
  #touch(file: TreeFile): void {
    const seconds = 1_600_000_000 + ++this.#serial;
    utimesSync(this.#path(file), seconds, seconds);
    file.isUnread = true;
    for (const { tag, text } of this.#pointsOf(file)) file.ever.add(`${tag} ${text}`);
  }
}

function copyOf({ records, flips, torn }: Content): Content {
  return { records: [...records], flips: new Map(flips), torn: torn && { ...torn } };
}

function sizeOf(records: readonly WrittenRecord[]): number {
  return records.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

export function placeOf(run: string, file: string, offset: number, index: number): string {
  return `${run} ${file} ${offset} ${index}`;
}

/** A point at its place; −0 is not 0. */
export function pointText(place: string, { step, wallTime, value }: Omit<WrittenPoint, 'tag' | 'index'>): string {
  return `${place} ${step} ${wallTime} ${value === undefined ? 'histogram' : Object.is(value, -0) ? '-0' : value}`;
}
