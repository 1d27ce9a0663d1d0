/**
 * Framing of an event file: records back to back, no header. A record is an 8-byte little-endian length, the masked
 * CRC-32C of those 8 bytes, the data, and the masked CRC-32C of the data. This is TensorFlow's TFRecord format without
 * compression (`tensorflow/core/lib/io/record_writer.h`).
 */
import { maskedCrc32c } from './crc32c.ts';

/** Bytes of a record besides its data: length 8, length checksum 4, data checksum 4. */
export const FRAME_BYTES = 16;
/** Bytes in front of the data. */
export const HEADER_BYTES = 12;

const SHORT_LENGTHS = 1 << 16;
const shortLengths = new Uint32Array(SHORT_LENGTHS);
const scratch = new DataView(new ArrayBuffer(8));

/** The masked checksum that belongs to a length given as two 32-bit halves. */
export function lengthChecksum(low: number, high: number): number {
  if (high === 0 && low < SHORT_LENGTHS) {
    const known = shortLengths[low] as number;
    if (known !== 0) return known;
  }
  scratch.setUint32(0, low, true);
  scratch.setUint32(4, high, true);
  const checksum = maskedCrc32c(scratch, 0, 8);
  if (high === 0 && low < SHORT_LENGTHS) shortLengths[low] = checksum;
  return checksum;
}

/** A length field as a number of bytes; beyond 2^53 it loses digits, which no file is long enough to notice. */
export function lengthOf(low: number, high: number): number {
  return high * 0x1_0000_0000 + low;
}
