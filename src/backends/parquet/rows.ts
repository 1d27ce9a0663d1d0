import { createHash } from 'node:crypto';
import { eachScalar, exactValue } from '../../backend-kit/index.ts';
import type { TrackerParcel } from '../../contract/index.ts';
import { type Batch, type Blob, type Kind, kindOf, pointCount, type ScalarColumns, type Series } from '../../model/index.ts';
import { contentOfName } from './names.ts';
import { type Data, integers, type POINTS } from './table.ts';

/** The facts of a series that each of its rows repeats. */
type RowSeries = Pick<Series, 'tag' | 'plugin'> & { readonly dtype: string | null };

/** The points of one kind that go into one file, in columns: numbers in typed arrays, and what is rare in maps. */
export class Rows {
  count = 0;
  readonly series: RowSeries[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #of: Uint32Array;
  readonly #step: Float64Array;
  readonly #wallTime: Float64Array;
  readonly #value: Float64Array;
  readonly #offset: Float64Array;
  readonly #checksum: Int32Array;
  readonly #index: Int32Array;
  readonly #wideSteps = new Map<number, bigint>();
  readonly #json = new Map<number, string>();
  readonly #media = new Map<number, string>();
  /** Rows whose value is not a number. */
  readonly #others = new Set<number>();

  constructor(most: number) {
    this.#of = new Uint32Array(most);
    this.#step = new Float64Array(most);
    this.#wallTime = new Float64Array(most);
    this.#value = new Float64Array(most);
    this.#offset = new Float64Array(most);
    this.#checksum = new Int32Array(most);
    this.#index = new Int32Array(most);
  }

  /** Returns the number of a series in these rows. */
  numberOf({ tag, plugin, form }: Pick<Series, 'tag' | 'plugin' | 'form'>): number {
    const key = `${plugin}\n${tag}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.series.push({ tag, plugin, dtype: dtypeOf(form) }) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  addScalar(
    series: number,
    step: number | bigint,
    wallTime: number,
    value: number | bigint,
    offset: number,
    checksum: number,
    index: number,
  ): void {
    const row = this.count++;
    this.#of[row] = series;
    this.#step[row] = Number(step);
    if (typeof step === 'bigint') this.#wideSteps.set(row, step);
    this.#wallTime[row] = wallTime;
    this.#value[row] = Number(value);
    if (typeof value === 'bigint') this.#json.set(row, String(value));
    this.#offset[row] = offset;
    this.#checksum[row] = checksum;
    this.#index[row] = index;
  }

  /** Adds all scalars of a batch. `numbers`: the number of a series here, by its number in the batch. */
  addScalars(scalars: ScalarColumns, numbers: Uint32Array): void {
    const { count, series, wideSteps, wideValues } = scalars;
    const from = this.count;
    for (let i = 0; i < count; i++) this.#of[from + i] = numbers[series[i] as number] as number;
    this.#step.set(scalars.step.subarray(0, count), from);
    this.#wallTime.set(scalars.wallTime.subarray(0, count), from);
    this.#value.set(scalars.value.subarray(0, count), from);
    this.#offset.set(scalars.offset.subarray(0, count), from);
    this.#checksum.set(scalars.checksum.subarray(0, count), from);
    this.#index.set(scalars.index.subarray(0, count), from);
    for (const [row, step] of wideSteps) this.#wideSteps.set(from + row, step);
    for (const [row, value] of wideValues) {
      this.#value[from + row] = Number(value);
      this.#json.set(from + row, String(value));
    }
    this.count += count;
  }

  /** Adds a point that is not a scalar. `media`: the names of the files that its value needs. */
  addOther(
    series: number,
    { step, wallTime, offset, checksum, index }: TrackerParcel['batch']['objects'][number],
    json: string,
    media: readonly string[],
  ): void {
    const row = this.count;
    this.addScalar(series, step, wallTime, 0, offset, checksum, index);
    this.#others.add(row);
    this.#json.set(row, json);
    if (media.length > 0) this.#media.set(row, JSON.stringify([...new Set(media)]));
  }

  /** Returns a hash of which points these are. The same points in the same order have the same hash. */
  content(): string {
    const hash = createHash('sha256');
    for (const column of [this.#offset, this.#checksum, this.#index, this.#of]) hash.update(column.subarray(0, this.count));
    return contentOfName([hash.digest('hex'), ...this.series.map(({ tag }) => tag)]);
  }

  /** Returns the rows whose points are not in a set of keys. */
  without(known: ReadonlySet<string>): Rows {
    const left = new Rows(this.count);
    for (let row = 0; row < this.count; row++) {
      const series = this.series[this.#of[row] as number] as RowSeries;
      const [offset, index, checksum] = [this.#offset[row] as number, this.#index[row] as number, this.#checksum[row] as number];
      if (known.has(pointKey(offset, index, checksum, series.tag))) continue;
      const to = left.count;
      const number = left.#take(series);
      const step = this.#wideSteps.get(row) ?? (this.#step[row] as number);
      left.addScalar(number, step, this.#wallTime[row] as number, this.#value[row] as number, offset, checksum, index);
      if (this.#others.has(row)) left.#others.add(to);
      for (const [mine, theirs] of [
        [this.#json, left.#json],
        [this.#media, left.#media],
      ] as const) {
        const text = mine.get(row);
        if (text !== undefined) theirs.set(to, text);
      }
    }
    return left;
  }

  #take(series: RowSeries): number {
    const key = `${series.plugin}\n${series.tag}`;
    const number = this.#numbers.get(key) ?? this.series.push(series) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  columns(run: string, file: string): Data<typeof POINTS> {
    const { count, series } = this;
    const of = this.#of;
    const bySeries = <T>(values: readonly T[]): T[] => {
      const column = new Array<T>(count);
      for (let row = 0; row < count; row++) column[row] = values[of[row] as number] as T;
      return column;
    };
    const sparse = (texts: ReadonlyMap<number, string>): (string | null)[] => {
      const column = new Array<string | null>(count).fill(null);
      for (const [row, text] of texts) column[row] = text;
      return column;
    };
    const step = this.#step.subarray(0, count);
    const value = this.#value.subarray(0, count);
    return {
      run: new Array<string>(count).fill(run),
      tag: bySeries(series.map(({ tag }) => tag)),
      step: integers(this.#wideSteps.size === 0 ? step : Array.from(step, (each, row) => this.#wideSteps.get(row) ?? each)),
      wall_time: this.#wallTime.subarray(0, count),
      value: this.#others.size === 0 ? value : Array.from(value, (each, row) => (this.#others.has(row) ? null : each)),
      value_json: sparse(this.#json),
      media: sparse(this.#media),
      dtype: bySeries(series.map(({ dtype }) => dtype)),
      plugin: bySeries(series.map(({ plugin }) => plugin)),
      file: new Array<string>(count).fill(file),
      offset: integers(this.#offset.subarray(0, count)),
      index: this.#index.subarray(0, count),
      checksum: this.#checksum.subarray(0, count),
    };
  }
}

/** Returns the text that identifies a point of an event file. */
export function pointKey(offset: number | bigint, index: number, checksum: number, tag: string): string {
  return `${offset} ${index} ${checksum} ${tag}`;
}

/** The points of parcels of one event file, by kind, and the bytes that their values name. */
export interface PreparedPoints {
  readonly tables: ReadonlyMap<Kind, Rows>;
  /** Bytes by the names of their media files. */
  readonly media: ReadonlyMap<string, Blob>;
}

/** Turns parcels of one event file into rows. */
export function prepare(parcels: readonly TrackerParcel[]): PreparedPoints {
  const tables = new Map<Kind, Rows>();
  const media = new Map<string, Blob>();
  const points = parcels.reduce((sum, { batch }) => sum + pointCount(batch), 0);
  const rowsOf = (kind: Kind): Rows => {
    const rows = tables.get(kind) ?? new Rows(points);
    tables.set(kind, rows);
    return rows;
  };
  for (const { batch, series } of parcels) {
    const places = placesOf(batch, series, rowsOf);
    const [first] = places.rows;
    // Nearly all batches have scalars of one kind only: whole columns are copied.
    if (first !== undefined && places.rows.size === 1) first.addScalars(batch.scalars, places.numbers);
    else {
      eachScalar(batch, (id, step, wallTime, value, offset, checksum, index) => {
        const rows = rowsOf(kindOf((series[id] as Series).plugin));
        rows.addScalar(places.numbers[id] as number, step, wallTime, value, offset, checksum, index);
      });
    }
    for (const point of batch.objects) {
      const each = series[point.series] as Series;
      const rows = rowsOf(kindOf(each.plugin));
      const { text, blobs } = exactValue(each.plugin, point);
      for (const blob of blobs) media.set(mediaName(blob), blob);
      rows.addOther(rows.numberOf(each), point, text, blobs.map(mediaName));
    }
  }
  return { tables, media };
}

/** Returns the rows that the scalars of a batch go into, and the numbers of their series there. */
function placesOf({ scalars }: Batch, series: readonly Series[], rowsOf: (kind: Kind) => Rows) {
  const rows = new Set<Rows>();
  const numbers = new Uint32Array(series.length);
  const isKnown = new Uint8Array(series.length);
  for (let i = 0; i < scalars.count; i++) {
    const id = scalars.series[i] as number;
    if (isKnown[id] === 1) continue;
    isKnown[id] = 1;
    const each = series[id] as Series;
    const theirs = rowsOf(kindOf(each.plugin));
    rows.add(theirs);
    numbers[id] = theirs.numberOf(each);
  }
  return { rows, numbers };
}

/** Returns the number type of a series' first value; null if it is no number or tensor. */
function dtypeOf(form: string): string | null {
  if (form === 'simple_value') return 'float';
  return form.startsWith('tensor:') ? form.slice('tensor:'.length) : null;
}

/** Returns the name of a media file: its content's hash, and its format for programs that open it. */
function mediaName({ sha256, format }: Blob): string {
  return `${sha256}.${/^[a-z0-9]{1,10}$/.test(format) ? format : 'bin'}`;
}
