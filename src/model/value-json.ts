import { createHash } from 'node:crypto';
import { dtypeNamed } from './dtype.ts';
import { numberCount, type Tensor, tensorNumbers } from './tensor.ts';
import type { Histogram, Json, JsonObject, Value } from './value.ts';

/**
 * The largest number of numbers (or strings) for which a tensor is written out. Larger ones are in a file named by
 * their hash.
 */
const INLINE_NUMBERS = 64;
/** The longest string that is written out in a tensor that is not text. */
const INLINE_STRING_BYTES = 4096;

/** Bytes stored separately from the value that names them. */
export interface Blob {
  readonly sha256: string;
  readonly data: Uint8Array;
  /** `png`, `jpeg`, `gif`, `bmp`, `wav`, or the kind of the bytes: `graph`, `tensor`, `string`. */
  readonly format: string;
  readonly label: string;
}

/**
 * Returns a value in the truth format's JSON form. Replaces large bytes by `{bytes, sha256, format}` and passes them
 * to `keep`, in the order in which they are named.
 */
export function valueJson(value: Value, keep: (blob: Blob) => void): Json {
  switch (value.kind) {
    case 'scalar':
      return value.value;
    case 'histogram':
      return histogramJson(value);
    case 'images':
      return {
        width: value.width,
        height: value.height,
        count: value.images.length,
        images: value.images.map((image) => blobJson(image, keep)),
        ...(value.colorspace === undefined ? {} : { colorspace: value.colorspace }),
      };
    case 'audio':
      return {
        count: value.clips.length,
        clips: value.clips.map((clip) => {
          const label = textJson(clip.label);
          return { ...blobJson(clip.data, keep, typeof label === 'string' ? label : ''), label };
        }),
        ...(value.format === undefined
          ? {}
          : {
              proto: {
                sample_rate: value.format.sampleRate,
                num_channels: value.format.channels,
                length_frames: value.format.frames,
                content_type: value.format.contentType,
              },
            }),
      };
    case 'text':
      return { shape: value.shape, strings: value.strings.map(textJson) };
    case 'pr_curve':
      return { shape: value.shape, rows: value.rows };
    case 'layout':
      return { layout: value.layout };
    case 'hparams':
      return value.data;
    case 'graph':
      return blobJson(value.data, keep, '', 'graph');
    case 'tensor':
      return tensorJson(value.tensor, keep);
    case 'malformed':
      return { malformed: value.why, tensor: tensorJson(value.tensor, keep), raw: blobJson(value.raw, keep, '', 'bytes') };
    default:
      return value satisfies never;
  }
}

function histogramJson(value: Histogram): JsonObject {
  const buckets = value.left.map((left, i) => [left, value.right[i] as number, value.count[i] as number]);
  const proto = value.proto;
  if (proto === undefined) return { buckets };
  return {
    buckets,
    proto: {
      min: proto.min,
      max: proto.max,
      num: proto.num,
      sum: proto.sum,
      sum_squares: proto.sumSquares,
      bucket_limit: proto.bucketLimit,
      bucket: proto.bucket,
    },
  };
}

function tensorJson(tensor: Tensor, keep: (blob: Blob) => void): JsonObject {
  const raw = tensor.raw === undefined ? {} : { raw: blobJson(tensor.raw, keep, '', 'bytes') };
  const base = { dtype: tensor.dtype, shape: tensor.shape, ...raw };
  if (tensor.strings) {
    return {
      ...base,
      count: tensor.strings.length,
      strings: tensor.strings.map((text) => (text.length <= INLINE_STRING_BYTES ? textJson(text) : blobJson(text, keep, '', 'string'))),
    };
  }
  if (tensor.bytes === undefined) return { ...base, unreadable: tensor.unreadable ?? 'there are no bytes' };
  const inline = numberCount(tensor) <= INLINE_NUMBERS;
  const sha256 = sha256Of(tensor.bytes);
  if (!inline) keep({ sha256, data: tensor.bytes, format: 'tensor', label: '' });
  const values = inline ? { values: tensorNumbers(tensor).map((x) => (tensor.dtype === 'bool' ? x === 1 : x)) } : {};
  const width = dtypeNamed(tensor.dtype)?.width ?? 0;
  return { ...base, bytes: tensor.bytes.length, ...(width > 0 ? { sha256_le: sha256 } : {}), ...values };
}

function blobJson(data: Uint8Array, keep: (blob: Blob) => void, label = '', format = formatOf(data)): JsonObject {
  const sha256 = sha256Of(data);
  keep({ sha256, data, format: format || 'bytes', label });
  return { bytes: data.length, sha256, ...(format ? { format } : {}) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns bytes as a text, or as `{base64}` if they are not UTF-8. */
export function textJson(bytes: Uint8Array): Json {
  try {
    return utf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
  }
}

/** Returns the SHA-256, in hex. */
export function sha256Of(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

const MAGIC: readonly (readonly [string, readonly number[]])[] = [
  ['png', [0x89, 0x50, 0x4e, 0x47]],
  ['jpeg', [0xff, 0xd8]],
  ['gif', [0x47, 0x49, 0x46, 0x38]],
  ['wav', [0x52, 0x49, 0x46, 0x46]],
  ['bmp', [0x42, 0x4d]],
];

function formatOf(data: Uint8Array): string {
  return MAGIC.find(([, magic]) => magic.every((byte, i) => data[i] === byte))?.[0] ?? '';
}
