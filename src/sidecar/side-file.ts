import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import type { SideFile } from '../backends/contract.ts';
import { inTime } from '../calls/index.ts';
import { MirrorError } from '../errors.ts';

/** SHA-256 of a file's content, hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of inPieces(path, createReadStream(path))) hash.update(chunk);
  return hash.digest('hex');
}

/** The pieces of a file, each in time: one that does not come ends it with MB2030. */
async function* inPieces(path: string, stream: ReadStream): AsyncGenerator<Buffer, void, void> {
  const pieces = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(path, () => pieces.next());
      if (next.done === true) return;
      yield next.value as Buffer;
    }
  } finally {
    stream.destroy();
  }
}

/** A file as a backend reads it: from the start its content is checked on the way, and one that has changed is not finished. */
export function sideFile(source: string, path: string, bytes: number, hash: string): SideFile {
  return {
    path,
    bytes,
    hash,
    async *read(start = 0) {
      const sum = start === 0 ? createHash('sha256') : undefined;
      let last: Buffer | undefined;
      let count = start;
      // The last piece waits for the checksum: nobody is to get all of something else.
      for await (const chunk of inPieces(source, createReadStream(source, { start }))) {
        if (last !== undefined) yield last;
        last = chunk;
        count += last.length;
        sum?.update(last);
      }
      if (count !== bytes || (sum !== undefined && sum.digest('hex') !== hash)) {
        throw new MirrorError('MB2008', `${source} has changed while it was read`, { retry: 'later', context: { path: source } });
      }
      if (last !== undefined) yield last;
    },
  };
}

/**
 * A path of a tracker run, of parts that are safe everywhere: `..` and empty parts are gone, odd characters are written `_`. A part that had
 * some has a short hash of what it was before its ending, so that two files do not meet under one name.
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
