/** What a thread that exports runs receives, and what it answers. */
import { csvFormat, type ExportCount, type ExportKind, type ShortSeries, type TextFormat, TRUTH_FORMAT } from '../export/index.ts';

/** The data that a thread starts with. */
export interface ExportRunWork {
  /** The path of the store. */
  readonly path: string;
  readonly format: TextExport;
}

/** A format that is text, with its options. */
export type TextExport = { readonly name: 'json' } | { readonly name: 'csv'; readonly kind: ExportKind; readonly safe: boolean };

/** A run that was written. */
export interface ExportedRun {
  readonly count: ExportCount;
  readonly shortages: readonly ShortSeries[];
}

/** Returns the format itself, which cannot cross threads. */
export function textFormatOf(format: TextExport): TextFormat {
  return format.name === 'json' ? TRUTH_FORMAT : csvFormat(format);
}
