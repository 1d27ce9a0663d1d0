/**
 * Small files that follow each other are made one: a run that is watched brings a few lines each second, and a file
 * for each of them would be thousands. What was stored last stays in memory while it is small; the next lines go into
 * one file with it, and the former file is removed when more comes: a listing meanwhile still finds it. A file takes
 * in others of about its size, so that a line is written again a few times only. After a crash both are there, which
 * changes nothing: a point is in as many files as it likes.
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

/** Pieces to be stored as one file, and the files whose content is in it. */
export interface JoinedPieces<Part extends GatheredPiece> {
  readonly pieces: readonly Part[];
  readonly absorbed: readonly string[];
}

/** Memory that all runs of a connection share for it; if none is left, files stay as they are. */
export class GatherRoom {
  left = 16 * 1024 * 1024;
}

/** So small files are taken in whatever the size of the new one. */
const SMALL_BYTES = 8 * 1024;

/** Keeps small files of exact points back until several of them make one. */
export class Gathered<Part extends GatheredPiece> {
  readonly #room: GatherRoom;
  readonly #mostBytes: number;
  /** Of each source, the files that may still be taken in; the last one is the newest. */
  readonly #kept = new Map<string, Kept<Part>[]>();
  readonly #obsolete: string[] = [];

  constructor(room: GatherRoom, mostBytes: number) {
    this.#room = room;
    this.#mostBytes = mostBytes;
  }

  /** Pieces of a source with those before them that are worth it; undefined if all of them are stored already. */
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

  /** What was joined is stored under a path. */
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

  /** Nothing more is taken in of what was stored of a source. */
  forget(source: string): void {
    for (const { bytes } of this.#kept.get(source) ?? []) this.#room.left += bytes;
    this.#kept.delete(source);
  }

  forgetAll(): void {
    for (const source of [...this.#kept.keys()]) this.forget(source);
  }

  /** Files whose content is in others by now, each once. */
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
