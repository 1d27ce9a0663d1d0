/** Writes runs as the truth format, CSV or Parquet, wherever they come from. */
export { type CsvOptions, writeCsv } from './csv.ts';
export { EXPORT_KINDS, type ExportKind } from './kind.ts';
export { type ByteSink, type ParquetOptions, writeParquet } from './parquet.ts';
export type { ExportCount, ExportRun, ExportSeries, ExportSource, FileFacts, SeriesFacts } from './source.ts';
export type { TextSink } from './text-buffer.ts';
export { writeTruthJson } from './truth-json.ts';
