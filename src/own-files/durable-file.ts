import { constants } from 'node:fs';
import { link, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { systemCode } from '../errors.ts';
import { flushFolderAsync } from './flush-folder.ts';
import { NEW_FILE, temporaryName } from './new-file.ts';
import { ownFileMode, ownFolderMode } from './own-mode.ts';

/** How to write a durable file. */
export interface DurableOptions {
  /** The folder for the temporary file, on the same file system: readers of the other folders never see it. */
  readonly temporaryFolder: string;
  /** True to leave an existing file. Default: it is replaced. */
  readonly isNew?: boolean;
}

/** What a file system without hard links answers. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

/**
 * Writes a file so that it exists completely or not at all, also after a crash of the machine, without blocking the
 * thread. Creates missing folders. Returns false if the file must be new and something has its name.
 */
export async function writeDurably(
  path: string,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { temporaryFolder, isNew = false }: DurableOptions,
): Promise<boolean> {
  await makeDurableFolder(temporaryFolder);
  const temporary = temporaryName(join(temporaryFolder, 'file'));
  let isStored = true;
  try {
    const file = await open(temporary, NEW_FILE, ownFileMode());
    try {
      for await (const chunk of content) await file.appendFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await makeDurableFolder(dirname(path));
    if (!isNew) await rename(temporary, path);
    else isStored = await nameNew(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  // Also if something has the name: a process may have died before it flushed it.
  await flushFolderAsync(dirname(path));
  return isStored;
}

/** Gives a file a name that nothing has. Returns false if something has it. */
async function nameNew(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.has(code)) throw error;
  }
  const isTaken = await lstat(path).then(
    () => true,
    () => false,
  );
  if (!isTaken) await rename(temporary, path);
  return !isTaken;
}

/** Creates a folder of ours and missing parents, so that they survive a crash of the machine. */
async function makeDurableFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: ownFolderMode() });
  if (first === undefined) return;
  let parent = dirname(first);
  await flushFolderAsync(parent);
  for (const name of relative(parent, dirname(path)).split(sep)) {
    parent = join(parent, name);
    await flushFolderAsync(parent);
  }
}

/** Reads a whole file of ours, but not through a link. */
export async function readOwnFile(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}
