import { createHash } from 'node:crypto';
import { eachScalar, exactValue } from '../../backend-kit/index.ts';
import type { TrackerParcel } from '../../contract/index.ts';
import { type Blob, type Kind, kindOf, type Series } from '../../model/index.ts';
import { contentOfName } from './names.ts';
import { type Data, integers, type POINTS } from './table.ts';

/** The points of one kind that go into one file, row by row. */
export class Rows {
  readonly tag: string[] = [];
  readonly plugin: string[] = [];
  readonly dtype: (string | null)[] = [];
  readonly step: (number | bigint)[] = [];
  readonly wallTime: number[] = [];
  readonly value: (number | null)[] = [];
  readonly exact: (string | null)[] = [];
  readonly json: (string | null)[] = [];
  readonly media: (string | null)[] = [];
  readonly offset: number[] = [];
  readonly checksum: number[] = [];
  readonly index: number[] = [];

  get count(): number {
    return this.tag.length;
  }

  /** Returns a text for each row that identifies its point. */
  key(row: number): string {
    return pointKey(this.offset[row] as number, this.index[row] as number, this.checksum[row] as number, this.tag[row] as string);
  }

  /** Returns a hash of which points these are. The same points in the same order have the same hash. */
  content(): string {
    const numbers = new Map<string, number>();
    const tags = Uint32Array.from(this.tag, (tag) => {
      const number = numbers.get(tag) ?? numbers.size;
      numbers.set(tag, number);
      return number;
    });
    const hash = createHash('sha256').update(Float64Array.from(this.offset)).update(Uint32Array.from(this.checksum));
    const place = hash.update(Uint32Array.from(this.index)).update(tags).digest('hex');
    return contentOfName([place, ...numbers.keys()]);
  }

  /** Returns the rows whose points are not in a set of keys. */
  without(known: ReadonlySet<string>): Rows {
    const left = new Rows();
    const columns = Object.keys(left) as (keyof Rows)[];
    for (let row = 0; row < this.count; row++) {
      if (known.has(this.key(row))) continue;
      for (const column of columns) (left[column] as unknown[]).push((this[column] as unknown[])[row]);
    }
    return left;
  }

  columns(run: string, file: string): Data<typeof POINTS> {
    const { count, value } = this;
    return {
      run: new Array<string>(count).fill(run),
      tag: this.tag,
      step: integers(this.step),
      wall_time: this.wallTime,
      value,
      value_exact: this.exact,
      value_json: this.json,
      media: this.media,
      dtype: this.dtype,
      plugin: this.plugin,
      file: new Array<string>(count).fill(file),
      offset: integers(this.offset),
      index: this.index,
      checksum: BigInt64Array.from(this.checksum, BigInt),
    };
  }
}

/** Returns the text that identifies a point of an event file. */
export function pointKey(offset: number | bigint, index: number, checksum: number | bigint, tag: string): string {
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
  const rowsOf = (kind: Kind): Rows => {
    const rows = tables.get(kind) ?? new Rows();
    tables.set(kind, rows);
    return rows;
  };
  for (const { batch, series } of parcels) {
    const known = series.map(({ plugin }) => rowsOf.bind(undefined, kindOf(plugin)));
    const dtypes = series.map(dtypeOf);
    eachScalar(batch, (id, step, wallTime, value, offset, checksum, index) => {
      const { tag, plugin } = series[id] as Series;
      const rows = (known[id] as () => Rows)();
      rows.tag.push(tag);
      rows.plugin.push(plugin);
      rows.dtype.push(dtypes[id] as string | null);
      rows.step.push(step);
      rows.wallTime.push(wallTime);
      rows.value.push(Number(value));
      rows.exact.push(typeof value === 'bigint' ? String(value) : null);
      rows.json.push(null);
      rows.media.push(null);
      rows.offset.push(offset);
      rows.checksum.push(checksum);
      rows.index.push(index);
    });
    for (const point of batch.objects) {
      const { tag, plugin } = series[point.series] as Series;
      const { text, blobs } = exactValue(plugin, point);
      const names = blobs.map(mediaName);
      for (const [i, blob] of blobs.entries()) media.set(names[i] as string, blob);
      const rows = rowsOf(kindOf(plugin));
      rows.tag.push(tag);
      rows.plugin.push(plugin);
      rows.dtype.push(dtypes[point.series] as string | null);
      rows.step.push(point.step);
      rows.wallTime.push(point.wallTime);
      rows.value.push(null);
      rows.exact.push(null);
      rows.json.push(text);
      rows.media.push(names.length === 0 ? null : JSON.stringify([...new Set(names)]));
      rows.offset.push(point.offset);
      rows.checksum.push(point.checksum);
      rows.index.push(point.index);
    }
  }
  return { tables, media };
}

/** Returns the number type of a series' first value; null if it is no number or tensor. */
function dtypeOf({ form }: Series): string | null {
  if (form === 'simple_value') return 'float';
  return form.startsWith('tensor:') ? form.slice('tensor:'.length) : null;
}

/** Returns the name of a media file: its content's hash, and its format for programs that open it. */
function mediaName({ sha256, format }: Blob): string {
  return `${sha256}.${/^[a-z0-9]{1,10}$/.test(format) ? format : 'bin'}`;
}
