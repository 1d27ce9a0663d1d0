import { status } from '@grpc/grpc-js';
import { type MediaFile, openMediaFile, type StoredValue } from '../query/index.ts';
import { Refusal } from './refusal.ts';

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
    const known = media.find((file) => file.sha256 === sha256);
    const found = known === undefined ? undefined : await openMediaFile(this.#folder, known);
    if (found === undefined) return undefined;
    try {
      return await found.handle.readFile();
    } finally {
      await found.handle.close();
    }
  }

  /** Yields the bytes of a file in pieces. Throws NOT_FOUND if there is no such file. */
  async *pieces(file: MediaFile): AsyncGenerator<Uint8Array, void, void> {
    const found = await openMediaFile(this.#folder, file);
    if (found === undefined) throw new Refusal(status.NOT_FOUND, `the media folder has no file ${file.sha256}`);
    try {
      yield* found.handle.createReadStream({ highWaterMark: PIECE, autoClose: false });
    } finally {
      await found.handle.close();
    }
  }
}
