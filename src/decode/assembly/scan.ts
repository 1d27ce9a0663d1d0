// The scanner of `scalar-scanner.ts` in AssemblyScript: the same records, the same reasons to stop, in less time.
// `npm run build:scanner` compiles it into `scan-module.ts`. The layout of the memory stands in `scan-memory.ts`, too.

/** What a call returns beside the reason, as 32-bit numbers: see the stores at the end of `scan`. */
const RESULT: usize = 0;
const CRC_TABLES: usize = 1024;
/** Masked checksums of lengths below 2^16, as far as they were asked for. */
const LENGTH_SUMS: usize = 16_384;
const SHORT_LENGTHS: u32 = 65_536;

/** The reasons why the scanner stopped: those of `Halt`. */
const MORE: i32 = 0;
const FULL: i32 = 1;
const OTHER: i32 = 2;
const LENGTH_CHECKSUM: i32 = 3;
const DATA_CHECKSUM: i32 = 4;

/** Fills the tables of the checksum: once, before anything else. */
export function init(): void {
  for (let n: u32 = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    store<u32>(CRC_TABLES + ((<usize>n) << 2), c);
  }
  for (let k: u32 = 1; k < 8; k++) {
    for (let n: u32 = 0; n < 256; n++) {
      const c = load<u32>(CRC_TABLES + ((<usize>(k - 1)) << 10) + ((<usize>n) << 2));
      store<u32>(CRC_TABLES + ((<usize>k) << 10) + ((<usize>n) << 2), load<u32>(CRC_TABLES + ((<usize>(c & 255)) << 2)) ^ (c >>> 8));
    }
  }
}

// @ts-ignore: decorators of AssemblyScript
@inline
function maskedCrc(from: usize, end: usize): u32 {
  let p = from;
  let c: u32 = 0xffffffff;
  while (p + 8 <= end) {
    const x = load<u64>(p);
    const lo = c ^ <u32>x;
    const hi = <u32>(x >>> 32);
    c =
      load<u32>(CRC_TABLES + ((lo & 255) << 2), 7168) ^
      load<u32>(CRC_TABLES + (((lo >>> 8) & 255) << 2), 6144) ^
      load<u32>(CRC_TABLES + (((lo >>> 16) & 255) << 2), 5120) ^
      load<u32>(CRC_TABLES + ((lo >>> 24) << 2), 4096) ^
      load<u32>(CRC_TABLES + ((hi & 255) << 2), 3072) ^
      load<u32>(CRC_TABLES + (((hi >>> 8) & 255) << 2), 2048) ^
      load<u32>(CRC_TABLES + (((hi >>> 16) & 255) << 2), 1024) ^
      load<u32>(CRC_TABLES + ((hi >>> 24) << 2));
    p += 8;
  }
  if (end - p >= 4) {
    const lo = c ^ load<u32>(p);
    c =
      load<u32>(CRC_TABLES + ((lo & 255) << 2), 3072) ^
      load<u32>(CRC_TABLES + (((lo >>> 8) & 255) << 2), 2048) ^
      load<u32>(CRC_TABLES + (((lo >>> 16) & 255) << 2), 1024) ^
      load<u32>(CRC_TABLES + ((lo >>> 24) << 2));
    p += 4;
  }
  while (p < end) {
    c = load<u32>(CRC_TABLES + (((c ^ load<u8>(p)) & 255) << 2)) ^ (c >>> 8);
    p++;
  }
  c = ~c;
  return ((c >>> 15) | (c << 17)) + 0xa282ead8;
}

// @ts-ignore: decorators of AssemblyScript
@inline
function isSame(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0;
  while (i + 8 <= length) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
    i += 8;
  }
  while (i < length) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
    i++;
  }
  return true;
}

function hashOf(at: usize, length: u32): u32 {
  let h = length;
  for (let i: u32 = 0; i < length; i++) h = (h ^ load<u8>(at + i)) * 0x01000193;
  return h ^ (h >>> 15);
}

/** What the values of a record need, as `scan` got it: the tags, the columns, and where both are. */
let rows: u32 = 0;
let slot: i32 = 0;
let room: u32 = 0;
let isEmpty: u32 = 0;
let mask: u32 = 0;
let base: f64 = 0;
let tagSeries: usize = 0;
let tagStarts: usize = 0;
let tagLengths: usize = 0;
let metaStarts: usize = 0;
let metaLengths: usize = 0;
let nexts: usize = 0;
let buckets: usize = 0;
let bytes: usize = 0;
let seriesAt: usize = 0;
let stepAt: usize = 0;
let wallTimeAt: usize = 0;
let valueAt: usize = 0;
let offsetAt: usize = 0;
let checksumAt: usize = 0;
let indexAt: usize = 0;

/** Says where the tags are. */
export function useTags(
  series: usize, starts: usize, lengths: usize, metaStart: usize, metaLength: usize, next: usize, table: usize, text: usize,
): void {
  tagSeries = series;
  tagStarts = starts;
  tagLengths = lengths;
  metaStarts = metaStart;
  metaLengths = metaLength;
  nexts = next;
  buckets = table;
  bytes = text;
}

/** Says where the columns are. */
export function useColumns(
  series: usize, step: usize, wallTime: usize, value: usize, offset: usize, checksum: usize, index: usize,
): void {
  seriesAt = series;
  stepAt = step;
  wallTimeAt = wallTime;
  valueAt = value;
  offsetAt = offset;
  checksumAt = checksum;
  indexAt = index;
}

/** Adds a slot to the hash table of the tags. */
export function place(slot: u32, tableMask: u32): void {
  const start = bytes + load<u32>(tagStarts + (slot << 2));
  let b = hashOf(start, load<u32>(tagLengths + (slot << 2))) & tableMask;
  while (load<u32>(buckets + (b << 2)) != 0) b = (b + 1) & tableMask;
  store<u32>(buckets + (b << 2), slot + 1);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function find(at: usize, length: u32): i32 {
  let b = hashOf(at, length) & mask;
  while (true) {
    const next = load<u32>(buckets + (b << 2));
    if (next == 0) return -1;
    const found = next - 1;
    if (load<u32>(tagLengths + (found << 2)) == length && isSame(bytes + load<u32>(tagStarts + (found << 2)), at, length)) return found;
    b = (b + 1) & mask;
  }
}

/** Returns the bytes of an element in `tensor_content`; 0 if this scanner does not read the type. */
function widthOf(dtype: u32): u32 {
  switch (dtype) {
    case 4: // uint8
    case 6: // int8
    case 10: // bool
      return 1;
    case 5: // int16
    case 14: // bfloat16
    case 17: // uint16
    case 19: // half
      return 2;
    case 3: // int32
    case 22: // uint32
      return 4;
    case 9: // int64
    case 23: // uint64
      return 8;
    default:
      return 0;
  }
}

/** Returns the number of the field that lists such elements. */
function fieldOf(dtype: u32): u32 {
  switch (dtype) {
    case 9:
      return 10;
    case 10:
      return 11;
    case 14:
    case 19:
      return 13;
    case 22:
      return 16;
    case 23:
      return 17;
    default:
      return 7;
  }
}

/** Reads an integer, bool, half or bfloat16, as `readShortNumber` does. NaN: the event reader must read it. */
function shortNumber(dtype: u32, q: usize, end: usize): f64 {
  const width = widthOf(dtype);
  if (width == 0) return NaN;
  let bits: u64 = 0;
  if (load<u8>(q) == 0x22) {
    if (end - q != 2 + width || load<u8>(q + 1) != width) return NaN;
    bits = load<u64>(q + 2);
  } else {
    let at = q;
    let key: u32 = load<u8>(at++);
    if (key > 127) key = (key & 127) | ((<u32>load<u8>(at++)) << 7);
    const field = fieldOf(dtype);
    if (key == ((field << 3) | 2)) {
      if (<isize>load<u8>(at) != <isize>end - <isize>at - 1) return NaN;
      at++;
    } else if (key != field << 3) return NaN;
    const size = <isize>end - <isize>at;
    if (size < 1 || size > 10 || (dtype == 10 && size > 1)) return NaN;
    for (let i: isize = 0; i < size; i++) {
      const byte: u64 = load<u8>(at + i);
      if (byte > 127 != i < size - 1 || (i == 9 && byte > 1)) return NaN;
      bits |= (byte & 127) << (7 * i);
    }
  }
  switch (dtype) {
    case 3:
      return <f64>(<i32>bits);
    case 4:
      return <f64>(<u8>bits);
    case 5:
      return <f64>(<i16>bits);
    case 6:
      return <f64>(<i8>bits);
    case 9: {
      const x = <i64>bits;
      return x > 9007199254740991 || x < -9007199254740991 ? NaN : <f64>x;
    }
    case 10:
      return <u8>bits == 0 ? 0 : 1;
    case 14:
      return <f64>reinterpret<f32>((<u32>(<u16>bits)) << 16);
    case 17:
      return <f64>(<u16>bits);
    case 19:
      return halfOf(<u32>(<u16>bits));
    case 22:
      return <f64>(<u32>bits);
    default:
      return bits > 9007199254740991 ? NaN : <f64>bits;
  }
}

function halfOf(bits: u32): f64 {
  const exponent = (bits >>> 10) & 31;
  const fraction = <f64>(bits & 1023);
  let x: f64;
  if (exponent == 0) x = fraction * 5.960464477539063e-8;
  else if (exponent == 31) x = fraction == 0 ? Infinity : NaN;
  else x = (1 + fraction / 1024) * reinterpret<f64>((<u64>(exponent + 1008)) << 52);
  return bits & 0x8000 ? -x : x;
}

/** Adds the points of a valid record of `low` bytes at `p`. OTHER: it is not scalars of known tags. FULL: no room. */
function addRecord(p: usize, low: u32, checksum: u32): i32 {
  let q = p + 12;
  const dataEnd = q + low;
  let row = rows;
  if (slot < 0 || low < 12 || load<u8>(q) != 0x09) return OTHER; // wall_time
  const wallTime = load<f64>(q + 1);
  q += 9;
  let step: u64 = 0;
  if (load<u8>(q) == 0x10) {
    let byte: u64 = load<u8>(++q);
    step = byte & 127;
    let shift: u64 = 7;
    while (byte > 127) {
      byte = load<u8>(++q);
      step |= (byte & 127) << shift;
      shift += 7;
      if (shift > 48 && byte > 127) return OTHER; // beyond 2^49, or negative
    }
    q++;
  }
  if (load<u8>(q) != 0x2a) return OTHER; // summary
  let size: u32 = load<u8>(++q);
  if (size > 127) {
    size = (size & 127) | ((<u32>load<u8>(++q)) << 7);
    if (size > 0x3fff) return OTHER;
  }
  q++;
  if (q + size != dataEnd) return OTHER; // the summary is the last field, and the only one

  const firstRow = row;
  while (q < dataEnd) {
    if (load<u8>(q) != 0x0a) return OTHER; // value
    size = load<u8>(++q);
    if (size > 127) {
      size = (size & 127) | ((<u32>load<u8>(++q)) << 7);
      if (size > 0x3fff) return OTHER;
    }
    q++;
    const valueEnd = q + size;
    if (valueEnd > dataEnd || load<u8>(q) != 0x0a) return OTHER; // tag
    let tagLength: u32 = load<u8>(++q);
    if (tagLength > 127) {
      tagLength = (tagLength & 127) | ((<u32>load<u8>(++q)) << 7);
      if (tagLength > 0x3fff) return OTHER;
    }
    q++;
    if (q + tagLength > valueEnd) return OTHER;
    let found: i32 = load<u32>(nexts + ((<usize>slot) << 2));
    if (
      load<u32>(tagLengths + ((<usize>found) << 2)) != tagLength ||
      !isSame(bytes + load<u32>(tagStarts + ((<usize>found) << 2)), q, tagLength)
    ) {
      found = find(q, tagLength);
      if (found < 0) return OTHER;
      store<u32>(nexts + ((<usize>slot) << 2), found);
    }
    slot = found;
    q += tagLength;

    let x: f64 = 0;
    let has = false;
    while (q < valueEnd) {
      const key = load<u8>(q);
      if (key == 0x15 && !has && q + 5 <= valueEnd) {
        // simple_value
        x = <f64>load<f32>(q + 1);
        has = true;
        q += 5;
      } else if (key == 0x42 && !has) {
        // tensor
        const n: u32 = load<u8>(q + 1);
        const tensorEnd = q + 2 + n;
        if (n > 127 || tensorEnd > valueEnd || n < 4 || load<u8>(q + 2) != 0x08) return OTHER;
        const dtype: u32 = load<u8>(q + 3);
        q += 4;
        if (load<u8>(q) == 0x12 && load<u8>(q + 1) == 0) q += 2; // shape {}: rank 0
        else if (load<u8>(q) == 0x12) return OTHER;
        const left: isize = <isize>tensorEnd - <isize>q;
        const field = load<u8>(q);
        if (dtype == 1 && left == 6 && (field == 0x22 || field == 0x2a) && load<u8>(q + 1) == 4) x = <f64>load<f32>(q + 2);
        else if (dtype == 1 && left == 5 && field == 0x2d) x = <f64>load<f32>(q + 1);
        else if (dtype == 2 && left == 10 && (field == 0x22 || field == 0x32) && load<u8>(q + 1) == 8) x = load<f64>(q + 2);
        else if (dtype == 2 && left == 9 && field == 0x31) x = load<f64>(q + 1);
        else {
          x = shortNumber(dtype, q, tensorEnd);
          if (x != x) return OTHER;
        }
        has = true;
        q = tensorEnd;
      } else if (key == 0x4a) {
        // metadata: skipped if it is what was decoded before
        let n: u32 = load<u8>(++q);
        if (n > 127) {
          n = (n & 127) | ((<u32>load<u8>(++q)) << 7);
          if (n > 0x3fff) return OTHER;
        }
        q++;
        if (
          q + n > valueEnd ||
          n != load<u32>(metaLengths + ((<usize>slot) << 2)) ||
          !isSame(bytes + load<u32>(metaStarts + ((<usize>slot) << 2)), q, n)
        ) return OTHER;
        q += n;
      } else if (key == 0x3a) {
        // node_name: skipped if it is the tag, whose bytes are known to be valid
        const n: u32 = load<u8>(q + 1);
        if (
          n > 127 ||
          q + 2 + n > valueEnd ||
          n != load<u32>(tagLengths + ((<usize>slot) << 2)) ||
          !isSame(bytes + load<u32>(tagStarts + ((<usize>slot) << 2)), q + 2, n)
        ) return OTHER;
        q += 2 + n;
      } else return OTHER;
    }
    if (!has || q != valueEnd) return OTHER;
    if (row == room) {
      // Otherwise a single record has more values than there are rows.
      return firstRow > 0 || isEmpty == 0 ? FULL : OTHER;
    }
    store<u32>(seriesAt + ((<usize>row) << 2), load<u32>(tagSeries + ((<usize>slot) << 2)));
    store<f64>(stepAt + ((<usize>row) << 3), <f64>step);
    store<f64>(wallTimeAt + ((<usize>row) << 3), wallTime);
    store<f64>(valueAt + ((<usize>row) << 3), x);
    store<f64>(offsetAt + ((<usize>row) << 3), base + <f64>p);
    store<u32>(checksumAt + ((<usize>row) << 2), checksum);
    row++;
  }
  for (let r = firstRow; r < row; r++) store<u32>(indexAt + ((<usize>r) << 2), r - firstRow);
  rows = row;
  return MORE;
}

/**
 * Scans records from `from` to `end`. `origin` is the file offset of address 0, `most` the rows that the columns have,
 * `fresh` 1 if the batch has no points before them.
 */
export function scan(from: usize, end: usize, origin: f64, firstSlot: i32, tagCount: u32, tableMask: u32, most: u32, fresh: u32): i32 {
  base = origin;
  room = most;
  isEmpty = fresh;
  mask = tableMask;
  rows = 0;
  slot = tagCount == 0 ? -1 : min(firstSlot, <i32>tagCount - 1);
  let p = from;
  let records: u32 = 0;
  let halt: i32 = MORE;
  let length: f64 = 0;
  let needed: f64 = 0;
  let checksum: u32 = 0;
  let lastAt: usize = 0;
  let lastLength: u32 = 0;
  let lastChecksum: u32 = 0;

  while (true) {
    if (end - p < 12) {
      needed = 12;
      break;
    }
    const low = load<u32>(p);
    const high = load<u32>(p + 4);
    let wanted: u32;
    if (high == 0 && low < SHORT_LENGTHS) {
      wanted = load<u32>(LENGTH_SUMS + ((<usize>low) << 2));
      if (wanted == 0) {
        wanted = maskedCrc(p, p + 8);
        store<u32>(LENGTH_SUMS + ((<usize>low) << 2), wanted);
      }
    } else wanted = maskedCrc(p, p + 8);
    if (load<u32>(p + 8) != wanted) {
      halt = LENGTH_CHECKSUM;
      break;
    }
    length = <f64>high * 4294967296 + <f64>low;
    if (<f64>(end - p) - 16 < length) {
      needed = 16 + length;
      break;
    }
    checksum = load<u32>(p + 12 + low);
    if (maskedCrc(p + 12, p + 12 + low) != checksum) {
      halt = DATA_CHECKSUM;
      break;
    }

    halt = addRecord(p, low, checksum);
    if (halt != MORE) break;
    lastAt = p;
    lastLength = low;
    lastChecksum = checksum;
    records++;
    p += 16 + low;
    halt = MORE;
  }
  store<u32>(RESULT, <u32>p);
  store<u32>(RESULT + 4, rows);
  store<u32>(RESULT + 8, slot < 0 ? 0 : slot);
  store<u32>(RESULT + 12, records);
  store<u32>(RESULT + 16, checksum);
  store<u32>(RESULT + 20, <u32>lastAt);
  store<u32>(RESULT + 24, lastLength);
  store<u32>(RESULT + 28, lastChecksum);
  store<f64>(RESULT + 32, length);
  store<f64>(RESULT + 40, needed);
  return halt;
}
