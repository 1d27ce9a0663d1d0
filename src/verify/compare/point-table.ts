import type { PointValue, ValuePosition } from './difference.ts';
import { addHash, HASH_WORDS } from './point-hash.ts';
import type { PointSink } from './series-sums.ts';

const NOWHERE = -1;
/** Characters kept of a long value: the beginning is enough to tell values apart in a report; the hash decides. */
const SHOWN_CHARACTERS = 200;
const scratch = new Uint32Array(HASH_WORDS);

/** Points of a few series, in columns of some 60 bytes a point. */
export class PointTable implements PointSink {
  count = 0;
  #capacity = 1024;
  slot = new Uint32Array(this.#capacity);
  step = new Float64Array(this.#capacity);
  wallTime = new Float64Array(this.#capacity);
  value = new Float64Array(this.#capacity);
  /** Number in `#files`; -1 if the position is not known. */
  file = new Int32Array(this.#capacity);
  offset = new Float64Array(this.#capacity);
  index = new Uint32Array(this.#capacity);
  hash = new Uint32Array(this.#capacity * HASH_WORDS);
  readonly #wideSteps = new Map<number, bigint>();
  /** Values that are not plain numbers. */
  readonly #otherValues = new Map<number, bigint | string>();
  readonly #files: string[];
  #lastFile: string | undefined;
  #lastFileNumber = NOWHERE;

  /** Takes the names of files by number; tables that are compared share them. */
  constructor(files: string[]) {
    this.#files = files;
  }

  take(
    slot: number,
    step: number | bigint,
    wallTime: number,
    value: PointValue,
    file: string | undefined,
    offset: number | undefined,
    index: number | undefined,
  ): void {
    if (this.count === this.#capacity) this.#grow();
    const row = this.count++;
    this.slot[row] = slot;
    this.step[row] = Number(step);
    if (typeof step === 'bigint') this.#wideSteps.set(row, step);
    this.wallTime[row] = wallTime;
    if (typeof value === 'number') this.value[row] = value;
    else this.#otherValues.set(row, typeof value === 'string' ? shortened(value) : value);
    const hasPosition = file !== undefined && offset !== undefined;
    this.file[row] = hasPosition ? this.#fileNumber(file) : NOWHERE;
    this.offset[row] = offset ?? 0;
    this.index[row] = index ?? 0;
    scratch.fill(0);
    addHash(scratch, 0, step, wallTime, value);
    this.hash.set(scratch, row * HASH_WORDS);
  }

  /** Removes the last row. */
  dropLast(): void {
    this.count--;
    this.#wideSteps.delete(this.count);
    this.#otherValues.delete(this.count);
  }

  stepAt(row: number): number | bigint {
    return this.#wideSteps.get(row) ?? (this.step[row] as number);
  }

  valueAt(row: number): PointValue {
    return this.#otherValues.get(row) ?? (this.value[row] as number);
  }

  fileAt(row: number): string | undefined {
    return this.#files[this.file[row] as number];
  }

  positionAt(row: number): ValuePosition | undefined {
    const file = this.fileAt(row);
    return file === undefined ? undefined : { file, offset: this.offset[row] as number, index: this.index[row] as number };
  }

  hasSameContent(row: number, other: PointTable, otherRow: number): boolean {
    if (this.slot[row] !== other.slot[otherRow]) return false;
    for (let i = 0; i < HASH_WORDS; i++) {
      if (this.hash[row * HASH_WORDS + i] !== other.hash[otherRow * HASH_WORDS + i]) return false;
    }
    return true;
  }

  hasSamePosition(row: number, other: PointTable, otherRow: number): boolean {
    return (
      this.slot[row] === other.slot[otherRow] &&
      this.offset[row] === other.offset[otherRow] &&
      this.index[row] === other.index[otherRow] &&
      this.file[row] !== NOWHERE &&
      this.file[row] === other.file[otherRow]
    );
  }

  /**
   * Returns a number that rows of the same content share. Other rows practically never share it, and no harm is done
   * if they do.
   */
  contentKey(row: number): number {
    const at = row * HASH_WORDS;
    return (this.hash[at] as number) * 0x20_0000 + ((this.hash[at + 1] as number) >>> 11);
  }

  /** Returns a number that rows of the same position share; other rows may share it, too. */
  positionKey(row: number): number {
    return ((this.offset[row] as number) * 64 + ((this.index[row] as number) % 64)) * 61 + ((this.file[row] as number) % 61);
  }

  #fileNumber(file: string): number {
    if (file !== this.#lastFile) {
      this.#lastFile = file;
      this.#lastFileNumber = this.#files.indexOf(file);
      if (this.#lastFileNumber < 0) this.#lastFileNumber = this.#files.push(file) - 1;
    }
    return this.#lastFileNumber;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.slot = longer(this.slot, new Uint32Array(this.#capacity));
    this.step = longer(this.step, new Float64Array(this.#capacity));
    this.wallTime = longer(this.wallTime, new Float64Array(this.#capacity));
    this.value = longer(this.value, new Float64Array(this.#capacity));
    this.file = longer(this.file, new Int32Array(this.#capacity));
    this.offset = longer(this.offset, new Float64Array(this.#capacity));
    this.index = longer(this.index, new Uint32Array(this.#capacity));
    this.hash = longer(this.hash, new Uint32Array(this.#capacity * HASH_WORDS));
  }
}

/** Groups the rows of a table by their contents. `isWanted` selects rows; default: all. */
export function byContent(table: PointTable, isWanted: (row: number) => boolean = () => true): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (let row = 0; row < table.count; row++) {
    if (!isWanted(row)) continue;
    const key = table.contentKey(row);
    const known = rows.get(key);
    if (known === undefined) rows.set(key, [row]);
    else known.push(row);
  }
  return rows;
}

function longer<Column extends Float64Array | Uint32Array | Int32Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
