/** The body of an answer: unpacked, and no more of it than the request can need. */
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { Room } from '../concurrency/index.ts';
import { memoryShares } from '../memory/index.ts';
import { signOfLife } from '../sign-of-life.ts';
import { type HttpHeaders, headerOf } from './answer.ts';

/** Longest answer to a request that asks for little: most do. */
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

/** What was read of a body. `tooLong`: it continues behind `most` bytes, and was let go of. */
type ReadBody =
  | { readonly kind: 'whole' | 'tooLong'; readonly body: Buffer }
  | { readonly kind: 'unknownEncoding'; readonly encoding: string };

/**
 * For long answers of one server that are on their way at the same time: together they take no more than the share of
 * one, so that one waits for another.
 */
export function roomForAnswers(): Room {
  return new Room(() => memoryShares().answer);
}

/** Reads a body, unpacked, up to `most` bytes. Nothing more is held of what a few bytes claim to be. */
export async function readBody(body: Readable, headers: HttpHeaders, most: number, room: Room, signal: AbortSignal): Promise<ReadBody> {
  const encoding = headerOf(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  const isPlain = encoding === '' || encoding === 'identity';
  const decoder = isPlain ? undefined : DECODERS.get(encoding);
  if (!isPlain && decoder === undefined) {
    // That it is let go of is an error to it.
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
      // Letting go ends an answer that has no end.
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
