import type { mirrorboard as messages } from '../proto/messages.js';
import { dtypeOf } from './dtype.ts';

/** The memory of a series in addition to its texts, in a catalogue and in the tables of readers and stores. */
const SERIES = 320;

/** Estimates the memory that a series takes. */
export function weightOfSeries(
  tag: string,
  description: string | null | undefined,
  displayName: string | null | undefined,
  metadata: number,
): number {
  return SERIES + 3 * tag.length + 2 * ((description?.length ?? 0) + (displayName?.length ?? 0)) + metadata;
}

/** A number of a histogram or a curve: in lists, in buckets, and as text. */
const NUMBER = 160;
/** A string with its own place, hash and row. */
const STRING = 500;
/** A byte of a message whose fields are separate objects: `{}` takes two bytes. */
const STRUCTURE = 64;
/** A byte of text: the text, its JSON form, and copies of both on the way into a database or a request. */
const LETTER = 6;
const ESCAPE = 24;
/** See `readTensor`: a list shorter than its shape is filled. */
const MAX_FILLED_BYTES = 64 * 1024 * 1024;

const BLOB_PLUGINS: ReadonlySet<string> = new Set([
  'images',
  'audio',
  'graphs',
  'graph_run_metadata',
  'graph_run_metadata_graph',
  'graph_tagged_run_metadata',
  'graph_keras_model',
]);
const INLINE_STRING_BYTES = 4096;

/**
 * Returns an upper estimate of the memory for interpreting a value (`interpret`, `valueJson`), in addition to its
 * bytes.
 */
export function weighValue(plugin: string, value: messages.Summary.Value.$Properties): number {
  if (plugin === 'hparams') return STRUCTURE * (value.metadata?.plugin_data?.content?.length ?? 0);
  const { histo, tensor } = value;
  if (histo) return NUMBER * 2 * Math.max(histo.bucket?.length ?? 0, histo.bucket_limit?.length ?? 0);
  return tensor ? weighTensor(plugin, tensor) : 0;
}

function weighTensor(plugin: string, tensor: messages.TensorProto.$Properties): number {
  const strings = tensor.string_val ?? [];
  const dims = tensor.tensor_shape?.dim ?? [];
  const shape = 64 * dims.length;
  if (strings.length > 0) {
    let weight = shape + STRING * strings.length;
    const isText = plugin === 'text';
    if (plugin === 'custom_scalars') return weight + STRUCTURE * strings.reduce((sum, { length }) => sum + length, 0);
    if (BLOB_PLUGINS.has(plugin)) return weight;
    for (const string of strings) if (isText || string.length <= INLINE_STRING_BYTES) weight += weightOfText(string);
    return weight;
  }
  const width = dtypeOf(tensor.dtype ?? 0)?.width ?? 0;
  const content = tensor.tensor_content?.length ?? 0;
  const size = dims.reduce((product, { size: n }) => product * Number(n ?? 0), 1);
  // Numbers without `tensor_content` are a list, which is written out. Its shape is a claim, but is believed up to a
  // limit.
  const filled = content > 0 || !(size > 0) ? 0 : Math.min(size * width, Math.max(MAX_FILLED_BYTES, listBytes(tensor)));
  const isNumbers = plugin === 'histograms' || plugin === 'pr_curves';
  return shape + filled + (isNumbers ? (NUMBER * Math.max(content, filled)) / Math.max(1, width) : 0);
}

/** Estimates the bytes of the listed elements, assuming the widest type. */
function listBytes(tensor: messages.TensorProto.$Properties): number {
  const { float_val, double_val, int_val, int64_val, bool_val, half_val, uint32_val, uint64_val, scomplex_val, dcomplex_val } = tensor;
  const lists = [float_val, double_val, int_val, int64_val, bool_val, half_val, uint32_val, uint64_val, scomplex_val, dcomplex_val];
  return 16 * lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
}

/**
 * Estimates the memory of a text on its way into JSON. Escapes take six characters each; a single non-ASCII character
 * doubles all others.
 */
function weightOfText(text: Uint8Array): number {
  let escapes = 0;
  let isWide = false;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) escapes++;
    else if (byte >= 0x80) isWide = true;
  }
  const weight = LETTER * text.length + ESCAPE * escapes;
  return isWide ? 2 * weight : weight;
}
