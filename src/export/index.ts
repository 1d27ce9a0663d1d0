/** Writes runs of any source as the truth format, CSV or Parquet. */
export { type CsvOptions, writeCsv } from './csv.ts';
export { EXPORT_KINDS, type ExportKind } from './kind.ts';
export { type ParquetOptions, writeParquet } from './parquet.ts';
export type { ExportedFile, ExportRun, ExportSeries, ExportSource } from './source.ts';
export { type ShortSeries, type StoreSourceOptions, storeSource } from './store-source.ts';
export { writeTruthJson } from './truth-json.ts';
