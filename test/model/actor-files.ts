// Event files as an actor leaves them, byte by byte, and what a mirror has to show of each in the end.
import * as w from '../support/event-writer.ts';
import { placeOf, pointText, type WrittenPoint } from './watched-tree.ts';

export interface ActorRecord {
  readonly bytes: Uint8Array;
  readonly points: readonly WrittenPoint[];
}

/** A file that is being written: pieces of it come with time. */
export interface Writing {
  /**
   * `cp` empties the file first, `scp` writes over what is there and cuts it in the end, `rsync` writes beside it and
   * takes its name.
   */
  readonly how: 'cp' | 'scp' | 'rsync';
  readonly records: readonly ActorRecord[];
  readonly bytes: Uint8Array;
  /** Where the bytes go. */
  readonly path: string;
  written: number;
}

/** One path below the root. It stays what it is when the file is gone: what was mirrored under it stays mirrored. */
export class ActorFile {
  run: string;
  readonly name: string;
  records: ActorRecord[] = [];
  torn: { readonly record: ActorRecord; written: number } | undefined;
  writing: Writing | undefined;
  /** Bytes that are flipped, by record. */
  readonly flips = new Map<ActorRecord, number>();
  isThere = true;
  /** Some bytes could not be read for a while: they are tried again by the clock. */
  wasFlipped = false;
  /** Nothing stands yet where more was mirrored: the mirror keeps what it had. */
  isCut = false;
  isHidden = false;
  /** All that was mirrored of it went elsewhere with it. */
  isLeft = false;
  /** Another name of the same file, which is read under one of them. */
  alias: string | undefined;
  /** Changed since all of it was seen in the mirror. */
  isDirty = true;
  /** Every point that stood here once, and those that the mirror was seen to have. */
  readonly ever = new Set<string>();
  seen: ReadonlySet<string> = new Set();

  constructor(run: string, name: string) {
    this.run = run;
    this.name = name;
  }

  get path(): string {
    return this.run === '.' ? this.name : `${this.run}/${this.name}`;
  }

  /** Where whole records end. */
  get end(): number {
    return this.records.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** All bytes, as they stand on the disk. */
  get bytes(): Uint8Array {
    const parts = this.records.map((record) => {
      const at = this.flips.get(record);
      if (at === undefined) return record.bytes;
      const bytes = record.bytes.slice();
      bytes[at]! ^= 0x40;
      return bytes;
    });
    if (this.torn !== undefined) parts.push(this.torn.record.bytes.subarray(0, this.torn.written));
    return w.concat(...parts);
  }

  /** The points of whole records, by tag, in their order. */
  points(records: readonly ActorRecord[] = this.records): { readonly tag: string; readonly text: string }[] {
    let offset = 0;
    return records.flatMap(({ bytes, points }) => {
      const at = offset;
      offset += bytes.length;
      return points.map((point) => ({ tag: point.tag, text: pointText(placeOf(this.run, this.name, at, point.index), point) }));
    });
  }

  /** To be called when the content is another one. */
  touched(records: readonly ActorRecord[] = this.records): void {
    this.isDirty = true;
    for (const { tag, text } of this.points(records)) this.ever.add(`${tag} ${text}`);
  }
}

/** Records that differ from all others, however much heads look alike. */
export class RecordMaker {
  #serial = 0;

  get next(): number {
    return ++this.#serial;
  }

  record(): ActorRecord {
    const n = this.next;
    const wallTime = 1000 + n / 8;
    const tags = n % 5 === 0 ? ['loss', 'acc', 'loss'] : ['loss', 'acc', 'lr'].slice(0, 1 + (n % 3));
    const points: WrittenPoint[] = tags.map((tag, index) => ({ tag, index, step: n, wallTime, value: n % 7 === 0 ? -0 : n / 4 + index }));
    const values = points.map(({ tag, value = 0 }) => w.simpleValue(tag, value));
    if (n % 4 === 0) {
      points.push({ tag: 'dist', index: points.length, step: n, wallTime, value: undefined });
      values.push(w.histo('dist', { min: 0, max: n, num: 2, sum: n, sumSquares: n, limits: [1, n + 2], counts: [1, 1] }));
    }
    return { bytes: w.frame(w.event({ wallTime, step: n, summary: values })), points };
  }

  /** A head, often the same as that of other files, and some records. */
  content(count: number, isHeadCommon: boolean): ActorRecord[] {
    const head = { bytes: w.frame(w.versionEvent(isHeadCommon ? 1 : this.next)), points: [] };
    return [head, ...Array.from({ length: count }, () => this.record())];
  }
}
