/**
 * A piece of a small file. Small files that follow each other become one: a watched run brings a few lines each
 * second, and a file for each would make thousands. The file that was stored last stays in memory while it is small,
 * and the next lines go into one file with it. mirrorboard removes the former file only when more lines come, so that
 * a listing meanwhile still finds it. A file takes in only others of about its size, so each line is written only a
 * few times. After a crash both files are there, which does no harm: a point may be in several files.
 */
export interface GatheredPiece {
  readonly offset: number;
  readonly index: number;
  readonly text: string;
}

interface Kept<Part extends GatheredPiece> {
  readonly path: string;
  readonly pieces: readonly Part[];
  readonly bytes: number;
}

/** Pieces to store as one file, and the older files whose content is in it. */
export interface JoinedPieces<Part extends GatheredPiece> {
  readonly pieces: readonly Part[];
  readonly absorbed: readonly string[];
}

/** Bytes of memory that all runs of a connection share for joined files. If none is left, files stay as they are. */
export class GatherRoom {
  left = 16 * 1024 * 1024;
}

/** Files up to this size are taken in by a new one of any size. */
const SMALL_BYTES = 8 * 1024;

/** The small files of exact points that newer ones may still take in. */
export class Gathered<Part extends GatheredPiece> {
  readonly #room: GatherRoom;
  readonly #mostBytes: number;
  /** The files of each source that a new one may still take in; the last one is the newest. */
  readonly #kept = new Map<string, Kept<Part>[]>();
  readonly #obsolete: string[] = [];

  constructor(room: GatherRoom, mostBytes: number) {
    this.#room = room;
    this.#mostBytes = mostBytes;
  }

  /**
   * Joins new pieces of a source with the files before them that are small enough. Returns undefined if all pieces
   * are stored already.
   */
  join(source: string, fresh: readonly Part[]): JoinedPieces<Part> | undefined {
    const list = this.#kept.get(source) ?? [];
    const last = list.at(-1);
    const first = fresh[0];
    if (first === undefined) return undefined;
    if (last !== undefined && !isBehind(first, last.pieces.at(-1))) {
      const known = new Set(last.pieces.map(({ text }) => text));
      if (fresh.every(({ text }) => known.has(text))) return undefined;
      // The file was written again, or another part of it comes again.
      this.forget(source);
      return { pieces: fresh, absorbed: [] };
    }
    let bytes = bytesOf(fresh);
    let from = list.length;
    for (let before = list[from - 1]; before !== undefined; before = list[from - 1]) {
      const isWorthIt = before.bytes <= Math.max(SMALL_BYTES, 2 * bytes);
      if (!isWorthIt || bytes + before.bytes > this.#mostBytes) break;
      bytes += before.bytes;
      from--;
    }
    const taken = list.slice(from);
    return { pieces: [...taken.flatMap(({ pieces }) => pieces), ...fresh], absorbed: taken.map(({ path }) => path) };
  }

  /** Notes that joined pieces are stored under a path. */
  stored(source: string, path: string, { pieces, absorbed }: JoinedPieces<Part>): void {
    const list = this.#kept.get(source) ?? [];
    const rest = list.filter((kept) => !absorbed.includes(kept.path));
    for (const kept of list) if (absorbed.includes(kept.path)) this.#room.left += kept.bytes;
    for (const old of absorbed) if (old !== path) this.#obsolete.push(old);
    const bytes = bytesOf(pieces);
    this.#kept.set(source, rest);
    if (bytes >= this.#mostBytes || bytes > this.#room.left) {
      this.forget(source);
      return;
    }
    this.#room.left -= bytes;
    rest.push({ path, pieces, bytes });
  }

  /** Forgets the stored files of a source: newer ones do not take them in. */
  forget(source: string): void {
    for (const { bytes } of this.#kept.get(source) ?? []) this.#room.left += bytes;
    this.#kept.delete(source);
  }

  forgetAll(): void {
    for (const source of [...this.#kept.keys()]) this.forget(source);
  }

  /** Returns the files whose content is in others by now, each once. */
  takeObsolete(): readonly string[] {
    return this.#obsolete.splice(0);
  }
}

function isBehind(first: GatheredPiece, last: GatheredPiece | undefined): boolean {
  return last === undefined || first.offset > last.offset || (first.offset === last.offset && first.index > last.index);
}

function bytesOf(pieces: readonly GatheredPiece[]): number {
  return pieces.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
}
