import { mirrorboard as messages } from '../proto/messages.js';
import type { PointForm } from './batch.ts';
import { readHParams, readLayout } from './plugin-data.ts';
import { int64, readTensor, type Tensor, tensorNumbers } from './tensor.ts';
import type { Histogram, Value } from './value.ts';

/** The parts of a point that tell what it holds. */
export interface RawValue {
  readonly form: PointForm;
  /** The bytes of the message (or of the graph) in the file. */
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);

const GRAPH_PLUGINS: ReadonlySet<string> = new Set([
  'graphs',
  'graph_run_metadata',
  'graph_run_metadata_graph',
  'graph_tagged_run_metadata',
  'graph_keras_model',
]);

/**
 * Returns the canonical value of a point in a series with this plugin. Reads old forms as TensorBoard upgrades them,
 * but rounds and cuts nothing. A value that does not fit its plugin is `malformed`, with its tensor unchanged.
 */
export function interpret(plugin: string, raw: RawValue): Value {
  const tensor = upgradedTensor(raw);
  try {
    return fitted(plugin, raw, tensor) ?? { kind: 'tensor', tensor };
  } catch (error) {
    return { kind: 'malformed', why: error instanceof Error ? error.message : String(error), tensor, raw: raw.payload };
  }
}

function fitted(plugin: string, raw: RawValue, tensor: Tensor): Value | undefined {
  switch (plugin) {
    case 'hparams':
      return raw.form === 'content' ? { kind: 'hparams', data: readHParams(raw.payload) } : undefined;
    case 'scalars':
      return scalar(raw, tensor);
    case 'histograms':
      return histogram(raw, tensor);
    case 'images':
      return images(raw, tensor);
    case 'audio':
      return audio(raw, tensor);
    case 'text':
      return tensor.strings ? { kind: 'text', shape: tensor.shape, strings: tensor.strings } : undefined;
    case 'pr_curves':
      return prCurve(tensor);
    case 'custom_scalars': {
      const layout = tensor.strings?.[0];
      return layout ? { kind: 'layout', layout: readLayout(layout) } : undefined;
    }
    default:
      return GRAPH_PLUGINS.has(plugin) ? graph(raw, tensor) : undefined;
  }
}

/** Returns a value of any form as the tensor that TensorBoard makes of it. */
function upgradedTensor(raw: RawValue): Tensor {
  switch (raw.form) {
    case 'tensor': {
      const tensor = readTensor(messages.TensorProto.decode(raw.payload));
      return tensor.unreadable === undefined ? tensor : { ...tensor, raw: raw.payload };
    }
    case 'simple_value':
      return { dtype: 'float', shape: [], bytes: raw.payload };
    case 'histo': {
      const { left, right, count } = upgradedHistogram(messages.HistogramProto.decode(raw.payload));
      const bytes = new Float32Array(left.flatMap((x, i) => [x, right[i] as number, count[i] as number]).map(Number));
      // The upgrade rounds to float32: a caller that does not read it as a histogram still gets the doubles.
      return { dtype: 'float', shape: [left.length, 3], bytes: new Uint8Array(bytes.buffer), raw: raw.payload };
    }
    case 'image': {
      const image = messages.Image.decode(raw.payload);
      const strings = [ascii(image.width), ascii(image.height), image.encoded_image_string ?? NOTHING];
      return { dtype: 'string', shape: [3], strings };
    }
    case 'audio': {
      const clip = messages.Audio.decode(raw.payload);
      return { dtype: 'string', shape: [1], strings: [clip.encoded_audio_string ?? NOTHING] };
    }
    case 'graph_def':
    case 'tagged_run_metadata':
      return { dtype: 'string', shape: [1], strings: [raw.payload] };
    case 'content':
    case 'none':
      return { dtype: 'invalid', shape: [], unreadable: 'there is no value' };
    default:
      return raw.form satisfies never;
  }
}

function scalar(raw: RawValue, tensor: Tensor): Value | undefined {
  if (raw.form === 'none' || raw.form === 'content' || tensor.strings) return undefined;
  if (tensor.shape.reduce((product, n) => product * n, 1) !== 1) return undefined;
  const [value] = tensorNumbers(tensor, 1);
  return value === undefined || tensor.dtype.startsWith('complex') ? undefined : { kind: 'scalar', value };
}

/** Upgrades an old histogram: removes its empty outer buckets, and uses `min` and `max` as the outermost edges. */
function upgradedHistogram(histo: messages.HistogramProto.$Properties): Omit<Histogram, 'kind' | 'proto'> {
  // If a writer gave fewer limits than buckets (or more), only the pairs make sense; `proto` keeps both lists.
  const limit = histo.bucket_limit ?? [];
  const bucket = (histo.bucket ?? []).slice(0, limit.length);
  const first = bucket.findIndex((n) => n > 0);
  if (first < 0) return { left: [], right: [], count: [] };
  const last = bucket.findLastIndex((n) => n > 0);
  const inner = limit.slice(first, last);
  return { left: [histo.min ?? 0, ...inner], right: [...inner, histo.max ?? 0], count: bucket.slice(first, last + 1) };
}

function histogram(raw: RawValue, tensor: Tensor): Histogram | undefined {
  if (raw.form === 'histo') {
    const histo = messages.HistogramProto.decode(raw.payload);
    const { min, max, num, sum, sum_squares: sumSquares, bucket_limit: bucketLimit, bucket } = histo;
    return { kind: 'histogram', ...upgradedHistogram(histo), proto: { min, max, num, sum, sumSquares, bucketLimit, bucket } };
  }
  if (tensor.unreadable !== undefined || tensor.bytes === undefined) return undefined;
  const numbers = tensorNumbers(tensor);
  if (numbers.length % 3 !== 0) throw new RangeError(`${numbers.length} numbers are no rows of left, right, count`);
  const column = (k: number): (number | bigint)[] => numbers.filter((_, i) => i % 3 === k);
  return { kind: 'histogram', left: column(0), right: column(1), count: column(2) };
}

function images(raw: RawValue, tensor: Tensor): Value | undefined {
  if (!tensor.strings) return undefined;
  const [width, height, ...rest] = tensor.strings;
  const value = { kind: 'images', width: asciiNumber(width), height: asciiNumber(height), images: rest } as const;
  return raw.form === 'image' ? { ...value, colorspace: messages.Image.decode(raw.payload).colorspace } : value;
}

function audio(raw: RawValue, tensor: Tensor): Value | undefined {
  if (raw.form === 'audio') {
    const clip = messages.Audio.decode(raw.payload);
    return {
      kind: 'audio',
      clips: [{ data: clip.encoded_audio_string ?? NOTHING, label: NOTHING }],
      format: {
        sampleRate: clip.sample_rate,
        channels: int64(clip.num_channels),
        frames: int64(clip.length_frames),
        contentType: clip.content_type,
      },
    };
  }
  const strings = tensor.strings;
  if (strings === undefined) return undefined;
  const pairs = tensor.shape.length === 2 && tensor.shape[1] === 2;
  if (pairs && strings.length % 2 !== 0) throw new RangeError(`${strings.length} strings are not pairs of clip and label`);
  const clips = pairs
    ? strings.filter((_, i) => i % 2 === 0).map((data, i) => ({ data, label: strings[2 * i + 1] ?? NOTHING }))
    : strings.map((data) => ({ data, label: NOTHING }));
  return { kind: 'audio', clips };
}

function prCurve(tensor: Tensor): Value | undefined {
  if (tensor.bytes === undefined) return undefined;
  const [rows, columns] = tensor.shape;
  if (tensor.shape.length !== 2 || rows === undefined || columns === undefined) {
    throw new RangeError(`a PR curve has rows and columns, not the shape [${tensor.shape}]`);
  }
  if (rows > MOST_PR_ROWS) throw new RangeError(`a PR curve has ${MOST_PR_ROWS} rows, not ${rows}`);
  const numbers = tensorNumbers(tensor);
  return {
    kind: 'pr_curve',
    shape: tensor.shape,
    rows: Array.from({ length: rows }, (_, r) => numbers.slice(r * columns, (r + 1) * columns)),
  };
}

/** The rows of a PR curve: true positives, false positives, true negatives, false negatives, precision, recall. */
const MOST_PR_ROWS = 6;

function graph(raw: RawValue, tensor: Tensor): Value {
  if (tensor.strings?.[0] !== undefined) return { kind: 'graph', data: tensor.strings[0] };
  // The string counts, whatever number type the tensor claims to have.
  const { string_val: strings, tensor_content: content } = messages.TensorProto.decode(raw.form === 'tensor' ? raw.payload : NOTHING);
  return { kind: 'graph', data: strings?.[0] ?? content ?? NOTHING };
}

function ascii(x: number): Uint8Array {
  return new TextEncoder().encode(String(x));
}

function asciiNumber(text: Uint8Array | undefined): number {
  const digits = text === undefined ? '' : new TextDecoder('latin1').decode(text).trim();
  if (!/^[+-]?\d{1,15}$/.test(digits)) throw new RangeError('an image begins with its width and height');
  return Number(digits);
}
