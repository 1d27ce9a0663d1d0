/** Reads the body of an answer: decompressed, and no more than the request can need. */
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { Room } from '../concurrency/index.ts';
import { memoryShares } from '../memory/index.ts';
import { signOfLife } from '../sign-of-life.ts';
import { type HttpHeaders, headerOf } from './answer.ts';

/** The longest answer to a request for little: most requests are such. */
export const SHORT_ANSWER = 1024 * 1024;
/** Bytes of an answer that are read before it needs room among the long ones. */
const WITHOUT_ROOM = 1024 * 1024;

const DECODERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['deflate', () => createInflate()],
  ['br', () => createBrotliDecompress()],
  ['zstd', () => createZstdDecompress()],
]);

/** The part of a body that was read. `tooLong`: it continues after `most` bytes, and was dropped. */
type ReadBody =
  | { readonly kind: 'whole' | 'tooLong'; readonly body: Buffer }
  | { readonly kind: 'unknownEncoding'; readonly encoding: string };

/**
 * Creates the room for long answers of one server that arrive at the same time: together they take no more than the
 * share of one, so that one waits for another.
 */
export function roomForAnswers(): Room {
  return new Room(() => memoryShares().answer);
}

/**
 * Reads a body, decompressed, up to `most` bytes. A few bytes that claim to be much more take no more memory than
 * that.
 */
export async function readBody(body: Readable, headers: HttpHeaders, most: number, room: Room, signal: AbortSignal): Promise<ReadBody> {
  const encoding = headerOf(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  const isPlain = encoding === '' || encoding === 'identity';
  const decoder = isPlain ? undefined : DECODERS.get(encoding);
  if (!isPlain && decoder === undefined) {
    // Destroying the body raises an error on it.
    body.on('error', () => undefined).destroy();
    return { kind: 'unknownEncoding', encoding };
  }
  const declared = Number(headerOf(headers, 'content-length') ?? Number.NaN);
  // Without a length, the size is unknown.
  const expected = isPlain && declared >= 0 ? Math.min(declared, most) : most;
  const plain = decoder === undefined || declared === 0 ? body : pipeline(body, decoder(), () => undefined);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let giveBack: (() => void) | undefined;
  try {
    for await (const chunk of plain) {
      const piece = chunk as Buffer;
      bytes += piece.length;
      signOfLife();
      // Dropping the body ends an answer that never ends.
      if (bytes > most) return { kind: 'tooLong', body: joined([...chunks, piece.subarray(0, most - bytes + piece.length)]) };
      chunks.push(piece);
      if (bytes > WITHOUT_ROOM) giveBack ??= await room.enter(signal, expected);
    }
    return { kind: 'whole', body: joined(chunks) };
  } finally {
    giveBack?.();
  }
}

function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
