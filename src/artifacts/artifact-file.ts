import { createHash } from 'node:crypto';
import type { ArtifactFile } from '../contract/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { type Directory, fullPath, pieces } from '../untrusted/index.ts';

/** A file below the directory of its run, with its size when it was checked. */
export interface ArtifactSource {
  readonly directory: Directory;
  readonly path: string;
  readonly bytes: number;
}

/** Returns the SHA-256 of a file's content, hex. Throws MB2008 if the file changed while it was read. */
export async function hashFile(source: ArtifactSource, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const piece of piecesOf(source, 0, signal)) {
    hash.update(piece);
    count += piece.length;
  }
  if (count !== source.bytes) throw changed(source);
  return hash.digest('hex');
}

/** True if a file begins with its whole former content: it is longer now, and no earlier byte changed. */
export async function beginsWith(
  source: ArtifactSource,
  { bytes, hash }: { bytes: number; hash: string },
  signal: AbortSignal,
): Promise<boolean> {
  const sum = createHash('sha256');
  let left = bytes;
  // The file may grow further meanwhile.
  for await (const piece of piecesOf({ ...source, bytes: Number.MAX_SAFE_INTEGER }, 0, signal)) {
    sum.update(piece.subarray(0, left));
    left -= Math.min(left, piece.length);
    if (left === 0) return sum.digest('hex') === hash;
  }
  return false;
}

/**
 * Returns a file as a backend reads it. A read from the start checks the content on the way, and throws before the
 * end if it has changed.
 */
export function artifactFile(source: ArtifactSource, path: string, hash: string, signal: AbortSignal): ArtifactFile {
  return {
    path,
    bytes: source.bytes,
    hash,
    async *read(start = 0) {
      const sum = start === 0 ? createHash('sha256') : undefined;
      let last: Buffer | undefined;
      let count = start;
      // The last piece waits for the checksum: no reader may get all of another content.
      for await (const piece of piecesOf(source, start, signal)) {
        if (last !== undefined) yield last;
        last = piece;
        count += piece.length;
        sum?.update(piece);
      }
      if (count !== source.bytes || (sum !== undefined && sum.digest('hex') !== hash)) throw changed(source);
      if (last !== undefined) yield last;
    },
  };
}

/** Reads pieces of a file, with the same error for a file that has grown, disappeared, or become something else. */
async function* piecesOf(source: ArtifactSource, start: number, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  try {
    yield* pieces(source.directory, source.path, { mostBytes: source.bytes, start, signal });
  } catch (error) {
    if (error instanceof MirrorError && error.code !== 'MB2008' && error.code !== 'MB2030') throw changed(source, error);
    throw systemCode(error) === 'ENOENT' ? changed(source, error) : error;
  }
}

/** Returns the error for a file that changed while it was read: a later try may succeed. */
export function changed({ directory, path }: ArtifactSource, cause?: unknown): MirrorError {
  const where = fullPath(directory, path);
  return new MirrorError('MB2008', `${where} changed while it was read`, { retry: 'later', cause, context: { path: where } });
}

/**
 * Returns a path of a tracker run with parts that are safe everywhere: it drops `..` and empty parts, and replaces
 * odd characters by `_`. A part with odd characters gets a short hash of its original text before its ending, so that
 * two files do not share one name.
 */
export function safePath(path: string): string {
  const parts = path
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part !== '.' && part !== '..')
    .map(safePart);
  return parts.join('/');
}

function safePart(part: string): string {
  const safe = part.replace(/[^\p{L}\p{M}\p{N} _.+=,@-]/gu, '_');
  if (safe === part) return part;
  const hash = createHash('sha256').update(part).digest('hex').slice(0, 8);
  const at = safe.lastIndexOf('.');
  return at <= 0 ? `${safe}-${hash}` : `${safe.slice(0, at)}-${hash}${safe.slice(at)}`;
}
