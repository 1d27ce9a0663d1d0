/**
 * Maps parcels to lines of the history: a record becomes a row with all its values (or several rows, if it has a tag
 * twice or is very long). A row is a pure function of the record, except for its number at the end: the same record
 * always gives the same text, on every machine.
 */

import type { TrackerParcel } from '../../contract/index.ts';
import { type Mark, sha256Of } from '../../model/index.ts';
import { type RowKeys, STEP_KEY } from './keys.ts';
import { LINE_LENGTH, VALUE_BYTES } from './limits.ts';
import { mapObject, type RunFile } from './map.ts';
import { numberText } from './numbers.ts';

/** The key of the exact form of a row's other values, as a JSON text. */
export const EXACT_KEY = 'mirrorboard/exact';
/** The key of events without a value: no chart shows them, but mirrorboard keeps them. */
export const MARK_KEY = 'mirrorboard/mark';

/** A value of a row that is not a plain number, from which the point can be restored. */
export type ExactEntry = readonly [
  key: string,
  tag: string,
  plugin: string,
  file: string,
  offset: number,
  index: number,
  value: string | { readonly file: string },
  needed: readonly (readonly [path: string, bytes: number])[],
];

/** The rows of a parcel. */
export interface BuiltRows {
  /** Rows without their number and the last brace. */
  readonly rows: readonly string[];
  /** The offset of each row's record. */
  readonly offsets: readonly number[];
  readonly files: ReadonlyMap<string, RunFile>;
  /** The files that each point needs. */
  readonly needs: readonly { readonly offset: number; readonly index: number; readonly path: string }[];
  /** The last value of each key. */
  readonly summary: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
  readonly hasFailed: boolean;
}

/** Returns the complete line of a row, with its number. */
export function lineOf(row: string, number: number): string {
  return `${row},"_step":${number}}`;
}

/** Turns a parcel into rows. `startedAt`: the start of `_runtime`, in seconds. */
export function buildRows(parcel: TrackerParcel, keys: RowKeys, startedAt: number): BuiltRows {
  const builder = new RowBuilder(parcel, keys, startedAt);
  const { scalars, objects, marks } = parcel.batch;
  let [object, mark, row] = [0, 0, 0];
  const at = (position: { readonly offset: number } | undefined): number => position?.offset ?? Infinity;
  for (;;) {
    const next = row < scalars.count ? (scalars.offset[row] as number) : Infinity;
    const offset = Math.min(next, at(objects[object]), at(marks[mark]));
    if (offset === Infinity) break;
    while (row < scalars.count && scalars.offset[row] === offset) builder.scalar(row++);
    for (let point = objects[object]; point !== undefined && point.offset === offset; point = objects[++object]) builder.object(point);
    for (let point = marks[mark]; point !== undefined && point.offset === offset; point = marks[++mark]) builder.mark(point);
    builder.endRecord();
  }
  return builder.finish();
}

class RowBuilder implements BuiltRows {
  readonly rows: string[] = [];
  readonly offsets: number[] = [];
  readonly files = new Map<string, RunFile>();
  readonly needs: { offset: number; index: number; path: string }[] = [];
  readonly summary = new Map<string, string>();
  readonly params = new Map<string, string>();
  hasFailed = false;
  readonly #parcel: TrackerParcel;
  readonly #keys: RowKeys;
  readonly #startedAt: number;
  /** By series: its key as JSON with the colon, its last row, its last value. */
  readonly #keyTexts: (string | undefined)[] = [];
  readonly #lastRow: (number | undefined)[] = [];
  readonly #lastText: (string | undefined)[] = [];
  /** The row that is being built; empty if there is none. */
  #row = '';
  #exact: ExactEntry[] = [];
  #tail = '';

  constructor(parcel: TrackerParcel, keys: RowKeys, startedAt: number) {
    this.#parcel = parcel;
    this.#keys = keys;
    this.#startedAt = startedAt;
  }

  scalar(row: number): void {
    const { scalars } = this.#parcel.batch;
    const series = scalars.series[row] as number;
    if (this.#row === '' || this.#isTaken(series)) {
      this.#begin(
        scalars.wideSteps.get(row) ?? (scalars.step[row] as number),
        scalars.wallTime[row] as number,
        scalars.offset[row] as number,
      );
    }
    const value = scalars.value[row] as number;
    const wide = scalars.wideValues.size > 0 ? scalars.wideValues.get(row) : undefined;
    const text = wide === undefined ? numberText(value) : String(wide);
    this.#put(series, text);
    // The official sync, or a service that only keeps doubles, changes some numbers: these are also stored exactly.
    if (wide !== undefined || text === '-0.0') {
      const { tag } = this.#series(series);
      const [offset, index] = [scalars.offset[row] as number, scalars.index[row] as number];
      this.#exact.push([this.#keys.keyOf(tag), tag, 'scalars', this.#parcel.file, offset, index, text, []]);
    }
  }

  object(point: TrackerParcel['batch']['objects'][number]): void {
    const { series, step, wallTime, offset, index } = point;
    const { tag, plugin } = this.#series(series);
    const mapped = mapObject(tag, plugin, point);
    if (this.#row === '' || this.#isTaken(series)) this.#begin(step, wallTime, offset);
    const key = mapped.shown === undefined ? '' : this.#keys.keyOf(tag);
    if (mapped.shown !== undefined) this.#put(series, mapped.shown);
    else this.#lastRow[series] = this.rows.length;
    this.#exact.push([key, tag, plugin, this.#parcel.file, offset, index, mapped.exact, mapped.needed]);
    for (const file of mapped.files) this.files.set(file.path, file);
    for (const [path] of mapped.needed) this.needs.push({ offset, index, path });
    const folder = this.#parcel.file.slice(0, this.#parcel.file.lastIndexOf('/') + 1);
    for (const { name, value } of mapped.params) this.params.set(folder + name, value);
    this.hasFailed ||= mapped.status === 'STATUS_FAILURE';
  }

  mark({ kind, step, wallTime, offset, payload }: Mark): void {
    if (kind === 'empty') return;
    if (this.#row === '') this.#begin(step, wallTime, offset);
    let content: object = { base64: Buffer.from(payload).toString('base64') };
    if (payload.length > VALUE_BYTES || kind === 'meta_graph_def') {
      const path = `mirrorboard/graphs/${sha256Of(payload).slice(0, 20)}.pb`;
      this.files.set(path, { path, data: payload, isMedia: false });
      content = { file: path };
    }
    this.#row += `${JSON.stringify(MARK_KEY)}:${JSON.stringify(JSON.stringify({ kind, ...content }))},`;
  }

  endRecord(): void {
    this.#end();
  }

  /** Notes the last value of each key, and returns the rows. */
  finish(): BuiltRows {
    for (const [series, text] of this.#lastText.entries()) {
      if (text !== undefined) this.summary.set(this.#keys.keyOf(this.#series(series).tag), text);
    }
    return this;
  }

  /** True if the current row already has this series, or is long enough. */
  #isTaken(series: number): boolean {
    return this.#lastRow[series] === this.rows.length || this.#row.length > LINE_LENGTH;
  }

  #put(series: number, text: string): void {
    this.#row += `${this.#keyText(series)}${text},`;
    this.#lastRow[series] = this.rows.length;
    this.#lastText[series] = text;
  }

  #begin(step: number | bigint, wallTime: number, offset: number): void {
    this.#end();
    this.#row = `{"${STEP_KEY}":${numberText(step)},`;
    const runtime = Math.round((wallTime - this.#startedAt) * 1000) / 1000;
    this.#tail = `"_timestamp":${numberText(wallTime)},"_runtime":${runtime > 0 && runtime < 1e12 ? runtime : 0}`;
    this.offsets.push(offset);
  }

  #end(): void {
    if (this.#row === '') return;
    if (this.#exact.length > 0) {
      this.#row += `${JSON.stringify(EXACT_KEY)}:${JSON.stringify(JSON.stringify(this.#exact))},`;
      this.#exact = [];
    }
    this.rows.push(this.#row + this.#tail);
    this.#row = '';
  }

  #keyText(series: number): string {
    let text = this.#keyTexts[series];
    if (text === undefined) {
      text = `${JSON.stringify(this.#keys.keyOf(this.#series(series).tag))}:`;
      this.#keyTexts[series] = text;
    }
    return text;
  }

  #series(series: number): TrackerParcel['series'][number] {
    const found = this.#parcel.series[series];
    if (found === undefined) throw new RangeError(`there is no series ${series}`);
    return found;
  }
}
