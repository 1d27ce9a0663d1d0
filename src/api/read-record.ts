/** Reads one record of an event file where it stands, and checks its checksums. The file belongs to others. */
import { crcRegister, FRAME_BYTES, HEADER_BYTES, maskedCrc32c, maskedOf } from '../decode/index.ts';
import { type Directory, pieces } from '../untrusted/index.ts';

/** A record as it is in the file. */
export interface FoundRecord {
  /** The bytes of its data; undefined if the file ends before them. */
  readonly length: number | undefined;
  readonly lengthChecksum: number | undefined;
  readonly isLengthValid: boolean;
  /** Undefined if the file ends before it, if the length is not valid, or if the data is too long to be checked. */
  readonly dataChecksum: number | undefined;
  readonly isDataValid: boolean | undefined;
}

/** The longest record whose data is checked. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Reads the record at an offset. Throws what `pieces` throws. */
export async function readRecord(directory: Directory, file: string, offset: number, signal: AbortSignal): Promise<FoundRecord> {
  const bytes = new Bytes(pieces(directory, file, { mostBytes: Number.POSITIVE_INFINITY, start: offset, signal }));
  try {
    const head = await bytes.take(HEADER_BYTES);
    if (head.length < HEADER_BYTES) return { ...NOTHING };
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const length = Number(view.getBigUint64(0, true));
    const lengthChecksum = view.getUint32(8, true);
    const isLengthValid = maskedCrc32c(view, 0, 8) === lengthChecksum;
    const found = { ...NOTHING, length, lengthChecksum, isLengthValid };
    if (!isLengthValid || length > MOST_BYTES) return found;
    let register = -1;
    let left = length;
    while (left > 0) {
      const piece = await bytes.some(left);
      if (piece.length === 0) return found;
      register = crcRegister(new DataView(piece.buffer, piece.byteOffset, piece.length), 0, piece.length, register);
      left -= piece.length;
    }
    const foot = await bytes.take(FRAME_BYTES - HEADER_BYTES);
    if (foot.length < FRAME_BYTES - HEADER_BYTES) return found;
    const dataChecksum = foot.readUInt32LE(0);
    return { ...found, dataChecksum, isDataValid: maskedOf(register) === dataChecksum };
  } finally {
    await bytes.close();
  }
}

const NOTHING: FoundRecord = {
  length: undefined,
  lengthChecksum: undefined,
  isLengthValid: false,
  dataChecksum: undefined,
  isDataValid: undefined,
};

/** The bytes of pieces, in parts of other sizes. */
class Bytes {
  readonly #pieces: AsyncGenerator<Buffer, void, void>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncGenerator<Buffer, void, void>) {
    this.#pieces = source;
  }

  /** Returns so many bytes; fewer at the end of the file. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const part = await this.some(left);
      if (part.length === 0) break;
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Returns at most so many bytes; none at the end of the file. */
  async some(most: number): Promise<Buffer> {
    if (this.#rest.length === 0) this.#rest = (await this.#pieces.next()).value ?? Buffer.alloc(0);
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  async close(): Promise<void> {
    await this.#pieces.return();
  }
}
