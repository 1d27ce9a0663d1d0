import type { ColumnWriter } from './columns.ts';
import { Halt, ScalarScanner } from './scalar-scanner.ts';
import { MOST_ROWS, scanMemory } from './scan-memory.ts';
import type { TagTable } from './tag-table.ts';

/**
 * The scanner that reads bytes in the memory of the compiled one with that, and all others, as its parent does: bytes
 * elsewhere, runs with too many tags, and files with long corrupt records.
 */
export class CompiledScanner extends ScalarScanner {
  override scan(buffer: Uint8Array, view: DataView, start: number, end: number, base: number, tags: TagTable, columns: ColumnWriter): Halt {
    const memory = scanMemory();
    if (memory === undefined || buffer.buffer !== memory.buffer || this.spans !== undefined || !memory.load(tags)) {
      return super.scan(buffer, view, start, end, base, tags, columns);
    }
    const address = buffer.byteOffset;
    const origin = base - address;
    for (let from = start; ; ) {
      const room = Math.min(MOST_ROWS, columns.capacity - columns.count);
      const halt: Halt = memory.scan(address + from, address + end, origin, this.slot, room, columns.count === 0);
      const [position, rows, slot, records, checksum, lastAddress, lastLength, lastChecksum] = memory.results as unknown as Results;
      const [length, needed] = memory.lengths as unknown as [number, number];
      if (rows > 0) memory.moveRows(rows, columns);
      from = position - address;
      this.position = from;
      this.slot = slot;
      this.checksum = checksum;
      this.length = length;
      this.needed = needed;
      if (records > 0) {
        this.records += records;
        this.lastOffset = origin + lastAddress;
        this.lastLength = lastLength;
        this.lastChecksum = lastChecksum;
      }
      // The columns of the memory may be the smaller ones.
      if (halt !== Halt.Full || rows === 0 || columns.count === columns.capacity) return halt;
    }
  }
}

type Results = readonly [
  position: number,
  rows: number,
  slot: number,
  records: number,
  checksum: number,
  lastAddress: number,
  lastLength: number,
  lastChecksum: number,
];
