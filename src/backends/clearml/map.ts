/** Maps points that are no scalars to what ClearML shows of them: plots, debug samples, artifacts. Pure. */

import type { PointIdentity } from '../../backend-kit/exact-points/index.ts';
import { exactValue, hparamsOf, isShownImage } from '../../backend-kit/index.ts';
import { type Blob, type Json, type JsonObject, jsonText, npyOf, type ObjectPoint, type Tensor, type Value } from '../../model/index.ts';
import { fileHash, isName, namesOf, placeName, type SeriesNames } from './keys.ts';
import { DOCUMENT_BYTES, PLOT_BYTES } from './limits.ts';
import { pathPart } from './paths.ts';

/** A file of a task. */
export interface ClearmlUpload {
  /** The path below the task's folder. */
  readonly path: string;
  readonly data: Uint8Array;
  readonly type: string;
  /** True if the point cannot be restored without it. */
  readonly isNeeded: boolean;
  /** The event or artifact that names it, so that it is found and shown. */
  readonly named:
    | { readonly by: 'sample'; readonly names: SeriesNames }
    | { readonly by: 'artifact'; readonly key: string; readonly type: string; readonly preview: string };
}

/** A point that is no scalar, in the form for ClearML. */
export interface ClearmlObject {
  /** The JSON text of its value. */
  readonly valueText: string;
  /** The plot that shows it and holds it exactly; undefined if a file of exact points holds it. */
  readonly plot: string | undefined;
  readonly uploads: readonly ClearmlUpload[];
  readonly params: readonly Param[];
  /** A document of the task, by name. */
  readonly document: { readonly name: string; readonly type: string; readonly value: string } | undefined;
}

/** A hyperparameter in its section, as a text of a type. */
export interface Param {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  readonly type: 'int' | 'float' | 'bool' | 'str';
}

/** The section for hyperparameters of event files, also in the official SDK. */
export const HPARAMS = 'TB_hparams';
const LAYOUT = 'custom_scalars';
const GRAPH = 'graph ';
/** The end of a key of an artifact that a point needs: step and place, see `placeName`. */
const POINT_FILE = /-(?:-?\d+)_[0-9a-f]{8}_[0-9a-z]+_[0-9a-f]{1,8}_\d+(?:_\d+)?$/;

/** True if an artifact of this key is one that a point needs. */
export function isPointFile(key: string): boolean {
  return POINT_FILE.test(key);
}

/** True if a document of the task shows a point. */
export function isPointDocument(name: string): boolean {
  return name === LAYOUT || name.startsWith(GRAPH);
}

/** Maps a point that is no scalar to a plot, to files and to params. */
export function mapObject(tag: string, plugin: string, point: ObjectPoint, place: PointIdentity): ClearmlObject {
  const { value, text: valueText, blobs } = exactValue(plugin, point);
  const plot = blobs.length === 0 && isName(tag) ? plotOf(tag, plugin, value, valueText) : undefined;
  const name = `${point.step}_${placeName(fileHash(place.run, place.file), place)}`;
  return {
    valueText,
    plot: plot !== undefined && plot.length <= PLOT_BYTES ? plot : undefined,
    uploads: [...exactFiles(tag, value, blobs, name), ...filesForPeople(tag, value, name)],
    params: hparamsOf(value).map(([param, held]) => paramOf(HPARAMS, param, held)),
    document: documentOf(tag, value),
  };
}

/**
 * Reads the exact value from a plot of ours. The plot holds it as a text: a rewrite of the plot, as by the SDK's
 * import of offline sessions, keeps texts as they are, but not the form of numbers.
 */
export function valueInPlot(text: string): { readonly plugin: string; readonly value: string } | undefined {
  try {
    const { mirrorboard } = (JSON.parse(text) as { layout: { meta: { mirrorboard: Record<string, unknown> } } }).layout.meta;
    const { version, plugin, value } = mirrorboard;
    return version === 1 && typeof plugin === 'string' && typeof value === 'string' ? { plugin, value } : undefined;
  } catch {
    // The plot is not ours.
    return undefined;
  }
}

function plotOf(tag: string, plugin: string, value: Value, valueText: string): string | undefined {
  const shown = value.kind === 'histogram' ? barsOf(value) : value.kind === 'pr_curve' ? curveOf(value.rows) : undefined;
  if (shown === undefined) return undefined;
  const axes = value.kind === 'histogram' ? {} : { xaxis: { title: 'recall' }, yaxis: { title: 'precision' } };
  const meta = { mirrorboard: { version: 1, plugin, value: valueText } };
  return JSON.stringify({ data: shown, layout: { title: tag, ...axes, meta } });
}

/**
 * Returns a histogram as bars. JSON has no NaN and no infinities: they are gaps in the drawing, and exact in the
 * stored value.
 */
function barsOf({ left, right, count }: Extract<Value, { kind: 'histogram' }>): readonly JsonObject[] {
  const edges = left.map((x, i) => [Number(x), Number(right[i])] as const);
  return [{ type: 'bar', x: edges.map(([a, b]) => a + (b - a) / 2), y: count.map(Number), width: edges.map(([a, b]) => b - a) }];
}

function curveOf(rows: readonly (readonly (number | bigint)[])[]): readonly JsonObject[] | undefined {
  const [precision, recall] = [rows[4], rows[5]];
  if (precision === undefined || recall === undefined) return undefined;
  return [{ type: 'scatter', mode: 'lines+markers', x: recall.map(Number), y: precision.map(Number) }];
}

function exactFiles(tag: string, value: Value, blobs: readonly Blob[], name: string): readonly ClearmlUpload[] {
  return blobs.map((blob, i): ClearmlUpload => {
    const part = blobs.length === 1 ? '' : `_${i}`;
    if (value.kind === 'images' || value.kind === 'audio') {
      // A sample is one file: several of a point are variants of the tag.
      const names = sampleNames(blobs.length === 1 ? tag : `${tag}/${i}`);
      const path = `${samplePath(names)}/${name}${part}.${extensionOf(blob)}`;
      return { path, data: blob.data, type: typeOf(blob), isNeeded: true, named: { by: 'sample', names } };
    }
    const npy = value.kind === 'tensor' && blob.format === 'tensor' ? npyOf(value.tensor) : undefined;
    const isGraph = value.kind === 'graph';
    const isText = isGraph && blob.data[0] === 0x7b;
    const extension = npy !== undefined ? 'npy' : isText ? 'json' : isGraph ? 'pb' : 'bin';
    return {
      path: `artifacts/${pathPart(tag)}/${name}${part}.${extension}`,
      data: npy ?? blob.data,
      type: isText ? 'application/json' : 'application/octet-stream',
      isNeeded: true,
      named: {
        by: 'artifact',
        key: `${isGraph ? 'graph-' : ''}${pathPart(tag)}-${name}${part}`,
        type: npy !== undefined ? 'numpy' : 'custom',
        preview: value.kind === 'tensor' ? tensorPreview(value.tensor) : `${blob.data.length} bytes`,
      },
    };
  });
}

/** Returns the readable form of a text; the exact one may not be UTF-8, or may be several. */
function filesForPeople(tag: string, value: Value, name: string): readonly ClearmlUpload[] {
  if (value.kind !== 'text') return [];
  const text = value.strings.map((bytes) => Buffer.from(bytes).toString('utf8')).join('\n\n');
  const names = sampleNames(tag);
  const named = { by: 'sample', names } as const;
  return [{ path: `${samplePath(names)}/${name}.txt`, data: Buffer.from(text), type: 'text/plain; charset=utf-8', isNeeded: false, named }];
}

/** Returns the names of a sample. A tag that no event can hold is cut: the exact one is stored elsewhere. */
function sampleNames(tag: string): SeriesNames {
  return namesOf(isName(tag) ? tag : pathPart(tag));
}

function samplePath({ metric, variant }: SeriesNames): string {
  return `metrics/${pathPart(metric)}/${pathPart(variant)}`;
}

function extensionOf({ format }: Blob): string {
  return format === 'bytes' || format === '' ? 'bin' : format;
}

function typeOf({ format }: Blob): string {
  if (isShownImage({ format })) return `image/${format}`;
  return format === 'wav' ? 'audio/wav' : 'application/octet-stream';
}

function tensorPreview({ dtype, shape }: Tensor): string {
  return `${dtype} [${shape.join(', ')}]`;
}

function documentOf(tag: string, value: Value): ClearmlObject['document'] {
  if (value.kind === 'layout') return { name: LAYOUT, type: 'json', value: jsonText(value.layout) };
  if (value.kind !== 'graph' || value.data[0] !== 0x7b || value.data.length > DOCUMENT_BYTES) return undefined;
  const text = Buffer.from(value.data).toString('utf8');
  return { name: `${GRAPH}${pathPart(tag)}`, type: 'json', value: text };
}

/** Makes a hyperparameter from a JSON value. */
export function paramOf(section: string, name: string, value: Json): Param {
  if (typeof value === 'string') return { section, name, value, type: 'str' };
  if (typeof value === 'boolean') return { section, name, value: String(value), type: 'bool' };
  if (typeof value === 'bigint') return { section, name, value: String(value), type: 'int' };
  if (typeof value === 'number') return { section, name, value: Object.is(value, -0) ? '-0.0' : String(value), type: 'float' };
  return { section, name, value: value === null ? '' : jsonText(value), type: 'str' };
}
