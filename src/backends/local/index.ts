/** The local store: one SQLite file that holds points and positions together, and a folder of media beside it. */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type Blob, pointCount, type RunRef } from '../../model/index.ts';
import type { Capabilities, Handle, KnownRoot, KnownRun, Outcome, Parcel, PositionOwner, ReadBackChunk, RunSource } from '../contract.ts';
import { openForWriting, translated } from './client.ts';
import { CAPABILITIES } from './limits.ts';
import { MediaFolder } from './media.ts';
import { StoreReader } from './reader.ts';
import { type PreparedParcel, Writer } from './writer.ts';

export interface LocalOptions {
  /** The SQLite file; made, with its folder, where there is none. */
  readonly path: string;
  /** The folder of media. */
  readonly mediaPath: string;
}

/** Where media lie by default: beside the store, under its name. */
export function defaultMediaPath(storePath: string): string {
  return storePath.endsWith('.db') ? `${storePath.slice(0, -3)}.media` : `${storePath}.media`;
}

export class LocalBackend implements PositionOwner {
  readonly #options: LocalOptions;
  readonly #db: DatabaseSync;
  readonly #writer: Writer;
  readonly #reader: StoreReader;
  readonly #media: MediaFolder;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#db = openForWriting(options.path);
    this.#writer = new Writer(this.#db);
    this.#reader = new StoreReader(this.#db, options.mediaPath);
    this.#media = new MediaFolder(options.mediaPath);
  }

  describe(): Capabilities {
    return CAPABILITIES;
  }

  async open(source: RunSource): Promise<Handle> {
    this.#transaction(() => this.#writer.openRun(source));
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

  /** In order: a later parcel may hold points of series an earlier one defines. */
  async #store(parcels: readonly Parcel[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let ready: PreparedParcel[] = [];
    const commit = async (): Promise<void> => {
      const blobs = new Map<string, Blob>();
      for (const { objects, marks } of ready) {
        for (const object of objects) for (const blob of object.blobs) blobs.set(blob.sha256, blob);
        for (const { blob } of marks) if (blob !== undefined) blobs.set(blob.sha256, blob);
      }
      await this.#media.keep(blobs);
      this.#transaction(() => {
        for (const prepared of ready) this.#writer.write(prepared);
      });
      for (const { parcel } of ready) outcomes.push({ kind: 'accepted', points: pointCount(parcel.batch), refusals: [] });
      ready = [];
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
      ready.push(this.#writer.prepare(parcel));
    }
    await commit();
    return outcomes;
  }

  positions(run: RunRef): KnownRun {
    return this.#reader.positions(run);
  }

  roots(): readonly KnownRoot[] {
    return this.#reader.roots();
  }

  readBack(handle: Handle): AsyncIterable<ReadBackChunk> {
    const [root, path] = JSON.parse(handle) as [string, string];
    return this.#reader.readBack({ root, path });
  }

  /** A run that ended is no different from one that did not: nothing to note. */
  async finish(): Promise<void> {}

  async close(): Promise<void> {
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

/** Bytes of the store's file with what is not merged into it yet. */
export function storeBytes(path: string): number {
  return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
