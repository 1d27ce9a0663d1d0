/** Serves files of the media folder. Log directories decide their content, so a browser must run none of it. */
import type { FileHandle } from 'node:fs/promises';
import { type MediaFile, openMediaFile } from '../query/index.ts';
import { Refusal } from './problem.ts';

/** The types of formats that no browser runs; everything else is bytes to download. */
const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  gif: 'image/gif',
  bmp: 'image/bmp',
  wav: 'audio/wav',
};

/** Bytes of a file: `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** An open media file. */
export interface OpenMedia {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly type: string;
  /** True if a browser saves it instead of showing it. */
  readonly isDownload: boolean;
}

/** Opens a media file of the store. Throws MB5003 if the folder does not have it. The caller closes it. */
export async function openMedia(folder: string, file: MediaFile): Promise<OpenMedia> {
  const found = await openMediaFile(folder, file);
  if (found === undefined) throw missing(file.sha256);
  const { handle, bytes, extension } = found;
  const type = TYPES[extension];
  return { handle, bytes, type: type ?? 'application/octet-stream', isDownload: type === undefined };
}

/** Returns the refusal for bytes that the store does not have. */
export function missing(sha256: string): Refusal {
  return new Refusal(404, 'MB5003', `the store has no media ${sha256}`, { hint: 'GET /api/v1/values names the media of a tag.' });
}

/**
 * Returns the bytes that a Range header asks for; undefined for the whole file. Players seek with one range; several
 * are answered with the whole file, as HTTP allows. Throws MB5001 (416) for a range behind the end.
 */
export function rangeIn(header: string | undefined, bytes: number): ByteRange | undefined {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, bytes - Number(to)) : Number(from);
  const end = from === '' || to === '' ? bytes : Math.min(bytes, Number(to) + 1);
  if (start < end) return { start, end };
  throw new Refusal(416, 'MB5001', `Range: found ${header}, and the file has ${bytes} bytes`, {
    headers: { 'content-range': `bytes */${bytes}` },
  });
}
