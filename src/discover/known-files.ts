import { inodeOf } from '../model/index.ts';
import { enlarged, roomFor } from './columns.ts';

/** A file of a root, and its place in the columns. */
export interface KnownPlace {
  readonly run: string;
  readonly name: string;
  readonly place: number;
}

/** A run with more files than this finds them with a map; the others compare names, which takes less memory. */
const FEW = 16;
/** The cells of a file: its size and the three numbers of its stamp, see `fileStamp`. */
const CELLS = 8;
/** A number takes two cells: the digits above the last nine, and those. */
const DIGITS = 9;
const LIMB = 1e9;
const MOST_IN_CELL = 2 ** 32 - 1;

/**
 * The files of one root, each with size, stamp and the last scan that saw it. A root may have a hundred thousand files
 * and more, so a file takes some numbers in columns, and its name, a text that it shares with the last scan.
 */
export class KnownFiles {
  /** Places by run. */
  readonly #runs = new Map<string, number[] | Map<string, number>>();
  readonly #names: string[] = [];
  /** Sizes and stamps, `CELLS` a file. */
  #cells = new Uint32Array();
  #seenIn = new Uint32Array();
  /** Stamps that are not three numbers of at most 19 digits: an empty one, that of a file before 1970. */
  readonly #others = new Map<number, string>();
  /** Places of files that are gone. */
  readonly #free: number[] = [];
  /** The cells of the file at hand. */
  readonly #now = new Uint32Array(CELLS);
  #size = 0;

  /** The number of files. */
  get size(): number {
    return this.#size;
  }

  find(run: string, name: string): number | undefined {
    const places = this.#runs.get(run);
    if (places === undefined) return undefined;
    return Array.isArray(places) ? places.find((place) => this.#names[place] === name) : places.get(name);
  }

  /** Adds a file that is not there yet. */
  add(run: string, name: string): number {
    const place = this.#free.pop() ?? this.#names.length;
    this.#names[place] = name;
    if (place >= this.#seenIn.length) {
      const room = roomFor(place + 1);
      this.#cells = enlarged(this.#cells, room * CELLS);
      this.#seenIn = enlarged(this.#seenIn, room);
    }
    this.#size++;
    const places = this.#runs.get(run);
    if (places === undefined) this.#runs.set(run, [place]);
    else if (!Array.isArray(places)) places.set(name, place);
    // `concat` takes only the memory that it needs; `push` would reserve more.
    else if (places.length < FEW) this.#runs.set(run, places.concat(place));
    else this.#runs.set(run, new Map(places.concat(place).map((one) => [this.#names[one] ?? '', one])));
    return place;
  }

  /** Sets what is known of a file. */
  set(place: number, { name, size, stamp }: { readonly name: string; readonly size: number; readonly stamp: string }, scan: number): void {
    this.sawAgain(place, name, scan);
    if (this.#read(size, stamp)) this.#others.delete(place);
    else this.#others.set(place, stamp);
    this.#cells.set(this.#now, place * CELLS);
  }

  /** Notes that a scan saw a file as it was. */
  sawAgain(place: number, name: string, scan: number): void {
    // The scan's text of the name is the one that stays in memory.
    this.#names[place] = name;
    this.#seenIn[place] = scan;
  }

  /** True if a file has this size and stamp. */
  is(place: number, size: number, stamp: string): boolean {
    const isOther = !this.#read(size, stamp);
    for (let at = 0, cell = place * CELLS; at < CELLS; at++, cell++) if (this.#cells[cell] !== this.#now[at]) return false;
    return this.#others.get(place) === (isOther ? stamp : undefined);
  }

  sizeOf(place: number): number {
    return numberAt(this.#cells, place * CELLS);
  }

  /** Returns the inode of a file as it is in its stamp. */
  inodeOf(place: number): string {
    const other = this.#others.get(place);
    if (other !== undefined) return inodeOf(other);
    const at = (place + 1) * CELLS - 2;
    const [high = 0, low = 0] = this.#cells.subarray(at, at + 2);
    return high === 0 ? String(low) : `${high}${String(low).padStart(DIGITS, '0')}`;
  }

  /** Returns the files that a scan did not see. */
  unseenIn(scan: number): KnownPlace[] {
    const unseen: KnownPlace[] = [];
    for (const [run, places] of this.#runs) {
      for (const place of places.values()) if (this.#seenIn[place] !== scan) unseen.push({ run, name: this.#names[place] ?? '', place });
    }
    return unseen;
  }

  /** Yields all files, run by run. */
  *all(): Generator<KnownPlace, void, void> {
    for (const [run, places] of this.#runs) for (const place of places.values()) yield { run, name: this.#names[place] ?? '', place };
  }

  delete({ run, name, place }: KnownPlace): void {
    const places = this.#runs.get(run);
    if (places === undefined) return;
    if (Array.isArray(places)) {
      const left = places.filter((one) => one !== place);
      if (left.length > 0) this.#runs.set(run, left);
      else this.#runs.delete(run);
    } else {
      places.delete(name);
      if (places.size === 0) this.#runs.delete(run);
    }
    this.#names[place] = '';
    this.#others.delete(place);
    this.#free.push(place);
    this.#size--;
  }

  /** Reads size and stamp into `#now`. Returns false if the stamp does not fit: then its cells are zero. */
  #read(size: number, stamp: string): boolean {
    const now = this.#now;
    now[0] = size / LIMB;
    now[1] = size % LIMB;
    const first = stamp.indexOf('.');
    const second = stamp.indexOf('.', first + 1);
    const fits =
      first > 0 &&
      second > 0 &&
      readNumber(stamp, 0, first, now, 2) &&
      readNumber(stamp, first + 1, second, now, 4) &&
      readNumber(stamp, second + 1, stamp.length, now, 6);
    if (!fits) now.fill(0, 2);
    return fits;
  }
}

function numberAt(cells: Uint32Array, at: number): number {
  return (cells[at] ?? 0) * LIMB + (cells[at + 1] ?? 0);
}

/** Reads a part of a text into two cells. Returns false if its digits could not be given back from them. */
function readNumber(text: string, from: number, to: number, cells: Uint32Array, at: number): boolean {
  const middle = Math.max(from, to - DIGITS);
  const high = digits(text, from, middle);
  const low = digits(text, middle, to);
  const hasZero = to - from > 1 && text.charCodeAt(from) === ZERO;
  if (from === to || hasZero || !(high <= MOST_IN_CELL) || Number.isNaN(low)) return false;
  cells[at] = high;
  cells[at + 1] = low;
  return true;
}

const ZERO = 48;

/** Returns the number that a part of a text is; NaN if something else than digits is in it. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}
