/** The messages between the server and a thread that exports. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { ExportKind } from '../export/index.ts';
import type { RunSelection } from '../query/index.ts';

/** What a thread exports. */
export interface ExportWork {
  /** The store. */
  readonly path: string;
  readonly format: 'csv' | 'json' | 'parquet';
  readonly select: RunSelection;
  /** Only these tags; undefined for all. */
  readonly tags: readonly string[] | undefined;
  readonly kind: ExportKind;
  readonly isSafe: boolean;
  /** The pieces that the thread may send before the first is taken. */
  readonly ahead: number;
}

/** A message of the thread. The server answers each piece with any message when it has taken it. */
export type ExportMessage =
  /** The selection is valid, and pieces follow. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'piece'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
