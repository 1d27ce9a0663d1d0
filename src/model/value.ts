import type { Tensor } from './tensor.ts';

/** The content of a point that is not a plain scalar, in one form whatever the writer's version. */
export type Value =
  | { readonly kind: 'scalar'; readonly value: number | bigint }
  | Histogram
  | {
      readonly kind: 'images';
      readonly width: number;
      readonly height: number;
      readonly colorspace?: number;
      readonly images: readonly Uint8Array[];
    }
  | { readonly kind: 'audio'; readonly clips: readonly AudioClip[]; readonly format?: AudioFormat }
  | { readonly kind: 'text'; readonly shape: readonly number[]; readonly strings: readonly Uint8Array[] }
  /**
   * Rows: true positives, false positives, true negatives, false negatives, precision, recall; one column a
   * threshold.
   */
  | { readonly kind: 'pr_curve'; readonly shape: readonly number[]; readonly rows: readonly (readonly (number | bigint)[])[] }
  | { readonly kind: 'layout'; readonly layout: JsonObject }
  | { readonly kind: 'hparams'; readonly data: JsonObject }
  | { readonly kind: 'graph'; readonly data: Uint8Array }
  | { readonly kind: 'tensor'; readonly tensor: Tensor }
  /** The value violates the plugin's own rules; the tensor is unchanged. */
  | { readonly kind: 'malformed'; readonly why: string; readonly tensor: Tensor; readonly raw: Uint8Array };

/** A histogram in buckets. */
export interface Histogram {
  readonly kind: 'histogram';
  /**
   * The buckets as TensorBoard shows them, in full precision: left edge, right edge and count, one element a bucket.
   */
  readonly left: readonly (number | bigint)[];
  readonly right: readonly (number | bigint)[];
  readonly count: readonly (number | bigint)[];
  /** The unchanged doubles of a histogram in TensorFlow 1's form. */
  readonly proto?: {
    readonly min: number;
    readonly max: number;
    readonly num: number;
    readonly sum: number;
    readonly sumSquares: number;
    readonly bucketLimit: readonly number[];
    readonly bucket: readonly number[];
  };
}

/** A clip of audio and its label, as bytes from the file. */
export interface AudioClip {
  readonly data: Uint8Array;
  readonly label: Uint8Array;
}

/** The facts of a clip in TensorFlow 1's form. */
export interface AudioFormat {
  readonly sampleRate: number;
  readonly channels: number | bigint;
  readonly frames: number | bigint;
  readonly contentType: string;
}

/**
 * A message in protobuf's JSON form, with the field names of the .proto files. Numbers stay numbers, even NaN and
 * infinities.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}
