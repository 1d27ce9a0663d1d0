/**
 * Points as rows of Trackio's table. A row has the scalars that follow each other in a file at one step, as training
 * code logs them: the dashboard shows at most 3000 rows of a run. Every other point has a row of its own. The id of a
 * row is the place and the exact wall time of its first point; those of the others are in a field that Trackio does
 * not show. Points that are stored already end a row. But what was left out at first, and comes later, is a row between
 * the points of another one. So a row reaches only so far, and a question for points looks as far back.
 */
import { nameHash, scalarText } from '../../backend-kit/exact-points/index.ts';
import { exactValue } from '../../backend-kit/index.ts';
import type { ReadBackPoint, TrackerParcel } from '../../contract/index.ts';
import { type Blob, jsonText, type ObjectPoint, sha256Of } from '../../model/index.ts';
import type { SqlRow } from './client.ts';
import { MOST_POINTS, ROW_REACH, ROW_TEXT_BYTES, SAME_MOMENT_SEC } from './limits.ts';
import { shownForm } from './shown.ts';

/** A point to store, its key and value as texts of JSON. */
export interface Item {
  /** Its place in the file, with the exact wall time. */
  readonly place: string;
  readonly offset: number;
  readonly index: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly key: string;
  readonly value: string;
  /** True if other scalars may be in the same row. */
  readonly canShare: boolean;
  /** Files that it names. */
  readonly blobs: readonly Blob[];
}

/** A row to store. */
export interface Row {
  readonly id: string;
  readonly items: readonly Item[];
  /** The places of all points but the first one, `;` between them. */
  readonly others: string;
  /** The JSON object that Trackio keeps. */
  readonly metrics: string;
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

/** The field of a row, or of the object in it, that is ours. */
const OWN = 'mirrorboard';
/** Keys with another meaning (`RESERVED_KEYS` in `trackio/utils.py`), with any number of our marks behind. */
const OTHER_KEYS = /^(?:project|run|timestamp|step|time|metrics|mirrorboard|)_*$/;
const OFFSET_DIGITS = 12;

/** Returns the key that Trackio shows for a tag. */
export function keyOfTag(tag: string): string {
  return OTHER_KEYS.test(tag) ? `${tag}_` : tag;
}

function tagOfKey(key: string): string {
  return OTHER_KEYS.test(key) && key.endsWith('_') ? key.slice(0, -1) : key;
}

/** Returns the name of a file with some bytes. */
export function fileNameOf({ sha256, format }: Pick<Blob, 'sha256' | 'format'>): string {
  return `${sha256}.${/^[a-z]{1,10}$/.test(format) ? format : 'bytes'}`;
}

/** Returns what the ids of the rows of a file begin with. `prefix` begins all ids of the tracker run. */
export function idStart(prefix: string, file: string): string {
  return `${prefix}/${nameHash([file], 16)}/`;
}

/** Returns the first part of ids at an offset, after which the place follows. */
export function idAt(start: string, offset: number): string {
  return `${start}${offset.toString(16).padStart(OFFSET_DIGITS, '0')}/`;
}

/** Returns the points of a parcel one by one, in the order of the file. `pathOf` finds files of the tracker run. */
export function* itemsOf({ batch, series }: TrackerParcel, pathOf: (name: string) => string): Generator<Item, void, void> {
  const { count, series: ids, step, wallTime, value, offset, checksum, index, wideSteps, wideValues } = batch.scalars;
  const keys = series.map(({ tag }) => JSON.stringify(keyOfTag(tag)));
  // JavaScript puts keys that look like indexes before all others, so that places would get lost.
  const isInOrder = series.map(({ tag }) => !/^\d+$/.test(tag));
  const objects = batch.objects.toSorted((a, b) => a.offset - b.offset || a.index - b.index).values();
  let object = objects.next().value;
  for (let row = 0; row < count; row++) {
    const place = { offset: offset[row] as number, index: index[row] as number };
    for (; object !== undefined && isBefore(object, place); object = objects.next().value) {
      yield objectItem(object, series, keys, pathOf);
    }
    const id = ids[row] as number;
    const wide = wideValues.get(row);
    const wall = wallTime[row] as number;
    yield {
      ...place,
      place: placeOf(place.offset, place.index, checksum[row] as number, wall),
      step: wideSteps.get(row) ?? (step[row] as number),
      wallTime: wall,
      key: keys[id] ?? '""',
      value: wide === undefined ? scalarText(value[row] as number) : String(wide),
      canShare: wide === undefined && isInOrder[id] === true,
      blobs: NONE,
    };
  }
  for (; object !== undefined; object = objects.next().value) yield objectItem(object, series, keys, pathOf);
}

type Place = Pick<Item, 'offset' | 'index'>;

function isBefore(a: Place, b: Place): boolean {
  return a.offset < b.offset || (a.offset === b.offset && a.index < b.index);
}

const NONE: readonly Blob[] = [];

function objectItem(point: ObjectPoint, series: TrackerParcel['series'], keys: readonly string[], pathOf: (name: string) => string): Item {
  const { offset, index, checksum, step, wallTime } = point;
  const { plugin } = series[point.series] as { readonly plugin: string };
  const exact = exactValue(plugin, point);
  const blobs = [...exact.blobs];
  const fields = { plugin, files: blobs.map((blob) => [fileNameOf(blob), blob.data.length] as const) };
  let text = `"value":${JSON.stringify(exact.text)}`;
  if (exact.text.length > ROW_TEXT_BYTES) {
    const data = Buffer.from(exact.text);
    const apart = { sha256: sha256Of(data), data, format: 'json', label: '' };
    blobs.push(apart);
    text = `"text":${JSON.stringify([fileNameOf(apart), data.length])}`;
  }
  const shown = jsonText(shownForm(exact, (blob) => pathOf(fileNameOf(blob))));
  const value = `${shown.slice(0, -1)},"${OWN}":${jsonText(fields).slice(0, -1)},${text}}}`;
  const place = placeOf(offset, index, checksum, wallTime);
  return { place, offset, index, step, wallTime, key: keys[point.series] ?? '""', value, canShare: false, blobs };
}

/** Returns the rows for those points that are not held yet, one by one. */
export function* rowsOf(items: Iterable<Item>, start: string, isHeld: (item: Item) => boolean): Generator<Row, void, void> {
  let open: Item[] = [];
  const keys = new Set<string>();
  for (const item of items) {
    const isLeftOut = isHeld(item);
    const [first] = open;
    if (first !== undefined && (isLeftOut || open.length >= MOST_POINTS || keys.has(item.key) || !areTogether(first, item))) {
      yield rowOf(open, start);
      open = [];
      keys.clear();
    }
    if (isLeftOut) continue;
    open.push(item);
    keys.add(item.key);
  }
  if (open.length > 0) yield rowOf(open, start);
}

function areTogether(first: Item, { canShare, step, wallTime, offset }: Item): boolean {
  if (!first.canShare || !canShare || first.step !== step) return false;
  return Math.abs(first.wallTime - wallTime) < SAME_MOMENT_SEC && offset - first.offset <= ROW_REACH;
}

function rowOf(items: readonly Item[], start: string): Row {
  const [first, ...others] = items as readonly [Item, ...Item[]];
  const fields = items.map(({ key, value }) => `${key}:${value}`).join(',');
  const places = others.map(({ place }) => place).join(';');
  const more = places === '' ? '' : `,"${OWN}":{"_type":"mirrorboard.places","places":"${places}"}`;
  return { id: idAt(start, first.offset) + first.place, items, others: places, metrics: `{${fields}${more}}` };
}

const OTHERS = `json_extract(cast(metrics as text), '$.${OWN}.places')`;

/** Returns the expression of SQL for the places in a row, `;` between them. */
export function placesIn(start: string): string {
  return `substr(log_id, ${start.length + OFFSET_DIGITS + 2}) || coalesce(';' || ${OTHERS}, '')`;
}

/**
 * Returns the expression of SQL for a short text that tells a row from others that begin with the same point: to answer
 * with all places takes a server many times as long.
 */
export function markIn(start: string): string {
  return `substr(log_id, ${start.length + 1}) || ' ' || coalesce(length(${OTHERS}), 0)`;
}

/** Returns the text that `markIn` has for a row. */
export function markOf({ id, others }: Row, start: string): string {
  return `${id.slice(start.length)} ${others.length}`;
}

/** Returns the offsets of the first and the last point of a parcel; undefined if it has none. */
export function offsetsOf({ batch }: TrackerParcel): { readonly first: number; readonly last: number } | undefined {
  const { count, offset } = batch.scalars;
  const offsets = batch.objects.map((object) => object.offset);
  if (count > 0) offsets.push(offset[0] as number, offset[count - 1] as number);
  if (offsets.length === 0) return undefined;
  return { first: offsets.reduce((a, b) => Math.min(a, b)), last: offsets.reduce((a, b) => Math.max(a, b)) };
}

/** Returns the points of a stored row. */
export function readRow({ id, step, metrics }: SqlRow): HeldRow[] {
  const text = String(metrics);
  const { [OWN]: own, ...fields } = objectIn(text);
  const first = String(id).split('/')[3];
  const others = fieldIn(own, 'places');
  const places = [...(first === undefined ? [] : [first]), ...(typeof others === 'string' ? others.split(';') : [])];
  return Object.entries(fields).flatMap(([key, held], i) => {
    const place = /^([0-9a-z]+),([0-9a-z]+),[0-9a-z]+,(.+)$/.exec(places[i] ?? '');
    if (place === null) return [];
    const [, offset = '', index = '', wall = ''] = place;
    const at = { step: stepOf(String(step)), wallTime: Number(wall), offset: parseInt(offset, 36), index: parseInt(index, 36) };
    const tag = tagOfKey(key);
    if (typeof held === 'object' && held !== null) return objectRow(tag, at, fieldIn(held, OWN));
    // An integer that no double holds must be read from its digits.
    const digits = /:(-?\d{16,})\}$/.exec(text)?.[1];
    const value = digits === undefined ? Number(held) : integerOf(digits);
    return [{ tag, plugin: 'scalars', point: { ...at, value }, files: [], text: undefined }];
  });
}

function objectRow(tag: string, at: Omit<ReadBackPoint, 'value'>, exact: unknown): HeldRow[] {
  const plugin = fieldIn(exact, 'plugin');
  if (typeof plugin !== 'string') return [];
  const files = (fieldIn(exact, 'files') ?? []) as readonly NamedFile[];
  const apart = fieldIn(exact, 'text') as NamedFile | undefined;
  const point = { ...at, value: String(fieldIn(exact, 'value')) };
  return [{ tag, plugin, point, files: apart === undefined ? files : [...files, apart], text: apart?.[0] }];
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) as Readonly<Record<string, unknown>> | null) ?? {};
  } catch {
    return {};
  }
}

function fieldIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function placeOf(offset: number, index: number, checksum: number, wallTime: number): string {
  const time = Object.is(wallTime, -0) ? '-0' : String(wallTime);
  return `${offset.toString(36)},${index.toString(36)},${(checksum >>> 0).toString(36)},${time}`;
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
