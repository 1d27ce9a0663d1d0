/** Writes runs of any source as the truth format, CSV or Parquet. */
export { type CsvOptions, csvFormat, writeCsv } from './csv.ts';
export { EXPORT_KINDS, type ExportKind } from './kind.ts';
export { type ParquetOptions, writeParquet } from './parquet.ts';
export type { ExportCount, ExportedFile, ExportRun, ExportSeries, ExportSource } from './source.ts';
export { type ShortSeries, type StoreSourceOptions, storedRun, storeSource } from './store-source.ts';
export { type TextFormat, writeRunText, writeText } from './text-format.ts';
export { TRUTH_FORMAT, writeTruthJson } from './truth-json.ts';
