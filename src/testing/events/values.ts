// Summary.Value in every plugin's form: the tensors of TensorBoard 2 and the old fields (simple_value, histo, image,
// audio).
import { type Dtype, type Element, type Encoding, tensor, type WrittenTensor } from './tensors.ts';
import { concat, field, float64, varint } from './wire.ts';

/** The serialized Summary.Value that every value builder returns. */
export type WrittenValue = Uint8Array;

/**
 * The serialized SummaryMetadata to write with a value; null writes none. Each builder of a tensor form defaults to
 * its plugin's own.
 */
export type Meta = Uint8Array | null;

/** The numbers of SummaryMetadata.data_class. */
export const DATA_CLASS = { scalar: 1, tensor: 2, blob: 3 } as const;

/** A SummaryMetadata; missing fields are not written. */
export interface Metadata {
  readonly plugin?: string;
  /** Serialized plugin data. */
  readonly content?: Uint8Array;
  readonly displayName?: string;
  readonly description?: string;
  readonly dataClass?: keyof typeof DATA_CLASS | number;
}

/** Returns a serialized SummaryMetadata. */
export function metadata({ plugin, content, displayName, description, dataClass }: Metadata): Uint8Array {
  const data = [...(plugin === undefined ? [] : [field(1, 2, plugin)]), ...(content ? [field(2, 2, content)] : [])];
  return concat(
    ...(data.length > 0 ? [field(1, 2, '', ...data)] : []),
    ...(displayName === undefined ? [] : [field(2, 2, displayName)]),
    ...(description === undefined ? [] : [field(3, 2, description)]),
    ...(dataClass === undefined ? [] : [field(4, 0, typeof dataClass === 'string' ? DATA_CLASS[dataClass] : dataClass)]),
  );
}

/** Returns a value of any fields, for forms that no writer makes; `meta` goes last. */
export function value(tag: string | Uint8Array, fields: readonly Uint8Array[], meta: Meta = null): WrittenValue {
  return concat(field(1, 2, tag), ...fields, ...(meta ? [field(9, 2, meta)] : []));
}

/** Returns a scalar of TensorBoard 1, PyTorch and tensorboardX; four bytes keep the payload of a NaN. */
export function simpleValue(tag: string, x: number | Uint8Array, meta: Meta = null): WrittenValue {
  return value(tag, [field(2, 5, x)], meta);
}

/** Returns a scalar of TensorBoard 2. `as` defaults to `packed`, the shape to no dimension. */
export function tensorScalar(
  tag: string,
  x: Element,
  dtype: Dtype = 'float',
  {
    as = 'packed',
    meta = metadata({ plugin: 'scalars', dataClass: 'scalar' }),
    shape = [],
  }: { readonly as?: Encoding; readonly meta?: Meta; readonly shape?: WrittenTensor['shape'] } = {},
): WrittenValue {
  return plainTensor(tag, { dtype, shape, values: [x], as }, meta);
}

/** Returns any tensor, by default without metadata. */
export function plainTensor(tag: string, content: WrittenTensor, meta: Meta = null): WrittenValue {
  return value(tag, [field(8, 2, tensor(content))], meta);
}

/** Returns a string tensor; the shape defaults to one dimension. */
export function stringTensor(
  tag: string,
  strings: readonly (string | Uint8Array)[],
  { shape = [strings.length], meta = null }: { readonly shape?: readonly number[]; readonly meta?: Meta } = {},
): WrittenValue {
  return plainTensor(tag, { dtype: 'string', shape, values: strings }, meta);
}

/** A HistogramProto as writers make it: `limits` are the right edges, the last one up to 1.797e308. */
export interface Histo {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly limits: readonly number[];
  readonly counts: readonly number[];
  /** True to pack the fields (default); false writes one field an element. */
  readonly packed?: boolean;
}

/** Returns an old histogram. */
export function histo(
  tag: string,
  { min, max, num, sum, sumSquares, limits, counts, packed = true }: Histo,
  meta: Meta = null,
): WrittenValue {
  const list = (no: number, numbers: readonly number[]) =>
    packed ? [field(no, 2, '', ...numbers.map(float64))] : numbers.map((x) => field(no, 1, x));
  const single = [min, max, num, sum, sumSquares].map((x, i) => field(i + 1, 1, x));
  return value(tag, [field(5, 2, '', ...single, ...list(6, limits), ...list(7, counts))], meta);
}

/**
 * Returns a histogram of TensorBoard 2: rows of left edge, right edge and count, possibly none. `dtype` defaults to
 * double, `as` to content.
 */
export function histogramTensor(
  tag: string,
  buckets: readonly (readonly [left: number, right: number, count: number])[],
  {
    dtype = 'double',
    as = 'content',
    meta = metadata({ plugin: 'histograms', dataClass: 'tensor' }),
  }: { readonly dtype?: 'float' | 'double'; readonly as?: Encoding; readonly meta?: Meta } = {},
): WrittenValue {
  return plainTensor(tag, { dtype, shape: [buckets.length, 3], values: buckets.flat(), as }, meta);
}

/** Returns an old image. */
export function image(
  tag: string,
  {
    width,
    height,
    colorspace = 3,
    encoded,
  }: { readonly width: number; readonly height: number; readonly colorspace?: number; readonly encoded: Uint8Array },
  meta: Meta = null,
): WrittenValue {
  return value(tag, [field(4, 2, field(1, 0, height), field(2, 0, width), field(3, 0, colorspace), field(4, 2, encoded))], meta);
}

/** Returns images of TensorBoard 2. */
export function imageTensor(
  tag: string,
  { width, height, images }: { readonly width: number; readonly height: number; readonly images: readonly Uint8Array[] },
  meta: Meta = metadata({ plugin: 'images', dataClass: 'blob' }),
): WrittenValue {
  return stringTensor(tag, [String(width), String(height), ...images], { meta });
}

/** Returns an old audio clip. `contentType` defaults to audio/wav. */
export function audio(
  tag: string,
  {
    sampleRate,
    channels = 1,
    frames,
    encoded,
    contentType = 'audio/wav',
  }: {
    readonly sampleRate: number;
    readonly channels?: number;
    readonly frames: number;
    readonly encoded: Uint8Array;
    readonly contentType?: string;
  },
  meta: Meta = null,
): WrittenValue {
  return value(
    tag,
    [field(6, 2, field(1, 5, sampleRate), field(2, 0, channels), field(3, 0, frames), field(4, 2, encoded), field(5, 2, contentType))],
    meta,
  );
}

/** Returns audio clips of TensorBoard 2: [n, 2] with labels, [n] if no clip has one. */
export function audioTensor(
  tag: string,
  clips: readonly { readonly encoded: Uint8Array; readonly label?: string }[],
  meta: Meta = metadata({ plugin: 'audio', content: field(2, 0, 11), dataClass: 'blob' }),
): WrittenValue {
  const hasLabels = clips.some(({ label }) => label !== undefined);
  const strings = clips.flatMap(({ encoded, label }) => (hasLabels ? [encoded, label ?? ''] : [encoded]));
  return stringTensor(tag, strings, { shape: hasLabels ? [clips.length, 2] : [clips.length], meta });
}

/** Returns Markdown: one text is a tensor without dimensions, a list has one dimension unless `shape` sets more. */
export function text(
  tag: string,
  strings: string | readonly (string | Uint8Array)[],
  { shape, meta = metadata({ plugin: 'text', dataClass: 'tensor' }) }: { readonly shape?: readonly number[]; readonly meta?: Meta } = {},
): WrittenValue {
  const all = typeof strings === 'string' ? [strings] : strings;
  return stringTensor(tag, all, { shape: shape ?? (typeof strings === 'string' ? [] : [all.length]), meta });
}

/** Returns a PR curve: six rows (TP, FP, TN, FN, precision, recall) of equal length. */
export function prCurve(tag: string, rows: readonly (readonly number[])[], meta?: Meta): WrittenValue {
  const thresholds = rows[0]?.length ?? 0;
  const own = metadata({ plugin: 'pr_curves', content: field(2, 0, thresholds), dataClass: 'tensor' });
  return plainTensor(
    tag,
    { dtype: 'float', shape: [rows.length, thresholds], values: rows.flat(), as: 'content' },
    meta === undefined ? own : meta,
  );
}

/**
 * The parts of a mesh: points [b, n, 3], and if there are any, faces (int32) and colours (uint8) in the same form.
 */
export interface Mesh {
  readonly vertices: readonly (readonly Point3[])[];
  readonly faces?: readonly (readonly Point3[])[];
  readonly colors?: readonly (readonly Point3[])[];
  /** The mesh's configuration. Default `{}`. */
  readonly config?: string;
}

/** Three numbers of a mesh. */
export type Point3 = readonly [number, number, number];

/** Returns a mesh: one value per part, tagged NAME_VERTEX, NAME_FACE and NAME_COLOR. */
export function mesh(name: string, { vertices, faces, colors, config = '{}' }: Mesh): WrittenValue[] {
  const parts = [
    { suffix: 'VERTEX', type: 1, dtype: 'float', rows: vertices },
    { suffix: 'FACE', type: 2, dtype: 'int32', rows: faces },
    { suffix: 'COLOR', type: 3, dtype: 'uint8', rows: colors },
  ] as const;
  // Bit n is content type n, as in TensorFlow's mesh plugin.
  const components = parts.reduce((bits, { type, rows }) => (rows ? bits | (1 << type) : bits), 0);
  return parts.flatMap(({ suffix, type, dtype, rows }) => {
    if (!rows) return [];
    const shape = [rows.length, rows[0]?.length ?? 0, 3];
    const content = concat(
      field(2, 2, name),
      field(3, 0, type),
      field(5, 2, config),
      field(6, 2, '', ...shape.map(varint)),
      field(7, 0, components),
    );
    const meta = metadata({ plugin: 'mesh', content, dataClass: 'tensor' });
    return [plainTensor(`${name}_${suffix}`, { dtype, shape, values: rows.flat(2), as: 'content' }, meta)];
  });
}
