/** Opens files of the media folder by the paths that a store gives them. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.ts';
import type { MediaFile } from './questions.ts';

/** The form of every path that the store gives a media file. */
const PATH = /^([0-9a-f]{2})\/(\1[0-9a-f]{62})\.([a-z]{2,4})$/;
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** An open media file. */
export interface OpenMediaFile {
  readonly handle: FileHandle;
  readonly bytes: number;
  /** The end of its name, such as `png`. */
  readonly extension: string;
}

/**
 * Opens a media file; undefined if the folder does not have it. The caller closes it. Others may have written the
 * store: its paths must not lead out of the folder, nor to something that is not a file.
 */
export async function openMediaFile(
  folder: string,
  { sha256, path }: Pick<MediaFile, 'sha256' | 'path'>,
): Promise<OpenMediaFile | undefined> {
  const [, , hash, extension = ''] = PATH.exec(path) ?? [];
  if (hash !== sha256) return undefined;
  let handle: FileHandle;
  try {
    handle = await open(join(folder, path), FLAGS);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, bytes: stats.size, extension };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}
