import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import PQueue from 'p-queue';
import type { Blob } from '../../model/index.ts';
import { flushFolderAsync, NEW_FILE, ownFileMode, ownFolderMode, temporaryName } from '../../own-files/index.ts';

/** A folder in the media folder in which files are written before they get their names. */
const MAKING = '.making';

/** Files written at the same time: each waits for the disk. */
const CONCURRENCY = 8;

/** Returns the path of a blob in the media folder. It depends only on the content. */
export function blobPath(blob: Blob): string {
  return `${blob.sha256.slice(0, 2)}/${blob.sha256}.${EXTENSIONS[blob.format] ?? 'bin'}`;
}

const EXTENSIONS: Readonly<Record<string, string>> = { png: 'png', jpeg: 'jpg', gif: 'gif', bmp: 'bmp', wav: 'wav', graph: 'pb' };

/** Content-addressed files next to the store. A file is completely on disk before a row names it. */
export class MediaFolder {
  readonly path: string;
  readonly #made = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** Writes the blobs that are missing, and waits until the disk has them. */
  async keep(blobs: ReadonlyMap<string, Blob>): Promise<void> {
    if (blobs.size === 0) return;
    const queue = new PQueue({ concurrency: CONCURRENCY });
    const folders = new Set<string>();
    if (await makeFolder(this.path)) folders.add(join(this.path, '..'));
    await this.#clearMaking();
    await queue.addAll(
      [...blobs.values()].map((blob) => async () => {
        const path = join(this.path, blobPath(blob));
        if (existsSync(path)) return;
        const folder = join(path, '..');
        if (await this.#make(folder)) folders.add(this.path);
        await this.#write(path, blob.data);
        folders.add(folder);
      }),
    );
    // After a power failure, a renamed file exists only if its folder was flushed, too.
    await queue.addAll([...folders].map((folder) => () => flushFolderAsync(folder)));
  }

  /** Creates a folder. True if there was none: then the caller must flush the folder above, too. */
  async #make(folder: string): Promise<boolean> {
    if (this.#made.has(folder)) return false;
    const first = await makeFolder(folder);
    this.#made.add(folder);
    return first !== undefined;
  }

  /**
   * Removes the files of a killed process. The store's lock lets only one process write, so all files found at the
   * start are left over.
   */
  async #clearMaking(): Promise<void> {
    const making = join(this.path, MAKING);
    if (this.#made.has(making)) return;
    await rm(making, { recursive: true, force: true });
    await mkdir(making, { mode: ownFolderMode() });
    this.#made.add(making);
  }

  async #write(path: string, data: Uint8Array): Promise<void> {
    const temporary = join(this.path, MAKING, temporaryName(basename(path)));
    try {
      const file = await open(temporary, NEW_FILE, ownFileMode());
      try {
        await file.writeFile(data);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined); // the first error is the one that matters
      throw error;
    }
  }
}

function makeFolder(path: string): Promise<string | undefined> {
  return mkdir(path, { recursive: true, mode: ownFolderMode() });
}
