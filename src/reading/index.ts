/** Reads and decodes files in its own thread: connects `tail` and `decode`, and keeps what several lanes may need. */
export { BatchCache, type CachedBatch } from './batch-cache.ts';
export { freeBatches } from './free-batches.ts';
export { JobReader } from './job-reader.ts';
export { PatientReader } from './patient-reader.ts';
export { type FileToRead, PieceReader, piecesFromStart } from './piece-reader.ts';
export type { CountedPoints, FileOutcome, ReadEvent, RunJob } from './read-event.ts';
export { RunSession } from './reader.ts';
export { ReaderPool } from './reader-pool.ts';
export type { EventGroup } from './reader-thread.ts';
export { recordAt } from './record-at.ts';
export { type AskedWalk, type Walked, walkPatiently, walkRoots } from './walk-roots.ts';
