/** Reads one record of a file without what is before it: connects `untrusted` and `decode`. */
import { FRAME_BYTES, HEADER_BYTES, isHeader, maskedCrc32c } from '../decode/index.ts';
import { type Directory, pieces } from '../untrusted/index.ts';

/**
 * Reads the checked data of the record at an offset; undefined if there is none up to `mostBytes`. Throws if it
 * cannot be read.
 */
export async function recordAt(
  place: Directory,
  name: string,
  { offset, mostBytes, signal }: { readonly offset: number; readonly mostBytes: number; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const read: Buffer[] = [];
  let size = 0;
  let needed = HEADER_BYTES;
  for await (const piece of pieces(place, name, { mostBytes: Number.MAX_SAFE_INTEGER, signal, start: offset })) {
    read.push(piece);
    size += piece.length;
    // Reads in two steps: first the header, then the whole record.
    if (size < needed) continue;
    const record = Buffer.concat(read);
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    const bytes = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
    if (!isHeader(view, 0) || bytes > mostBytes) return undefined;
    needed = bytes + FRAME_BYTES;
    if (size < needed) continue;
    const end = HEADER_BYTES + bytes;
    return maskedCrc32c(view, HEADER_BYTES, end) === view.getUint32(end, true) ? record.subarray(HEADER_BYTES, end) : undefined;
  }
  return undefined;
}
