/** Reads what a run has to send in a turn, one piece at a time, and routes it. */
import { noteGarbage } from '../memory/index.ts';
import { type Batch, pointCount } from '../model/index.ts';
import type { PieceReader } from '../reading/index.ts';
import type { LaneProgress } from '../status/index.ts';
import type { LaneRoutes } from './lane-routes.ts';
import type { SyncEvents, SyncStatus } from './lane-sync.ts';
import { sessionEndIn } from './session-end.ts';
import type { SourcePiece, SyncedSource } from './synced-run.ts';
import type { TagParams } from './tag-params.ts';

/** The lane for which pieces are read, and what that needs. */
interface TurnReaderOptions {
  readonly lane: string;
  readonly pieces: PieceReader;
  readonly routes: LaneRoutes;
  readonly tags: TagParams;
  readonly progress: LaneProgress;
  readonly status: SyncStatus;
  readonly events: SyncEvents;
  /** True if no program writes to the files any more. */
  readonly isSettled: boolean;
}

/**
 * Bytes above which a turn is large. A lane has one large turn per root at a time, which limits the memory for large
 * records.
 */
const LARGE_BYTES = 8 * 1024 * 1024;

/** Reads runs for the turns of a lane. */
export class TurnReader {
  readonly #options: TurnReaderOptions;
  /**
   * The read under way in each root, or the turn of the large record that was read last. The next read waits for it.
   */
  readonly #reading = new Map<string, Promise<void>>();

  constructor(options: TurnReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads a piece of a run; another turn reads the rest. Reads of a root go one after the other, so that two turns do
   * not both bring a large record. `delivered`: resolves when the whole turn is delivered.
   */
  async read(source: SyncedSource, mostBytes: number, delivered: Promise<void>): Promise<SourcePiece[]> {
    const { root } = source.ref;
    const before = this.#reading.get(root) ?? Promise.resolve();
    const read = before.then(() => this.#read(source, mostBytes));
    // A turn with a large record reads no more.
    const after = read.then(
      (pieces) =>
        pieces.some(({ batch }) => payloadBytes(batch) > LARGE_BYTES) ? delivered.then(() => noteGarbage(LARGE_BYTES)) : undefined,
      () => undefined,
    );
    this.#reading.set(root, after);
    return await read;
  }

  async #read(source: SyncedSource, mostBytes: number): Promise<SourcePiece[]> {
    const { lane, pieces: reader, routes, tags, progress, status, events, isSettled } = this.#options;
    const { ref, directory } = source;
    const retriesGaps = source.toRetry.size > 0;
    const names = [...new Set([...source.dirty, ...source.toRetry])].sort();
    source.read = names;
    source.dirty.clear();
    source.toRetry.clear();
    const { pieces, outcomes, others, left } = await reader.read({
      run: ref,
      directory,
      files: names.map((name) => source.found.file(name)),
      retriesGaps,
      mostBytes,
      settled: isSettled || source.isQuiet,
    });
    for (const { file, outcome, reason } of outcomes) {
      status.fileRead(lane, ref, file, outcome, reason);
      if (outcome === 'silent') source.silent.add(file);
      if (outcome === 'unreadable') progress.fileUnreadable(ref, file);
      else if (outcome === 'vanished' && isSettled) progress.fileForgotten(ref, file);
      // A file that vanished may be there again, unchanged, when its root is mounted again: then nobody reports it.
      if (outcome === 'unreadable' || (outcome === 'vanished' && !isSettled)) events.readFailed(lane, ref, file);
      else if (outcome !== 'silent') events.fileRead(lane, ref, file);
    }
    for (const file of others) {
      source.found.passedOver(file);
      // The next scan finds it. If that is late, the file is read without it.
      events.readFailed(lane, ref, file);
    }
    for (const name of left) source.dirty.add(name);
    return pieces.map((piece) => {
      progress.fileRead(ref, piece.state, piece.batch.start);
      if (pointCount(piece.batch) > 0) source.sessionEnd = sessionEndIn(piece.batch, piece.series);
      const sent = routes.apply(ref, piece);
      progress.wasGiven(pointCount(sent.batch), piece.batch.end - piece.batch.start);
      progress.leftOut += pointCount(piece.batch) - pointCount(sent.batch);
      return { ...piece, ...sent, file: source.fileOf(piece.batch.file), texts: tags.textsIn(source, piece) };
    });
  }
}

function payloadBytes({ objects, marks }: Batch): number {
  return [...objects, ...marks].reduce((sum, { payload }) => sum + payload.length, 0);
}
