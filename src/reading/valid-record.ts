/** Checks if records that were treated as corrupt are complete after all: connects `tail` and `decode`. */
import { crcRegister, FRAME_BYTES, HEADER_BYTES, isHeader, maskedOf } from '../decode/index.ts';
import type { Damage } from '../model/index.ts';
import { readAt } from '../tail/index.ts';

/** Bytes that are summed up at a time, whatever length a record claims. */
const PIECE_BYTES = 1 << 20;
/** The limit of bytes read for this, in multiples of the file's size: claims may be nested. */
const MOST_TIMES = 2;

/**
 * True if one of the records in which others were found is complete now: then those are its content, not records of
 * the file.
 */
export function isAnyWhole(fd: number, fileBytes: number, claimed: readonly Damage[]): boolean {
  let left = MOST_TIMES * fileBytes;
  const lengthOf = ({ start, claim = start }: Damage): number => claim - start;
  for (const damage of claimed.toSorted((a, b) => lengthOf(a) - lengthOf(b))) {
    left -= lengthOf(damage);
    if (left < 0) return false;
    if (isValidRecord(fd, damage.start, damage.claim ?? damage.start)) return true;
  }
  return false;
}

/** True if a record begins at `start` and ends at `end`, and both its checksums match. Limited in memory. */
function isValidRecord(fd: number, start: number, end: number): boolean {
  const length = end - start - FRAME_BYTES;
  if (length < 0) return false;
  const bytes = new Uint8Array(Math.max(HEADER_BYTES, Math.min(PIECE_BYTES, length)));
  const view = new DataView(bytes.buffer);
  if (readAt(fd, bytes, 0, HEADER_BYTES, start) < HEADER_BYTES || !isHeader(view, 0)) return false;
  if (view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true) !== length) return false;
  let register = -1;
  for (let done = 0; done < length; ) {
    const piece = Math.min(PIECE_BYTES, length - done);
    if (readAt(fd, bytes, 0, piece, start + HEADER_BYTES + done) < piece) return false;
    register = crcRegister(view, 0, piece, register);
    done += piece;
  }
  return readAt(fd, bytes, 0, 4, end - 4) === 4 && view.getUint32(0, true) === maskedOf(register);
}
