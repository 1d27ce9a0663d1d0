/**
 * Keeps decoded batches for lanes with the same position, so that the second lane need not read again. Limited in
 * bytes.
 */
import { memoryShares } from '../memory/index.ts';
import type { Batch, FileState, RunRef, Series } from '../model/index.ts';

/** A batch, the file's state after it, and what its numbers mean. */
export interface CachedBatch {
  readonly batch: Batch;
  readonly state: FileState;
  readonly series: readonly Series[];
}

/** The memory of a series: objects and texts. */
const SERIES_BYTES = 256;

/** The cost of an entry in addition to its columns and payloads. */
const ENTRY_BYTES = 1024;

/** Keeps decoded batches for lanes with the same position, up to a limit in bytes. */
export class BatchCache {
  readonly #mostBytes: number;
  /** Entries by place, the oldest first. */
  readonly #batches = new Map<string, { readonly cached: CachedBatch; readonly bytes: number }>();
  /** The catalogues of the entries, and the entries of each: those of one read share one. */
  readonly #catalogues = new Map<readonly Series[], { readonly keys: Set<string>; bytes: number }>();
  #bytes = 0;

  constructor(mostBytes = memoryShares().cache) {
    this.#mostBytes = mostBytes;
  }

  /** The bytes that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a batch; a lane that reads from its start finds it there. */
  keep(cached: CachedBatch): void {
    const { batch } = cached;
    const key = keyOf(batch.run, batch.file, batch.generation, batch.start);
    const bytes = bytesOf(batch);
    this.#drop(key);
    if (bytes + SERIES_BYTES * cached.series.length > this.#mostBytes / 4) return;
    this.#batches.set(key, { cached, bytes });
    this.#bytes += bytes;
    this.#share(key, cached.series);
    for (const oldest of this.#batches.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#drop(oldest);
    }
  }

  /** Returns the batch of a file that begins at an offset. */
  at(run: RunRef, file: string, generation: number, start: number): CachedBatch | undefined {
    return this.#batches.get(keyOf(run, file, generation, start))?.cached;
  }

  /** Drops all batches of a run, because its files may have other content now. */
  forget({ root, path }: RunRef): void {
    const ofRun = `${JSON.stringify([root, path]).slice(0, -1)},`;
    for (const key of [...this.#batches.keys()]) if (key.startsWith(ofRun)) this.#drop(key);
  }

  #drop(key: string): void {
    const known = this.#batches.get(key);
    if (known === undefined) return;
    this.#batches.delete(key);
    this.#bytes -= known.bytes;
    const { series } = known.cached;
    const catalogue = this.#catalogues.get(series);
    catalogue?.keys.delete(key);
    if (catalogue === undefined || catalogue.keys.size > 0) return;
    this.#catalogues.delete(series);
    this.#bytes -= catalogue.bytes;
  }

  /** Counts a catalogue once, and what it has grown by since. */
  #share(key: string, series: readonly Series[]): void {
    const catalogue = this.#catalogues.get(series) ?? { keys: new Set<string>(), bytes: 0 };
    this.#catalogues.set(series, catalogue);
    catalogue.keys.add(key);
    const bytes = SERIES_BYTES * series.length;
    this.#bytes += bytes - catalogue.bytes;
    catalogue.bytes = bytes;
  }
}

function bytesOf({ scalars, objects, marks }: Batch): number {
  let bytes = ENTRY_BYTES + scalars.series.length * 44;
  for (const { payload } of objects) bytes += 256 + payload.length;
  for (const { payload } of marks) bytes += 256 + payload.length;
  return bytes;
}

function keyOf({ root, path }: RunRef, file: string, generation: number, start: number): string {
  return JSON.stringify([root, path, file, generation, start]);
}
