/** Reads and decodes files in a thread of its own: joins `tail` and `decode`, and keeps what several lanes may ask for. */
export { BatchCache, type CachedBatch } from './batch-cache.ts';
export { JobReader, type SilenceEvents } from './job-reader.ts';
export { PatientReader, walkPatiently } from './patient-reader.ts';
export { PieceReader, piecesAnew } from './piece-reader.ts';
export { recordAt } from './record-at.ts';
export { type FileOutcome, type ReadEvent, type RunJob, readRun } from './reader.ts';
export type { EventGroup } from './reader-thread.ts';
