/**
 * Reads a piece of a run for a tracker's lane: from the cache if another lane has just read it, otherwise from the
 * files.
 */

import { type FileState, isAsRecent, pointCount, type RunRef, type Series } from '../model/index.ts';
import type { LaneView } from '../state/index.ts';
import type { Directory } from '../untrusted/index.ts';
import type { BatchCache, CachedBatch } from './batch-cache.ts';
import type { JobReader } from './job-reader.ts';
import type { FileOutcome, RunJob } from './read-event.ts';

/**
 * Bytes that a piece has for each series of its run, at least: every read brings the run's catalogue to the reader's
 * thread, which costs as much as reading so many bytes.
 */
const BYTES_PER_SERIES = 128;

/** The parts that a `PieceReader` works with. */
interface PieceReaderOptions {
  readonly reader: JobReader;
  readonly cache: BatchCache;
  readonly laneState: LaneView;
  /** Returns the last known size of a file; undefined if none is known. */
  readonly sizeOf: (run: RunRef, name: string) => number | undefined;
  /** Returns the largest number of points of a batch. */
  readonly pointsPerSend: () => number;
}

/** A file to read, as it was found. */
export interface FileToRead {
  readonly name: string;
  /** See `RunJob`. */
  readonly inode?: string;
  /**
   * The file's stamp when it was found. A cache with an older one has former content. Default: only sizes are compared.
   */
  readonly stamp?: string;
}

/** The files of a run to read next. */
interface PieceRequest {
  readonly run: RunRef;
  readonly directory: Directory;
  readonly files: readonly FileToRead[];
  /** True to retry bytes that could not be read, or are pending. */
  readonly retriesGaps: boolean;
  /** True to not wait for the rest of an incomplete record, because no writer is expected to complete it. */
  readonly settled: boolean;
  readonly mostBytes: number;
}

/** The result of reading a run in one turn. */
export interface Piece {
  readonly pieces: readonly CachedBatch[];
  /** The outcomes of the files that were opened. */
  readonly outcomes: readonly { readonly file: string; readonly outcome: FileOutcome; readonly reason?: string }[];
  /** Files that were not read because another file has their name. */
  readonly others: readonly string[];
  /** Files that have more to read, or may have. */
  readonly left: readonly string[];
}

/** Reads the next piece of a run for one lane, from the lane's positions. */
export class PieceReader {
  readonly #options: PieceReaderOptions;

  constructor(options: PieceReaderOptions) {
    this.#options = options;
  }

  /** Reads what follows the lane's positions, up to about `mostBytes`; more of a run with many series. */
  async read({ run, directory, files, retriesGaps, settled, mostBytes }: PieceRequest): Promise<Piece> {
    const { reader, cache, laneState, pointsPerSend } = this.#options;
    const known = new Map(laneState.known(run).files.map((state) => [state.name, state]));
    const pieces: CachedBatch[] = [];
    const rest = files.filter((file) => retriesGaps || !this.#takeCached(run, file, known, pieces));
    if (rest.length === 0) return { pieces, outcomes: [], others: [], left: [] };
    const series: Series[] = [...laneState.catalogue(run)];
    const job = {
      run,
      directory,
      files: rest.map(({ name, inode }) => (inode === undefined ? { name } : { name, inode })),
      known: [...known.values()],
      series: [...series],
      settled,
      retriesGaps,
      mostBytes: Math.max(mostBytes, BYTES_PER_SERIES * series.length),
      batchPoints: pointsPerSend(),
    };
    const outcomes: Piece['outcomes'][number][] = [];
    const others: string[] = [];
    let left: readonly string[] = [];
    for (const event of await reader.read(job)) {
      if (event.kind === 'batch') {
        for (const each of event.batch.newSeries) series.push(each);
        const piece = { batch: event.batch, state: event.state, series };
        pieces.push(piece);
        if (!retriesGaps) cache.keep(piece);
      } else if (event.kind === 'file') {
        outcomes.push(event);
      } else if (event.kind === 'otherFile') {
        others.push(event.file);
      } else if (event.kind === 'runDone' && event.hasMore) {
        left = rest.map(({ name }) => name);
      }
    }
    // Silent files are read again when they answer, and those of other files when they are found.
    const passed = new Set([...others, ...outcomes.flatMap(({ file, outcome }) => (outcome === 'silent' ? [file] : []))]);
    return { pieces, outcomes, others, left: left.filter((name) => !passed.has(name)) };
  }

  /**
   * Takes the cached batches of a file from the lane's position. Returns true if they reach the known end of the
   * file.
   */
  #takeCached(run: RunRef, { name, stamp }: FileToRead, known: Map<string, FileState>, pieces: CachedBatch[]): boolean {
    const { cache, pointsPerSend, sizeOf } = this.#options;
    let state = known.get(name);
    if ((state?.position.gaps.length ?? 0) > 0) return false;
    for (;;) {
      const start = state?.position.watermark ?? 0;
      const cached = cache.at(run, name, state?.generation ?? 0, start);
      // Gaps belong to the other lane: the two lanes need not lack the same bytes.
      if (cached === undefined || pointCount(cached.batch) > pointsPerSend() || cached.state.position.gaps.length > 0) return false;
      const reached = cached.state.position.watermark;
      // A batch that filled another lane's gap has the state after everything that lane has read, but not the points
      // in between.
      if (reached <= start || cached.batch.end !== reached) return false;
      pieces.push(cached);
      state = cached.state;
      known.set(name, state);
      const isEnd = state.stamp !== '' && state.damage.length === 0 && state.position.watermark === state.size;
      // A file that changed since this batch was read may have other content of the same length.
      if (isEnd && stamp !== undefined && !isAsRecent(state.stamp, stamp)) return false;
      // A file that is shorter now was cut or emptied, maybe since this batch was read.
      if (isEnd && (sizeOf(run, name) ?? state.size) === state.size) return true;
    }
  }
}

/** Files to read from their beginning. */
interface PiecesFromStartOptions extends Pick<RunJob, 'run' | 'directory' | 'files' | 'batchPoints'> {
  readonly mostBytes: number;
  /** True if no writer is expected to complete an incomplete record. Default true. */
  readonly settled?: boolean;
  readonly signal?: AbortSignal;
  /** Receives files that could not be read, or did not answer. */
  readonly onUnread?: (file: string) => void;
}

/** Yields files from their beginning, piece by piece, whatever any lane has of them. */
export async function* piecesFromStart(
  reader: JobReader,
  { settled = true, signal, onUnread, ...asked }: PiecesFromStartOptions,
): AsyncGenerator<CachedBatch, void, void> {
  const known = new Map<string, FileState>();
  const series: Series[] = [];
  for (let hasMore = asked.files.length > 0; hasMore; ) {
    signal?.throwIfAborted();
    hasMore = false;
    const before = watermarks(known);
    for (const event of await reader.read({ ...asked, known: [...known.values()], series: [...series], settled, retriesGaps: false })) {
      if (event.kind === 'runDone') hasMore = event.hasMore;
      if (event.kind === 'file' && (event.outcome === 'unreadable' || event.outcome === 'silent')) onUnread?.(event.file);
      if (event.kind !== 'batch') continue;
      for (const each of event.batch.newSeries) series.push(each);
      known.set(event.batch.file, event.state);
      yield { batch: event.batch, state: event.state, series };
    }
    // No file has advanced, so nothing more can come.
    if (watermarks(known) === before) return;
  }
}

function watermarks(known: ReadonlyMap<string, FileState>): number {
  return [...known.values()].reduce((sum, { position }) => sum + position.watermark, 0);
}
