import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { systemCode } from '../../errors.ts';
import type { Gap, Guard, RunRef } from '../../model/index.ts';
import { flushFolder, makeOwnFolder, replaceOwnFile } from '../../own-files/index.ts';
import { openForReading, openForWriting, translated } from './client.ts';
import { recountRun } from './recount.ts';
import { inTransaction } from './transaction.ts';
import { hasOldLayout } from './version-one.ts';

/** A file of the media folder: as the store names it, and as it was found. */
export interface FoundMedia {
  /** The tag of an object; undefined for the payload of a mark. */
  readonly tag: string | undefined;
  readonly sha256: string;
  /** The path below the media folder; undefined if the row that has it is lost. */
  readonly path: string | undefined;
  /** The SHA-256 of the bytes found; undefined if there is no such file. */
  readonly found: string | undefined;
}

interface StorePaths {
  readonly path: string;
  readonly mediaPath: string;
}

/** `tag` is the join that has the name of a tag, and `name` that name. */
const namedMedia = (name: string, tag: string): string => `
  SELECT ${name} AS tag, object_blob.sha256 AS sha256, blob.path AS path
    FROM run JOIN root ON root.id = run.root CROSS JOIN series ON series.run = run.id
    ${tag} CROSS JOIN object ON object.series = series.id
    CROSS JOIN file ON file.id = object.file AND file.generation = object.generation
    CROSS JOIN object_blob ON object_blob.object = object.id
    LEFT JOIN blob ON blob.sha256 = object_blob.sha256
    WHERE root.name = ?1 AND run.path = ?2
  UNION
  SELECT NULL, mark.sha256, blob.path
    FROM run JOIN root ON root.id = run.root CROSS JOIN file ON file.run = run.id
    CROSS JOIN mark ON mark.file = file.id AND mark.generation = file.generation
    LEFT JOIN blob ON blob.sha256 = mark.sha256
    WHERE root.name = ?1 AND run.path = ?2 AND mark.sha256 IS NOT NULL`;

/** Checks the media that a store names. */
export class MediaList {
  readonly #db: DatabaseSync;
  readonly #named: StatementSync;
  readonly #path: string;
  readonly #mediaPath: string;

  constructor({ path, mediaPath }: StorePaths) {
    this.#path = path;
    this.#mediaPath = mediaPath;
    this.#db = openForReading(path);
    const isOld = hasOldLayout(this.#db);
    this.#named = this.#db.prepare(isOld ? namedMedia('series.tag', '') : namedMedia('tag.name', 'CROSS JOIN tag ON tag.id = series.tag'));
  }

  /** Yields the wanted media of a run's present files, each once per tag. */
  *of(run: RunRef, isWanted: (tag: string | undefined) => boolean): Generator<FoundMedia, void, void> {
    try {
      for (const row of this.#named.iterate(run.root, run.path)) {
        const tag = row['tag'] === null ? undefined : String(row['tag']);
        if (!isWanted(tag)) continue;
        const path = row['path'] === null ? undefined : String(row['path']);
        yield { tag, sha256: String(row['sha256']), path, found: path === undefined ? undefined : hashOfFile(join(this.#mediaPath, path)) };
      }
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    }
  }

  close(): void {
    this.#db.close();
  }
}

/**
 * Returns the SHA-256 of a file's bytes; undefined if there is none. It reads in pieces, because media may be large.
 */
function hashOfFile(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const hash = createHash('sha256');
    mediaChunk ??= new Uint8Array(MEDIA_CHUNK_BYTES);
    const buffer = mediaChunk;
    for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) hash.update(buffer.subarray(0, n));
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}

const MEDIA_CHUNK_BYTES = 256 * 1024;
/** One for all files: V8 would free one for each only after some hundred of them. */
let mediaChunk: Uint8Array | undefined;

/** No record has this length, so no bytes match this guard, and mirrorboard mirrors the file again. */
const NO_FILE: Guard = { first: { offset: 0, length: 2 ** 52, checksum: 0 }, last: undefined };

/**
 * Changes the stored facts about files and runs, so that the next pass over them repairs the store. The caller needs
 * the store's lock: a process that mirrors meanwhile would write positions of its own. This never changes points.
 */
export class StoreRepair {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #mediaPath: string;

  constructor({ path, mediaPath }: StorePaths) {
    this.#path = path;
    this.#mediaPath = mediaPath;
    this.#db = openForWriting(path);
  }

  /**
   * Adds gaps to a file's position. It also clears the file's stamp: otherwise, the next pass would take the file for
   * unchanged.
   */
  addGaps(run: RunRef, file: string, gaps: readonly Gap[]): void {
    this.#transaction(() => {
      const row = this.#file(run, file);
      if (row === undefined) return;
      const all = [...(JSON.parse(row.gaps) as Gap[]), ...gaps];
      this.#db.prepare("UPDATE file SET gaps = ?, stamp = '' WHERE id = ?").run(JSON.stringify(all), row.id);
    });
  }

  /** Makes the next pass treat the file as a different one: its rows are written again, as a new generation. */
  distrust(run: RunRef, file: string): void {
    this.#transaction(() => {
      const row = this.#file(run, file);
      if (row === undefined) return;
      const guard = JSON.stringify([NO_FILE.first, NO_FILE.last ?? null]);
      this.#db.prepare("UPDATE file SET guard = ?, stamp = '' WHERE id = ?").run(guard, row.id);
    });
  }

  /** Makes the listings of a run agree with its points. */
  recount(run: RunRef): void {
    this.#transaction(() => {
      const row = this.#db
        .prepare('SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?')
        .get(run.root, run.path);
      if (row !== undefined) recountRun(this.#db, Number(row['id']));
    });
  }

  /** Writes the right bytes to a media file that is wrong or missing. */
  writeMedia(path: string, data: Uint8Array): void {
    const target = join(this.#mediaPath, path);
    try {
      makeOwnFolder(dirname(target));
      replaceOwnFile(target, data, { flush: true });
      flushFolder(dirname(target));
    } catch (error) {
      throw translated(error, target, 'writing');
    }
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #file({ root, path }: RunRef, name: string): { id: number; gaps: string } | undefined {
    const row = this.#db
      .prepare(
        `SELECT file.id, file.gaps FROM file JOIN run ON run.id = file.run JOIN root ON root.id = run.root
         WHERE root.name = ? AND run.path = ? AND file.name = ?`,
      )
      .get(root, path, name);
    return row === undefined ? undefined : { id: Number(row['id']), gaps: String(row['gaps']) };
  }

  #transaction(work: () => void): void {
    try {
      inTransaction(this.#db, work);
    } catch (error) {
      throw translated(error, this.#path, 'writing');
    }
  }
}
