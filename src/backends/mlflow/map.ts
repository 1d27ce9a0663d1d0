/** Maps canonical points to what mirrorboard sends to MLflow. Pure. */

import { type PointIdentity, positionHash } from '../../backend-kit/exact-points/index.ts';
import { exactValue, hparamsOf, isShownImage } from '../../backend-kit/index.ts';
import type { HeldPoint } from '../../contract/index.ts';
import { type Blob, type Json, jsonText, type ObjectPoint, toMillis, type Value } from '../../model/index.ts';
import type { KeyTable } from './key-table.ts';
import { DERIVED_PREFIX, fileNameOf } from './keys.ts';
import { KEY_LENGTH } from './limits.ts';
import { doubleText } from './params-and-files.ts';

/** True if a scalar cannot be recovered from its metric, and is also stored in an exact-point file. */
export function isOdd(wallTime: number, value: number | bigint, exactTimes: boolean): boolean {
  if (typeof value === 'bigint' || (value === 0 && Object.is(value, -0)) || value === Infinity || value === -Infinity) return true;
  const ms = toMillis(wallTime);
  return !(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) || Object.is(ms, -0) || (exactTimes && ms / 1000 !== wallTime);
}

/** Returns the nearest time that MLflow accepts: whole milliseconds, not before 1970. NaN becomes 1970. */
export function nearestMillis(wallTime: number): number {
  const ms = toMillis(wallTime);
  if (Number.isNaN(ms) || ms <= 0) return 0;
  return Math.min(ms, Number.MAX_SAFE_INTEGER);
}

/**
 * Returns the nearest number that a metric holds. Infinities are sent as they are; databases hold the largest number
 * instead.
 */
export function nearestValue(value: number | bigint): number {
  return Number(value) + 0;
}

/**
 * Returns a scalar as its metric holds it. Databases hold the largest number instead of infinities; a file store has
 * infinities.
 */
export function heldScalar(point: HeldPoint, isFileStore = false): HeldPoint {
  const value = nearestValue(point.value as number | bigint);
  return { step: point.step, wallTime: nearestMillis(point.wallTime) / 1000, value: isFileStore ? value : clamped(value) };
}

/** Returns a number as a database holds it. */
export function clamped(value: number): number {
  return Number.isNaN(value) ? value : Math.max(-Number.MAX_VALUE, Math.min(value, Number.MAX_VALUE));
}

/**
 * Returns the JSON text of a metric; `keyText` is its name as JSON. The server answers 200 to a number it cannot
 * read, stores zeros for it and drops everything that follows. So this function writes every number in a form that
 * the server is known to accept.
 */
export function metricText(keyText: string, step: number | bigint, wallTime: number, value: number | bigint): string {
  const exact = typeof step === 'bigint' || !Number.isSafeInteger(step) ? `"${BigInt(step)}"` : String(step + 0);
  return `{"key":${keyText},"value":${numberText(nearestValue(value))},"timestamp":${nearestMillis(wallTime)},"step":${exact}}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"';
}

/** A file that is stored with a run. */
export interface MlflowUpload {
  readonly path: string;
  readonly data: Uint8Array;
}

/** A text for people, next to others of its tag. */
export interface Note {
  /** The tag as a part of a path. */
  readonly name: string;
  readonly step: number | bigint;
  /** The id of the point. */
  readonly id: string;
  readonly markdown: string;
}

/** Returns the path of consecutive texts: `text/KEY/step_N_ID.md`, or `text/KEY/steps_N-M_ID.md`. */
export function notesPath(notes: readonly Note[]): string {
  const [first, last] = [notes[0], notes.at(-1)];
  if (first === undefined || last === undefined) return '';
  const steps = notes.length === 1 ? `step_${first.step}` : `steps_${first.step}-${last.step}`;
  return `text/${first.name}/${steps}_${first.id}.md`;
}

/** Returns one text as it is, several with their steps above them. */
export function notesText(notes: readonly Note[]): string {
  const [first] = notes;
  if (notes.length === 1) return first?.markdown ?? '';
  return notes.map(({ step, markdown }) => `## Step ${step}\n\n${markdown}`).join('\n\n---\n\n');
}

/** The files, params and metrics for a point that is not a scalar. */
export interface MlflowObject {
  /** The JSON text of its value. */
  readonly valueText: string;
  /** The files that are stored with it: first its large bytes, in the order in which the value names them. */
  readonly uploads: readonly MlflowUpload[];
  /** Number of `uploads` that are needed to restore the point; the others are for people. */
  readonly needed: number;
  readonly note: Note | undefined;
  readonly params: readonly { readonly name: string; readonly value: string }[];
  /** Numbers derived from it, by name. */
  readonly metrics: readonly { readonly key: string; readonly value: number }[];
  readonly hasImages: boolean;
}

/** The options of the mapping. */
export interface MapOptions {
  /** The keys of the run's metrics. */
  readonly keys: KeyTable;
  readonly histogramPercentiles: boolean;
}

/** Maps a point that is no scalar to files, params and metrics. */
export function mapObject(tag: string, plugin: string, point: ObjectPoint, place: PointIdentity, options: MapOptions): MlflowObject {
  const { value, text: valueText, blobs } = exactValue(plugin, point);
  const id = positionHash(place, 16);
  const name = fileNameOf(tag);
  const exact = blobs.map((blob, i): MlflowUpload => ({ path: blobPath(value, blob, i, blobs.length, name, point, id), data: blob.data }));
  return {
    valueText,
    uploads: [...exact, ...forPeople(value, exact)],
    needed: exact.length,
    note: value.kind === 'text' ? { name, step: point.step, id, markdown: markdownOf(value) } : undefined,
    params: hparamsOf(value).map(([name, param]) => ({ name, value: paramText(param) })),
    metrics: options.histogramPercentiles && value.kind === 'histogram' ? percentilesOf(tag, value, options.keys) : [],
    hasImages: value.kind === 'images' && exact.length > 0,
  };
}

/** Returns the path of a blob. It comes from the point's position, so a point that is sent again replaces itself. */
function blobPath(value: Value, blob: Blob, i: number, count: number, name: string, point: ObjectPoint, id: string): string {
  const part = count === 1 ? '' : `_${i}`;
  switch (value.kind) {
    case 'images': {
      // The grid shows one image per key and step, so each image of a point has a key of its own.
      const key = count === 1 ? name : `${name}~${i}`;
      const extension = isShownImage(blob) ? 'png' : 'bin';
      return `images/${key}+step+${point.step}+timestamp+${nearestMillis(point.wallTime)}+${id}.${extension}`;
    }
    case 'audio':
      return `audio/${name}/step_${point.step}_${id}${part}.${blob.format === 'bytes' ? 'bin' : blob.format}`;
    case 'graph':
      return `graph/${name}_${id}.${blob.data[0] === 0x7b ? 'json' : 'pb'}`;
    default:
      return `mirrorboard/blobs/${blob.sha256}.bin`;
  }
}

function forPeople(value: Value, exact: readonly MlflowUpload[]): readonly MlflowUpload[] {
  if (value.kind === 'images') {
    // The grid's cell loads this file, the view behind it the other one.
    return exact
      .filter(({ path }) => path.endsWith('.png'))
      .map(({ path, data }) => ({ path: `${path.slice(0, -4)}+compressed.png`, data }));
  }
  return [];
}

function markdownOf({ strings }: Extract<Value, { kind: 'text' }>): string {
  return strings.map((bytes) => Buffer.from(bytes).toString('utf8')).join('\n\n');
}

function paramText(value: Json): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? doubleText(value) : jsonText(value);
}

const PERCENTILES = [
  ['p05', 0.05],
  ['p50', 0.5],
  ['p95', 0.95],
] as const;

function percentilesOf(tag: string, value: Extract<Value, { kind: 'histogram' }>, keys: KeyTable): MlflowObject['metrics'] {
  const counts = value.count.map(Number);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!(total > 0)) return [];
  const edges = value.left.map((left, i) => [Number(left), Number(value.right[i])] as const);
  const at = (share: number): number => {
    let below = 0;
    for (const [i, [left, right]] of edges.entries()) {
      const count = counts[i] as number;
      if (below + count >= share * total && count > 0) return left + (right - left) * ((share * total - below) / count);
      below += count;
    }
    return edges.at(-1)?.[1] ?? Number.NaN;
  };
  const mean = edges.reduce((sum, [left, right], i) => sum + ((left + right) / 2) * ((counts[i] as number) / total), 0);
  const base = keys.keyOf(tag, DERIVED_PREFIX, KEY_LENGTH - '/mean'.length);
  return [...PERCENTILES.map(([name, share]) => ({ key: `${base}/${name}`, value: at(share) })), { key: `${base}/mean`, value: mean }];
}
