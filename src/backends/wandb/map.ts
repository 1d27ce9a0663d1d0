/** Maps points that are not scalars to the values of a history row, and to files. Pure. */

import { exactValue, fieldOf, hparamsOf, isShownImage } from '../../backend-kit/index.ts';
import type { BodyStream } from '../../http/index.ts';
import { type Blob, type Json, jsonText, npyOf, type ObjectPoint, sha256Of, type Tensor, textJson, type Value } from '../../model/index.ts';
import { fileNameOf } from './keys.ts';
import { HISTOGRAM_BINS, SHOWN_IMAGES, TABLE_ROWS, VALUE_BYTES } from './limits.ts';
import { numberText } from './numbers.ts';

/**
 * A file of a run, made from a value. Its name comes from its content, so that storing it again replaces the same
 * file.
 */
export interface RunFile {
  readonly path: string;
  readonly data: Uint8Array;
  readonly isMedia: boolean;
}

/** A file of a run, or one from next to the event files: those are too large to keep in memory. */
export interface StoredFile extends Omit<RunFile, 'data'> {
  readonly data: Uint8Array | BodyStream;
}

/** A point that is not a scalar, in the form that W&B stores. */
export interface WandbObject {
  /** The JSON that a row shows under the tag's key; undefined: nothing. */
  readonly shown: string | undefined;
  /** The exact value's text, or the name of a file with it. */
  readonly exact: string | { readonly file: string };
  readonly files: readonly RunFile[];
  /** The files that the point needs, and their lengths. */
  readonly needed: readonly (readonly [path: string, bytes: number])[];
  readonly params: readonly { readonly name: string; readonly value: string }[];
  readonly status: string | undefined;
}

type Number64 = number | bigint;

/** Maps a point that is not a scalar to what a row shows, and to files that hold it exactly. */
export function mapObject(tag: string, plugin: string, point: ObjectPoint): WandbObject {
  const { value, text: valueText, blobs } = exactValue(plugin, point);
  const name = fileNameOf(tag);
  const files = blobs.map((blob) => blobFile(value, blob, name));
  const needed = [...new Map(files.map(({ path, data }) => [path, data.length])).entries()];
  const shown = shownOf(value, plugin, files, name);
  const all = shown.file === undefined ? files : [...files, shown.file];
  const base = { shown: shown.text, needed, ...paramsOf(value) };
  if (valueText.length <= VALUE_BYTES) return { ...base, exact: valueText, files: all };
  const data = Buffer.from(valueText);
  const path = `mirrorboard/values/${sha256Of(data).slice(0, 20)}.json`;
  return { ...base, exact: { file: path }, files: [...all, { path, data, isMedia: false }], needed: [...needed, [path, data.length]] };
}

function blobFile(value: Value, { data, sha256, format }: Blob, name: string): RunFile {
  const id = sha256.slice(0, 20);
  const plain = (path: string, content: Uint8Array = data): RunFile => ({ path, data: content, isMedia: path.startsWith('media/') });
  switch (value.kind) {
    case 'images':
      if (isShownImage({ format })) return plain(`media/images/${name}_${id}.${format === 'jpeg' ? 'jpg' : format}`);
      return plain(`mirrorboard/blobs/${id}.bin`);
    case 'audio':
      return plain(format === 'wav' ? `media/audio/${name}_${id}.wav` : `mirrorboard/blobs/${id}.bin`);
    case 'graph':
      return plain(`mirrorboard/graphs/${id}.${data[0] === 0x7b ? 'json' : 'pb'}`);
    case 'tensor': {
      const npy = format === 'tensor' ? npyOf(value.tensor) : undefined;
      return npy === undefined ? plain(`mirrorboard/blobs/${id}.bin`) : plain(`mirrorboard/tensors/${name}_${id}.npy`, npy);
    }
    default:
      return plain(`mirrorboard/blobs/${id}.bin`);
  }
}

interface Shown {
  readonly text: string | undefined;
  readonly file?: RunFile;
}

const NOTHING: Shown = { text: undefined };

function shownOf(value: Value, plugin: string, files: readonly RunFile[], name: string): Shown {
  switch (value.kind) {
    case 'histogram':
      return histogramShown(value.left, value.right, value.count, name);
    case 'images':
      return { text: imagesShown(value.width, value.height, files) };
    case 'audio':
      return { text: audioShown(value, files) };
    case 'text':
      return textShown(value.strings, name);
    case 'pr_curve':
      return prCurveShown(value.rows, name);
    case 'graph':
      return { text: files[0] === undefined ? undefined : JSON.stringify(files[0].path) };
    case 'tensor':
      return plugin === 'scalars' ? NOTHING : tensorShown(value.tensor, plugin, files, name);
    case 'layout':
      return layoutShown(value.layout, name);
    case 'malformed':
    case 'hparams':
    case 'scalar':
      return NOTHING;
    default:
      return value satisfies never;
  }
}

function histogramShown(left: readonly Number64[], right: readonly Number64[], count: readonly Number64[], name: string): Shown {
  const edges = [...left.slice(0, 1), ...right].map(Number);
  const isPlain =
    count.length > 0 &&
    edges.every(Number.isFinite) &&
    left.every((x, i) => Number(x) === edges[i]) &&
    count.every((n) => Number.isFinite(Number(n)));
  if (!isPlain) {
    const rows = left.map((x, i) => [x, right[i] ?? 0, count[i] ?? 0]);
    return tableShown(['left', 'right', 'count'], rows, name);
  }
  // The service draws nothing between two equal edges.
  if (edges.length === 2 && edges[0] === edges[1]) edges[1] = nextDouble(edges[0] as number);
  const each = Math.ceil(count.length / HISTOGRAM_BINS);
  const [bins, values]: [string[], string[]] = [[numberText(edges[0] as number)], []];
  for (let at = 0; at < count.length; at += each) {
    const joined = count.slice(at, at + each);
    // Only whole neighbours are merged: the edges remain some of the original ones, and counts remain whole.
    values.push(numberText(joined.length === 1 ? (joined[0] as Number64) : joined.reduce<number>((sum, n) => sum + Number(n), 0)));
    bins.push(numberText(edges[Math.min(at + each, count.length)] as number));
  }
  const note = each > 1 ? `,"mirrorboard_bins":${count.length}` : '';
  return { text: `{"_type":"histogram","values":[${values.join(',')}],"bins":[${bins.join(',')}]${note}}` };
}

function nextDouble(x: number): number {
  if (x === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(1);
  const view = new Float64Array(bits.buffer);
  view[0] = x;
  bits[0] = (bits[0] as bigint) + (x > 0 ? 1n : -1n);
  return Number.isFinite(view[0]) ? view[0] : x;
}

function imagesShown(width: number, height: number, files: readonly RunFile[]): string | undefined {
  const media = files.filter(({ isMedia }) => isMedia).slice(0, SHOWN_IMAGES);
  const [first] = media;
  if (first === undefined) return undefined;
  const format = formatOf(first.path);
  if (media.length === 1) return JSON.stringify({ _type: 'image-file', format, width, height, ...fileFacts(first) });
  return JSON.stringify({
    _type: 'images/separated',
    count: media.length,
    width,
    height,
    format,
    filenames: media.map(({ path }) => path),
  });
}

function audioShown({ clips, format }: Extract<Value, { kind: 'audio' }>, files: readonly RunFile[]): string | undefined {
  const audio = files.flatMap((file, i) => {
    if (!file.isMedia) return [];
    const label = textJson(clips[i]?.label ?? new Uint8Array(0));
    return [{ _type: 'audio-file', ...fileFacts(file), ...(typeof label === 'string' && label !== '' ? { caption: label } : {}) }];
  });
  if (audio.length < 2) return audio[0] === undefined ? undefined : JSON.stringify(audio[0]);
  const rate = format?.sampleRate;
  return JSON.stringify({
    _type: 'audio',
    count: audio.length,
    audio,
    ...(rate === undefined ? {} : { sampleRates: audio.map(() => rate) }),
  });
}

function textShown(strings: readonly Uint8Array[], name: string): Shown {
  const texts = strings.map((bytes) => {
    const text = textJson(bytes);
    return typeof text === 'string' ? text : Buffer.from(bytes).toString('latin1');
  });
  const [only] = texts;
  if (only === undefined || texts.length > 1)
    return tableShown(
      ['text'],
      texts.map((text) => [text]),
      name,
    );
  if (only.length <= VALUE_BYTES) return { text: JSON.stringify(only) };
  const data = Buffer.from(only);
  const file: RunFile = { path: `mirrorboard/texts/${name}_${sha256Of(data).slice(0, 20)}.txt`, data, isMedia: false };
  return { text: JSON.stringify(file.path), file };
}

const PR_ROWS = ['true_positives', 'false_positives', 'true_negatives', 'false_negatives', 'precision', 'recall'];

function prCurveShown(rows: readonly (readonly Number64[])[], name: string): Shown {
  const thresholds = rows[0]?.length ?? 0;
  const table = Array.from({ length: thresholds }, (_, i) => [
    thresholds > 1 ? i / (thresholds - 1) : 0,
    ...rows.map((row) => row[i] ?? Number.NaN),
  ]);
  return tableShown(['threshold', ...PR_ROWS.slice(0, rows.length)], table, name);
}

/** Shows which tags share a chart: the service creates charts from a workspace, not from a run. */
function layoutShown(layout: Json, name: string): Shown {
  const rows: string[][] = [];
  for (const category of listOf(layout, 'category')) {
    for (const chart of listOf(category, 'chart')) {
      const tags = [
        ...listOf(fieldOf(chart, 'multiline'), 'tag'),
        ...listOf(fieldOf(chart, 'margin'), 'series').flatMap((series) => ['value', 'lower', 'upper'].map((part) => fieldOf(series, part))),
      ];
      for (const tag of tags)
        rows.push([String(fieldOf(category, 'title') ?? ''), String(fieldOf(chart, 'title') ?? ''), String(tag ?? '')]);
    }
  }
  return tableShown(['category', 'chart', 'tag'], rows, name);
}

function listOf(value: Json | undefined, key: string): readonly Json[] {
  const field = fieldOf(value, key);
  return Array.isArray(field) ? field : [];
}

function tensorShown(tensor: Tensor, plugin: string, files: readonly RunFile[], name: string): Shown {
  const cloud = plugin === 'mesh' ? pointCloud(tensor, name) : undefined;
  if (cloud !== undefined) return cloud;
  const facts = `${tensor.dtype}[${tensor.shape.join(',')}]`;
  const [file] = files;
  return { text: JSON.stringify(file === undefined ? facts : `${facts} ${file.path}`) };
}

/** The most points of a cloud that the service draws. */
const CLOUD_POINTS = 300_000;

/** Returns the first of a batch of vertices as a cloud of points; undefined if these are no vertices. */
function pointCloud({ dtype, shape, bytes }: Tensor, name: string): Shown | undefined {
  const [, count = 0, width] = shape;
  if (dtype !== 'float' || shape.length !== 3 || width !== 3 || bytes === undefined || count > CLOUD_POINTS || bytes.length < count * 12)
    return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const points = Array.from({ length: count }, (_, i) => [0, 4, 8].map((at) => view.getFloat32(i * 12 + at, true)));
  if (count === 0 || !points.every((point) => point.every(Number.isFinite))) return undefined;
  const data = Buffer.from(JSON.stringify(points));
  const file: RunFile = { path: `media/object3D/${name}_${sha256Of(data).slice(0, 20)}.pts.json`, data, isMedia: true };
  return { text: JSON.stringify({ _type: 'object3D-file', ...fileFacts(file) }), file };
}

function tableShown(columns: readonly string[], rows: readonly (readonly (Number64 | string)[])[], name: string): Shown {
  const cell = (x: Number64 | string): string => (typeof x === 'string' ? JSON.stringify(x) : numberText(x));
  const data = rows.slice(0, TABLE_ROWS).map((row) => `[${row.map(cell).join(',')}]`);
  const content = Buffer.from(`{"columns":${JSON.stringify(columns)},"data":[${data.join(',')}]}`);
  const path = `media/table/${name}_${sha256Of(content).slice(0, 20)}.table.json`;
  const file: RunFile = { path, data: content, isMedia: true };
  const facts = { _type: 'table-file', ncols: columns.length, nrows: data.length, ...fileFacts(file) };
  return { text: JSON.stringify(facts), file };
}

function fileFacts({ path, data }: RunFile): { readonly path: string; readonly size: number; readonly sha256: string } {
  return { path, size: data.length, sha256: sha256Of(data) };
}

function formatOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function paramsOf(value: Value): Pick<WandbObject, 'params' | 'status'> {
  if (value.kind !== 'hparams') return { params: [], status: undefined };
  const status = fieldOf(fieldOf(value.data, 'session_end_info'), 'status');
  return {
    params: hparamsOf(value).map(([name, param]) => ({ name, value: jsonText(param) })),
    status: typeof status === 'string' ? status : undefined,
  };
}
