/** The local store: one SQLite file that holds points and positions together, and a folder of media next to it. */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type {
  Capabilities,
  Handle,
  KnownFile,
  KnownRoot,
  KnownRun,
  Outcome,
  Parcel,
  PositionOwner,
  ReadBackChunk,
  RunSource,
} from '../../contract/index.ts';
import { memoryShares, noteGarbage } from '../../memory/index.ts';
import { type Blob, type FileState, pointCount, type RunRef, type Series, type Tidying, type WrittenPoint } from '../../model/index.ts';
import { damageOf } from './check.ts';
import { Checkpointer } from './checkpointer.ts';
import { openForReading, openForWriting, smallCache, translated } from './client.ts';
import { holdsPoints } from './holds.ts';
import { CAPABILITIES } from './limits.ts';
import { blobPath, MediaFolder } from './media.ts';
import { moveRuns, type StoredMove } from './moved.ts';
import { StoreReader } from './reader.ts';
import { sweepMedia, tidyStore } from './tidy.ts';
import { noteUnread } from './unread-roots.ts';
import { type PreparedParcel, Writer } from './writer.ts';

/** The paths of the store and its media. */
export interface LocalOptions {
  /** The SQLite file; it is created with its folder if there is none. */
  readonly path: string;
  /** The folder of media. */
  readonly mediaPath: string;
}

/** The local store as a lane. It keeps points and positions in one transaction. */
export class LocalBackend implements PositionOwner {
  readonly #options: LocalOptions;
  readonly #db: DatabaseSync;
  readonly #writer: Writer;
  readonly #reader: StoreReader;
  readonly #media: MediaFolder;
  readonly #checkpointer: Checkpointer;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#db = openForWriting(options.path);
    this.#writer = new Writer(this.#db);
    this.#reader = new StoreReader(this.#db, options.path);
    this.#media = new MediaFolder(options.mediaPath);
    this.#checkpointer = new Checkpointer(options.path, this.#db);
  }

  /** Returns the damage that a light check of the store finds, see `damageOf`; undefined if there is none. */
  damage(): string | undefined {
    using _cache = smallCache(this.#db);
    return damageOf(this.#db, this.#options.path);
  }

  describe(): Capabilities {
    return CAPABILITIES;
  }

  /**
   * Opens a run. Its rows are created with its first points, so that opening ten thousand runs does not take ten
   * thousand transactions.
   */
  async open(source: Pick<RunSource, 'run' | 'rootPath'>): Promise<Handle> {
    this.#writer.announce(source);
    return JSON.stringify([source.run.root, source.run.path]) as Handle;
  }

  async send(parcels: readonly Parcel[]): Promise<readonly Outcome[]> {
    try {
      return await this.#store(parcels);
    } catch (cause) {
      const error = translated(cause, this.#options.path, 'writing');
      return parcels.map(() => (error.retry === 'later' ? { kind: 'retry', error } : { kind: 'fatal', error }));
    }
  }

  /** Stores parcels in order: a later parcel may hold points of series that an earlier one defines. */
  async #store(parcels: readonly Parcel[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let ready: PreparedParcel[] = [];
    let weight = 0;
    const commit = async (): Promise<void> => {
      const blobs = new Map<string, Blob>();
      for (const { objects, marks } of ready) {
        for (const object of objects) for (const blob of object.blobs) blobs.set(blobPath(blob), blob);
        for (const { blob } of marks) if (blob !== undefined) blobs.set(blobPath(blob), blob);
      }
      await this.#media.keep(blobs);
      this.#transaction(() => {
        for (const prepared of ready) this.#writer.write(prepared);
        this.#writer.finish();
      });
      this.#checkpointer.committed();
      for (const { parcel } of ready) outcomes.push({ kind: 'accepted', points: pointCount(parcel.batch), refusals: [] });
      ready = [];
      noteGarbage(weight);
      weight = 0;
    };
    const defined = new Set<string>();
    for (const parcel of parcels) {
      const key = parcel.handle;
      // An object's series may be defined by a parcel that is not written yet.
      if (parcel.batch.objects.length > 0 && defined.has(key)) {
        await commit();
        defined.clear();
      }
      if (parcel.batch.newSeries.length > 0) defined.add(key);
      const prepared = this.#writer.prepare(parcel);
      ready.push(prepared);
      weight += prepared.weight;
      // Values take much more memory than their bytes in the file.
      if (weight < memoryShares().values) continue;
      await commit();
      defined.clear();
    }
    await commit();
    return outcomes;
  }

  positions(run: RunRef): KnownRun {
    return this.#reader.positions(run);
  }

  position(run: RunRef, file: string): FileState | undefined {
    return this.#reader.position(run, file);
  }

  holds(run: RunRef, file: string, points: readonly WrittenPoint[]): boolean {
    try {
      return holdsPoints(this.#db, run, file, points);
    } catch (cause) {
      throw translated(cause, this.#options.path, 'reading');
    }
  }

  catalogue(run: RunRef): readonly Series[] {
    return this.#reader.catalogue(run);
  }

  roots(): readonly KnownRoot[] {
    return this.#reader.roots();
  }

  /** Changes the path of a root. If the store cannot be written now, the path is written with the next points. */
  moveRoot({ name, path }: KnownRoot): void {
    try {
      this.#db.prepare('UPDATE root SET path = ? WHERE name = ? AND path <> ?').run(path, name, path);
    } catch (cause) {
      const error = translated(cause, this.#options.path, 'writing');
      if (error.retry !== 'later') throw error;
    }
  }

  /**
   * Notes the reason why a part of a root could not be read, even if the store has nothing of the root. Undefined:
   * all could be read.
   */
  noteUnread(root: KnownRoot, reason: string | undefined): void {
    if (this.#reader.unreadRoots().get(root.name) === reason) return;
    try {
      this.#transaction(() => noteUnread(this.#db, root, reason));
    } catch (cause) {
      const error = translated(cause, this.#options.path, 'writing');
      if (error.retry !== 'later') throw error;
    }
  }

  /**
   * Returns the files of some roots that have one of these inodes, or begin with a record of one of these lengths and
   * checksums (`length:checksum`).
   */
  filesLike(
    roots: readonly string[],
    inodes: readonly string[],
    firsts: readonly string[],
  ): { readonly run: RunRef; readonly state: FileState }[] {
    return this.#reader.filesLike(roots, inodes, firsts);
  }

  /**
   * Moves the points of runs that are elsewhere now, or whose files have other names. Returns the moves that were
   * done; it leaves out those that are impossible.
   */
  move<Move extends StoredMove>(moves: readonly Move[]): Move[] {
    let done: Move[] = [];
    try {
      this.#transaction(() => {
        done = moveRuns(this.#db, moves);
      });
    } catch (cause) {
      throw translated(cause, this.#options.path, 'writing');
    }
    // The cached rows are no longer valid.
    this.#writer.forget();
    return done;
  }

  /** Renames, moves or forgets runs; it leaves out those that no longer exist. */
  tidy(tidying: Tidying): void {
    const transaction = (work: () => void): void => {
      this.#transaction(work);
      this.#checkpointer.committed();
    };
    try {
      tidyStore(this.#db, tidying, transaction);
      if (tidying.kind === 'forget' && !tidying.keepsPoints) sweepMedia(this.#db, this.#options.mediaPath, transaction);
    } catch (cause) {
      throw translated(cause, this.#options.path, 'writing');
    }
    // The cached rows are no longer valid.
    this.#writer.forget();
  }

  hasRuns(root: string): boolean {
    return this.#reader.hasRuns(root);
  }

  *knownFiles(root: string): Generator<KnownFile, void, void> {
    using _cache = smallCache(this.#db);
    yield* this.#reader.knownFiles(root);
  }

  compact(run: RunRef): boolean {
    return this.#tidy(() => this.#writer.compact(run));
  }

  dropOlder(run: RunRef): boolean {
    return this.#tidy(() => this.#writer.compact(run, 'older'));
  }

  mergeRecent(runs: readonly RunRef[]): number {
    let done = runs.length;
    this.#tidy(() => {
      done = this.#writer.mergeRecent(runs);
      return false;
    });
    return done;
  }

  #tidy(work: () => boolean): boolean {
    let isMore = false;
    try {
      this.#transaction(() => {
        isMore = work();
      });
      this.#checkpointer.committed();
    } catch (cause) {
      // The disk is full, or the store is locked: the segments can stay apart until the next time.
      const error = translated(cause, this.#options.path, 'writing');
      if (error.retry !== 'later') throw error;
      return false;
    }
    return isMore;
  }

  rest(): void {
    this.#db.exec('PRAGMA shrink_memory');
  }

  fileCount(root: string, below: string): number {
    using _cache = smallCache(this.#db);
    return this.#reader.fileCount(root, below);
  }

  readBack(handle: Handle): AsyncIterable<ReadBackChunk> {
    const [root, path] = JSON.parse(handle) as [string, string];
    return this.#reader.readBack({ root, path });
  }

  async close(): Promise<void> {
    await this.#checkpointer.close();
    this.#db.close();
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#writer.forget();
      throw error;
    }
  }
}

/**
 * Opens a store for reading, even while another process writes to it; everything it reads is one snapshot. Throws
 * MB3001 if the store cannot be opened, MB3002 if the file is no store, MB3003 if a newer version created it. The
 * caller must close the reader.
 */
export function openStore(path: string): StoreReader {
  const reader = new StoreReader(openForReading(path), path);
  reader.hold();
  return reader;
}

export { type BucketedSegment, BucketReader } from './bucket-reader.ts';
export type { BucketColumns } from './buckets.ts';
export { DAMAGED_HINT } from './check.ts';
export { openForReading, openReadable, translated, upgradeStore } from './client.ts';
export { type CopiedRows, copyRuns } from './copy-runs.ts';
export { CAPABILITIES as LOCAL_CAPABILITIES } from './limits.ts';
export { fromOddText } from './map.ts';
export { PreparedStatements } from './prepared.ts';
export { type ListedInStore, type StoredRun, type StoredSeries, StoreReader } from './reader.ts';
export { MediaList, StoreRepair } from './repair.ts';
export { type BareScalar, exact, measured, type PositionedPoint, wide } from './stored-scalars.ts';
export { hasOldLayout } from './version-one.ts';
export { keepVisibility, VISIBILITIES, type Visibility } from './visibility.ts';

/** Returns the bytes of the store's file and of its unmerged log. */
export function storeBytes(path: string): number {
  return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
