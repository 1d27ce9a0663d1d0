/**
 * Points as rows of Trackio's table, one each. The id of a row is the point's place and its exact wall time, which
 * Trackio has no other place for. So a row that is sent again is the same row, and the rows of a file are in order.
 */
import { nameHash, scalarText } from '../../backend-kit/exact-points/index.ts';
import { eachScalar, exactValue } from '../../backend-kit/index.ts';
import type { ReadBackPoint, TrackerParcel } from '../../contract/index.ts';
import { type Blob, jsonText, sha256Of } from '../../model/index.ts';
import type { SqlRow } from './client.ts';
import { ROW_TEXT_BYTES } from './limits.ts';
import { shownForm } from './shown.ts';

/** A row to store. */
export interface Row {
  readonly id: string;
  readonly step: number | bigint;
  readonly wallTime: number;
  /** The JSON object that Trackio keeps. */
  readonly metrics: string;
  /** Files that it names. */
  readonly blobs: readonly Blob[];
}

/** A file that a row names, and its length. */
export type NamedFile = readonly [name: string, bytes: number];

/** A point that was read back. If `text` is set, the point's value is the content of that file. */
export interface HeldRow {
  readonly tag: string;
  readonly plugin: string;
  readonly point: ReadBackPoint;
  readonly files: readonly NamedFile[];
  readonly text: string | undefined;
}

/** Keys that Trackio uses itself (`RESERVED_KEYS` in `trackio/utils.py`), with any number of our marks behind. */
const OWN_KEYS = /^(?:project|run|timestamp|step|time|metrics|)_*$/;
/** The field of an object in which the exact value is. */
const EXACT = 'mirrorboard';

/** Returns the key that Trackio shows for a tag. */
export function keyOfTag(tag: string): string {
  return OWN_KEYS.test(tag) ? `${tag}_` : tag;
}

function tagOfKey(key: string): string {
  return OWN_KEYS.test(key) && key.endsWith('_') ? key.slice(0, -1) : key;
}

/** Returns the name of a file with some bytes. */
export function fileNameOf({ sha256, format }: Pick<Blob, 'sha256' | 'format'>): string {
  return `${sha256}.${/^[a-z]{1,10}$/.test(format) ? format : 'bytes'}`;
}

/** Returns the rows of a parcel's points. `prefix` begins all ids of the tracker run; `pathOf` finds its files. */
export function rowsOf({ batch, series, file }: TrackerParcel, prefix: string, pathOf: (name: string) => string): Row[] {
  const rows: Row[] = [];
  const start = `${prefix}/${nameHash([file], 16)}/`;
  const keys = series.map(({ tag }) => JSON.stringify(keyOfTag(tag)));
  const idOf = (offset: number, index: number, checksum: number, wallTime: number): string =>
    `${start}${hex(offset, 14)}/${hex(index, 8)}/${hex(checksum >>> 0, 8)}/${Object.is(wallTime, -0) ? '-0' : wallTime}`;
  eachScalar(batch, (id, step, wallTime, value, offset, checksum, index) => {
    const number = typeof value === 'bigint' ? String(value) : scalarText(value);
    rows.push({ id: idOf(offset, index, checksum, wallTime), step, wallTime, metrics: `{${keys[id]}:${number}}`, blobs: [] });
  });
  for (const point of batch.objects) {
    const { offset, index, checksum, step, wallTime } = point;
    const { plugin } = series[point.series] as { readonly plugin: string };
    const exact = exactValue(plugin, point);
    const blobs = [...exact.blobs];
    const fields = { plugin, files: blobs.map((blob) => [fileNameOf(blob), blob.data.length] as const) };
    let value = `"value":${JSON.stringify(exact.text)}`;
    if (exact.text.length > ROW_TEXT_BYTES) {
      const data = Buffer.from(exact.text);
      const text = { sha256: sha256Of(data), data, format: 'json', label: '' };
      blobs.push(text);
      value = `"text":${JSON.stringify([fileNameOf(text), data.length])}`;
    }
    const shown = jsonText(shownForm(exact, (blob) => pathOf(fileNameOf(blob))));
    const object = `${shown.slice(0, -1)},"${EXACT}":${jsonText(fields).slice(0, -1)},${value}}}`;
    rows.push({ id: idOf(offset, index, checksum, wallTime), step, wallTime, metrics: `{${keys[point.series]}:${object}}`, blobs });
  }
  return rows;
}

/** Returns the point of a stored row; undefined if the row is none of ours. */
export function readRow({ id, step, metrics }: SqlRow): HeldRow | undefined {
  const [, , offset, index, , wall] = String(id).split('/');
  const text = String(metrics);
  const entry = Object.entries(objectIn(text))[0];
  if (offset === undefined || index === undefined || wall === undefined || entry === undefined) return undefined;
  const [key, held] = entry;
  const place = { step: stepOf(String(step)), wallTime: Number(wall), offset: parseInt(offset, 16), index: parseInt(index, 16) };
  const tag = tagOfKey(key);
  if (typeof held !== 'object' || held === null) {
    // An integer that no double holds must be read from its digits.
    const digits = /:(-?\d{16,})\}$/.exec(text)?.[1];
    const value = digits === undefined ? Number(held) : integerOf(digits);
    return { tag, plugin: 'scalars', point: { ...place, value }, files: [], text: undefined };
  }
  const exact = (held as Readonly<Record<string, unknown>>)[EXACT] as Readonly<Record<string, unknown>> | undefined;
  if (typeof exact?.['plugin'] !== 'string') return undefined;
  const files = (Array.isArray(exact['files']) ? exact['files'] : []) as NamedFile[];
  const apart = exact['text'] as NamedFile | undefined;
  return {
    tag,
    plugin: exact['plugin'],
    point: { ...place, value: String(exact['value']) },
    files: apart === undefined ? files : [...files, apart],
    text: apart?.[0],
  };
}

function objectIn(text: string): object {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

function stepOf(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** Returns the integer of a scalar as a number if a double holds it. */
function integerOf(digits: string): number | bigint {
  const number = Number(digits);
  return BigInt(number) === BigInt(digits) ? number : BigInt(digits);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
