import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.ts';
import type { StoredMedia, StoredValue } from '../query/index.ts';

/** Bytes of a piece. */
const PIECE = 4 * 1024 * 1024;

/** The media folder of a store. */
export class Media {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns the bytes of a file of a value by its hash; undefined if there is no such file. */
  async read({ media }: Pick<StoredValue, 'media'>, sha256: string): Promise<Uint8Array | undefined> {
    const found = media.find((file) => file.sha256 === sha256);
    if (found === undefined) return undefined;
    try {
      return await readFile(join(this.#folder, found.path));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Yields the bytes of a file in pieces. */
  async *pieces({ path }: StoredMedia): AsyncGenerator<Uint8Array, void, void> {
    const file = await open(join(this.#folder, path));
    try {
      yield* file.createReadStream({ highWaterMark: PIECE, autoClose: false });
    } finally {
      await file.close();
    }
  }
}
