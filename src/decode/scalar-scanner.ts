import type { ColumnWriter } from './columns.ts';
import { maskedCrc32c } from './crc32c.ts';
import { FRAME_BYTES, HEADER_BYTES, lengthChecksum, lengthOf } from './frame.ts';
import { SHORT_BYTES } from './resync.ts';
import { readShortNumber } from './short-number.ts';
import type { SpanChecksums } from './span-checksums.ts';
import { sameBytes, type TagTable } from './tag-table.ts';

/** The reason why the scanner stopped at `ScalarScanner.position`. */
export enum Halt {
  /** The bytes end before the record does; `needed` bytes from the position would hold it (or its header). */
  More,
  /** The columns are full. */
  Full,
  /**
   * A valid record that does not consist of scalars of known tags: the event reader must read it. Its data is at
   * position + 12, `length` bytes long.
   */
  Other,
  /** The length checksum does not match. */
  LengthChecksum,
  /** The data checksum does not match; the record has `length` bytes of data. */
  DataChecksum,
}

/**
 * Reads records of common scalar forms directly from the bytes into columns, and verifies both checksums. These forms
 * are `simple_value` and rank-0 tensors of real numbers (value in `tensor_content`, or one packed or unpacked list
 * entry). Their tags must already be known as scalars, with or without metadata that was seen before or the tag as a
 * node name (CatBoost writes that), and steps range from 0 to 2^49. The scanner stops at any other record. This is
 * the hot path of the product: no objects, no closures, no copies.
 */
export class ScalarScanner {
  /** Buffer offset of the record at which it stopped. */
  position = 0;
  /** The number of data bytes of that record, if its header could be read. */
  length = 0;
  /** With `Halt.More`: the number of bytes from the position that would be enough to continue. */
  needed = 0;
  /** The data checksum of that record in the file. */
  checksum = 0;
  /** Records read since the scanner was created. */
  records = 0;
  /** File offset, length and checksum of the last record read. */
  lastOffset = -1;
  lastLength = 0;
  lastChecksum = 0;
  /** The checksums around long corrupt records, so that none of their bytes is summed up twice. */
  spans: SpanChecksums | undefined;
  /** The tag table's slot of the last value: the scanner guesses the next one from it. */
  protected slot = 0;

  /**
   * Scans from `start` until something else must be done. `base` is the file offset of the buffer's first byte. Adds
   * points to `columns`, whole records only.
   */
  scan(buffer: Uint8Array, view: DataView, start: number, end: number, base: number, tags: TagTable, columns: ColumnWriter): Halt {
    const {
      series,
      step: steps,
      wallTime: wallTimes,
      value: values,
      offset: offsets,
      checksum: checksums,
      index: indices,
      capacity,
    } = columns;
    const tagBytes = tags.bytes;
    const { spans } = this;
    let row = columns.count;
    let slot = tags.count === 0 ? -1 : Math.min(this.slot, tags.count - 1);
    let p = start;
    let records = 0;
    let halt: Halt = Halt.More;

    scanning: for (;;) {
      if (end - p < HEADER_BYTES) {
        this.needed = HEADER_BYTES;
        break;
      }
      const low = view.getUint32(p, true);
      const high = view.getUint32(p + 4, true);
      if (view.getUint32(p + 8, true) !== lengthChecksum(low, high)) {
        halt = Halt.LengthChecksum;
        break;
      }
      const length = lengthOf(low, high);
      this.length = length;
      if (end - p - FRAME_BYTES < length) {
        this.needed = FRAME_BYTES + length;
        break;
      }
      let q = p + HEADER_BYTES;
      const dataEnd = q + low;
      const checksum = view.getUint32(dataEnd, true);
      this.checksum = checksum;
      const sum = spans === undefined || low <= SHORT_BYTES ? maskedCrc32c(view, q, dataEnd) : spans.masked(view, base, q, dataEnd);
      if (sum !== checksum) {
        halt = Halt.DataChecksum;
        break;
      }

      halt = Halt.Other;
      if (slot < 0 || low < 12 || buffer[q] !== 0x09) break; // wall_time
      const wallTime = view.getFloat64(q + 1, true);
      q += 9;
      let step = 0;
      if (buffer[q] === 0x10) {
        let byte = buffer[++q] as number;
        step = byte & 127;
        let unit = 128;
        while (byte > 127) {
          byte = buffer[++q] as number;
          step += (byte & 127) * unit;
          unit *= 128;
          if (unit > 0x1_0000_0000_0000 && byte > 127) break scanning; // beyond 2^49, or negative
        }
        q++;
      }
      if (buffer[q] !== 0x2a) break; // summary
      let size = buffer[++q] as number;
      if (size > 127) {
        size = (size & 127) | ((buffer[++q] as number) << 7);
        if (size > 0x3fff) break;
      }
      q++;
      if (q + size !== dataEnd) break; // the summary is the last field, and the only one

      const firstRow = row;
      while (q < dataEnd) {
        if (buffer[q] !== 0x0a) {
          row = firstRow;
          break scanning;
        } // value
        size = buffer[++q] as number;
        if (size > 127) {
          size = (size & 127) | ((buffer[++q] as number) << 7);
          if (size > 0x3fff) {
            row = firstRow;
            break scanning;
          }
        }
        q++;
        const valueEnd = q + size;
        if (valueEnd > dataEnd || buffer[q] !== 0x0a) {
          row = firstRow;
          break scanning;
        } // tag
        let tagLength = buffer[++q] as number;
        if (tagLength > 127) {
          tagLength = (tagLength & 127) | ((buffer[++q] as number) << 7);
          if (tagLength > 0x3fff) {
            row = firstRow;
            break scanning;
          }
        }
        q++;
        if (q + tagLength > valueEnd) {
          row = firstRow;
          break scanning;
        }
        let found = tags.next[slot] as number;
        if (tags.length[found] !== tagLength || !sameBytes(tagBytes, tags.start[found] as number, buffer, q, tagLength)) {
          found = tags.find(buffer, q, tagLength);
          if (found < 0) {
            row = firstRow;
            break scanning;
          }
          tags.next[slot] = found;
        }
        slot = found;
        q += tagLength;

        let x = 0;
        let has = false;
        while (q < valueEnd) {
          const key = buffer[q] as number;
          if (key === 0x15 && !has && q + 5 <= valueEnd) {
            // simple_value
            x = view.getFloat32(q + 1, true);
            has = true;
            q += 5;
          } else if (key === 0x42 && !has) {
            // tensor
            const n = buffer[q + 1] as number;
            const tensorEnd = q + 2 + n;
            if (n > 127 || tensorEnd > valueEnd || n < 4 || buffer[q + 2] !== 0x08) {
              row = firstRow;
              break scanning;
            }
            const dtype = buffer[q + 3] as number;
            q += 4;
            if (buffer[q] === 0x12 && buffer[q + 1] === 0)
              q += 2; // shape {}: rank 0
            else if (buffer[q] === 0x12) {
              row = firstRow;
              break scanning;
            }
            const left = tensorEnd - q;
            const field = buffer[q] as number;
            if (dtype === 1 && left === 6 && (field === 0x22 || field === 0x2a) && buffer[q + 1] === 4) x = view.getFloat32(q + 2, true);
            else if (dtype === 1 && left === 5 && field === 0x2d) x = view.getFloat32(q + 1, true);
            else if (dtype === 2 && left === 10 && (field === 0x22 || field === 0x32) && buffer[q + 1] === 8)
              x = view.getFloat64(q + 2, true);
            else if (dtype === 2 && left === 9 && field === 0x31) x = view.getFloat64(q + 1, true);
            else {
              x = readShortNumber(buffer, dtype, q, tensorEnd);
              if (Number.isNaN(x)) {
                row = firstRow;
                break scanning;
              }
            }
            has = true;
            q = tensorEnd;
          } else if (key === 0x4a) {
            // metadata: skipped if it is what was decoded before
            let n = buffer[++q] as number;
            if (n > 127) {
              n = (n & 127) | ((buffer[++q] as number) << 7);
              if (n > 0x3fff) {
                row = firstRow;
                break scanning;
              }
            }
            q++;
            if (q + n > valueEnd || n !== tags.metaLength[slot] || !sameBytes(tagBytes, tags.metaStart[slot] as number, buffer, q, n)) {
              row = firstRow;
              break scanning;
            }
            q += n;
          } else if (key === 0x3a) {
            // node_name: skipped if it is the tag, whose bytes are known to be valid
            const n = buffer[q + 1] as number;
            if (
              n > 127 ||
              q + 2 + n > valueEnd ||
              n !== tags.length[slot] ||
              !sameBytes(tagBytes, tags.start[slot] as number, buffer, q + 2, n)
            ) {
              row = firstRow;
              break scanning;
            }
            q += 2 + n;
          } else {
            row = firstRow;
            break scanning;
          }
        }
        if (!has || q !== valueEnd) {
          row = firstRow;
          break scanning;
        }
        if (row === capacity) {
          row = firstRow;
          if (firstRow > 0) halt = Halt.Full; // otherwise a single record has more values than there are rows
          break scanning;
        }
        series[row] = tags.series[slot] as number;
        steps[row] = step;
        wallTimes[row] = wallTime;
        values[row] = x;
        offsets[row] = base + p;
        checksums[row] = checksum;
        row++;
      }
      for (let r = firstRow; r < row; r++) indices[r] = r - firstRow;

      this.lastOffset = base + p;
      this.lastLength = low;
      this.lastChecksum = checksum;
      records++;
      p += FRAME_BYTES + low;
      halt = Halt.More;
    }
    this.slot = slot < 0 ? 0 : slot;
    this.records += records;
    this.position = p;
    columns.count = row;
    return halt;
  }
}
