/**
 * The framing of an event file: records without gaps, and no file header. A record is an 8-byte little-endian length,
 * the masked CRC-32C of those 8 bytes, the data, and the masked CRC-32C of the data. This is TensorFlow's TFRecord
 * format without compression (`tensorflow/core/lib/io/record_writer.h`).
 */
import { maskedCrc32c } from './crc32c.ts';

/** Bytes of a record in addition to its data: length 8, length checksum 4, data checksum 4. */
export const FRAME_BYTES = 16;
/** Bytes before the data. */
export const HEADER_BYTES = 12;

const SHORT_LENGTHS = 1 << 16;
const shortLengths = new Uint32Array(SHORT_LENGTHS);
const scratch = new DataView(new ArrayBuffer(8));

/** Returns the masked checksum of a length given as two 32-bit halves. */
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

/** Returns a length field as a number of bytes. Beyond 2^53 it loses digits, but no file is that long. */
export function lengthOf(low: number, high: number): number {
  return high * 0x1_0000_0000 + low;
}
