import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { each } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import type { ObjectContent } from '../../objects/index.ts';
import { readOwnFile, writeDurably } from '../../own-files/index.ts';
import { errorName, isGone, reasonOf, remedyOf } from '../../system-error.ts';
import type { Place, StoredFile } from './place.ts';

/** The folder of files that are being written. Programs that read Parquet ignore names that begin with a dot. */
const TEMPORARY = '.tmp';
/** After this time, the process that wrote a temporary file has died. */
const LEFT_OVER_MS = 24 * 60 * 60 * 1000;
const LOOKS_AT_ONCE = 16;

/** What only a person can change. */
const NO_ACCESS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);
const NO_FOLDER: ReadonlySet<string> = new Set(['ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EILSEQ']);

/** A folder of this machine or of a file server. */
export class FolderPlace implements Place {
  readonly address: string;
  readonly #clock: Clock;
  #isSwept = false;

  constructor(path: string, clock: Clock) {
    this.address = path;
    this.#clock = clock;
  }

  readonly probe: Place['probe'] = () =>
    this.#try('looking at it', async () => {
      const found = await stat(this.address).catch((error: unknown) => {
        if (!isGone(error) || errorName(error) === 'ENOTDIR') throw error;
        return undefined;
      });
      if (found?.isDirectory() === false) throw new MirrorError('MB4004', `${this.address} is not a folder`, { hint: 'Set another path.' });
    });

  readonly putNew: Place['putNew'] = (path, data, signal) => this.#write(path, [data], true, signal);

  readonly put: Place['put'] = async (path, content: ObjectContent, signal) => {
    await this.#write(path, content.read(), false, signal);
  };

  readonly get: Place['get'] = (path, signal) =>
    this.#try(`reading ${path}`, async () => {
      signal.throwIfAborted();
      return ifThere(readOwnFile(join(this.address, path)));
    });

  readonly has: Place['has'] = (path) =>
    this.#try(`looking for ${path}`, async () => (await ifThere(lstat(join(this.address, path)))) !== undefined);

  readonly list: Place['list'] = (below, signal) =>
    this.#try(`listing ${below}`, async () => {
      const folder = join(this.address, below);
      const entries = (await ifThere(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
      const found: StoredFile[] = [];
      await each(
        entries.filter((entry) => entry.isFile()),
        LOOKS_AT_ONCE,
        async ({ parentPath, name }) => {
          signal.throwIfAborted();
          const path = join(parentPath, name);
          // Another process may have removed the file meanwhile. It stays in the list, so that its reader looks again:
          // what replaced the file may be missing here.
          const bytes = (await ifThere(stat(path)))?.size ?? 0;
          found.push({ path: path.slice(join(this.address, '/').length), bytes });
        },
      );
      return found;
    });

  readonly remove: Place['remove'] = (path) => this.#try(`removing ${path}`, () => rm(join(this.address, path), { force: true }));

  async close(): Promise<void> {}

  async #write(
    path: string,
    content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    isNew: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    signal.throwIfAborted();
    const temporaryFolder = join(this.address, TEMPORARY);
    return this.#try(`storing ${path}`, async () => {
      if (!this.#isSwept) await this.#sweep(temporaryFolder);
      return writeDurably(join(this.address, path), content, { temporaryFolder, isNew });
    });
  }

  /** Removes what killed processes left. Younger files may belong to a process that is alive. */
  async #sweep(folder: string): Promise<void> {
    this.#isSwept = true;
    for (const name of (await ifThere(readdir(folder))) ?? []) {
      const path = join(folder, name);
      const found = await ifThere(lstat(path));
      if (found !== undefined && found.mtimeMs < this.#clock.wallMs() - LEFT_OVER_MS) await rm(path, { force: true });
    }
  }

  async #try<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      // Content that cannot be read any more has an error of its own.
      const name = errorName(cause);
      if (cause instanceof MirrorError || name?.startsWith('E') !== true) throw cause;
      const code = NO_ACCESS.has(name) ? 'MB4002' : NO_FOLDER.has(name) ? 'MB4004' : 'MB4001';
      throw new MirrorError(code, `${what} in ${this.address}: ${reasonOf(cause)}`, {
        cause,
        ...(code === 'MB4001' ? { retry: 'later' } : {}),
        hint: remedyOf(cause),
        context: { path: this.address, name },
      });
    }
  }
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
