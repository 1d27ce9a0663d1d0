/** The JSON forms of stored values that TensorBoard shows: docs/commands.md describes the truth format. */

/** A number as JSON: NaN, infinities and integers that no double holds are texts. */
export type NumberForm = number | string | boolean;

/** Bytes in the media folder. */
export interface FileForm {
  readonly sha256: string;
}

/** An element of a string tensor: a text, other bytes, or bytes in the media folder. */
export type TextForm = string | { readonly base64: string } | FileForm;

/** A tensor. */
export interface TensorForm {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strings?: readonly TextForm[];
  readonly bytes?: number;
  readonly sha256_le?: string;
  readonly values?: readonly NumberForm[];
  /** The unchanged message, if it holds more than the other fields. */
  readonly raw?: FileForm;
}

/** A value by the kind that the store names. */
export type ValueForm =
  | { readonly kind: 'histogram'; readonly value: { readonly buckets: readonly (readonly NumberForm[])[] } }
  | {
      readonly kind: 'images';
      readonly value: { readonly width: number; readonly height: number; readonly images: readonly FileForm[] };
    }
  | { readonly kind: 'audio'; readonly value: { readonly clips: readonly FileForm[] } }
  | { readonly kind: 'text'; readonly value: { readonly shape: readonly number[]; readonly strings: readonly TextForm[] } }
  | {
      readonly kind: 'pr_curve';
      readonly value: { readonly shape: readonly number[]; readonly rows: readonly (readonly NumberForm[])[] };
    }
  | { readonly kind: 'layout'; readonly value: { readonly layout: LayoutForm } }
  | { readonly kind: 'hparams'; readonly value: object }
  | { readonly kind: 'graph'; readonly value: FileForm }
  | { readonly kind: 'tensor'; readonly value: TensorForm }
  | { readonly kind: 'malformed'; readonly value: { readonly tensor: TensorForm; readonly raw: FileForm } };

/** The layout of custom scalars. */
export interface LayoutForm {
  readonly version?: number;
  readonly category?: readonly {
    readonly title?: string;
    readonly chart?: readonly {
      readonly title?: string;
      readonly multiline?: { readonly tag?: readonly string[] };
      readonly margin?: {
        readonly series?: readonly { readonly value?: string; readonly lower?: string; readonly upper?: string }[];
      };
    }[];
    readonly closed?: boolean;
  }[];
}

/** Reads a number. */
export function numberOf(form: NumberForm): number {
  return Number(form);
}
