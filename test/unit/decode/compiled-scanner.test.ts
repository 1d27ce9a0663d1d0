import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ColumnWriter } from '../../../src/decode/columns.ts';
import { CompiledScanner } from '../../../src/decode/compiled-scanner.ts';
import { scanWindow, TagTable } from '../../../src/decode/index.ts';
import { Halt, ScalarScanner } from '../../../src/decode/scalar-scanner.ts';
import { MOST_ROWS, WINDOW_BYTES } from '../../../src/decode/scan-memory.ts';
import { SCAN_SOURCE } from '../../../src/decode/scan-module.ts';
import { concat, event, frame, metadata, simpleValue } from '../../support/event-writer.ts';

const REPOSITORY = join(import.meta.dirname, '../../../..');

const memory = scanWindow() as Uint8Array;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function tableOf(...tags: readonly string[]): TagTable {
  const table = new TagTable();
  for (const [series, tag] of tags.entries()) table.add(encode(tag), series);
  return table;
}

/** Scans records from the start of the memory, or of a copy elsewhere with the scanner in TypeScript. */
function scan(scanner: ScalarScanner, records: Uint8Array, tags: TagTable, columns: ColumnWriter, from = 0): Halt {
  const buffer = scanner instanceof CompiledScanner ? memory : records;
  if (buffer === memory) memory.set(records);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return scanner.scan(buffer, view, from, records.length, 1000, tags, columns);
}

const point = (tag: string, step: number, value = step): Uint8Array =>
  frame(event({ wallTime: step / 4 + 1, step, summary: [simpleValue(tag, value)] }));

describe('the compiled scanner', () => {
  beforeEach(() => void memory.fill(0));

  test('is compiled from the source beside it', () => {
    const source = readFileSync(join(REPOSITORY, 'src/decode/assembly/scan.ts'));
    expect(hash('sha256', source)).toBe(SCAN_SOURCE);
  });

  test('follows tags that are added, get metadata, and are removed', () => {
    const table = tableOf('a');
    const scanner = new CompiledScanner();
    const read = (...records: readonly Uint8Array[]): number => {
      const columns = new ColumnWriter(64);
      scan(scanner, concat(...records), table, columns);
      return columns.count;
    };
    expect(read(point('a', 1), point('b', 1))).toBe(1);
    table.add(encode('b'), 7);
    expect(read(point('a', 1), point('b', 1), point('c', 1))).toBe(2);
    const meta = metadata({ plugin: 'scalars', dataClass: 'scalar' });
    const told = frame(event({ wallTime: 1, step: 1, summary: [simpleValue('b', 1, meta)] }));
    expect(read(told)).toBe(0);
    table.setMetadata(1, meta);
    expect(read(told)).toBe(1);
    table.setMetadata(1, metadata({ plugin: 'scalars', dataClass: 'scalar', description: 'longer than before' }));
    expect(read(told)).toBe(0);
    table.truncate(1);
    expect(read(point('a', 1), point('b', 1))).toBe(1);
    table.add(encode('c'), 8);
    expect(read(point('c', 1), point('a', 1), point('b', 1))).toBe(2);
  });

  test('changes from run to run and back', () => {
    const [one, two] = [tableOf('a', 'b'), tableOf('b')];
    const [first, second] = [new CompiledScanner(), new CompiledScanner()];
    for (let round = 0; round < 3; round++) {
      const [columns, others] = [new ColumnWriter(64), new ColumnWriter(64)];
      scan(first, concat(point('a', 1), point('b', 2)), one, columns);
      scan(second, concat(point('b', 3), point('a', 4)), two, others);
      expect([columns.count, others.count]).toEqual([2, 1]);
      expect([[...columns.series.subarray(0, 2)], others.series[0]]).toEqual([[0, 1], 0]);
    }
  });

  test('keeps up with metadata that alternates, whose changes are forgotten at some point', () => {
    const table = tableOf('a');
    const scanner = new CompiledScanner();
    const metas = [1, 2].map((n) => metadata({ plugin: 'scalars', dataClass: 'scalar', description: String(n) }));
    for (let i = 0; i < 5000; i++) {
      table.setMetadata(0, metas[i % 2] as Uint8Array);
      if (i % 97 !== 0 && i < 4990) continue;
      const columns = new ColumnWriter(64);
      scan(scanner, frame(event({ wallTime: 1, step: 1, summary: [simpleValue('a', 1, metas[i % 2])] })), table, columns);
      expect(columns.count).toBe(1);
    }
    expect(table.changes.length).toBeLessThan(2000);
  });

  test('finds each of very many tags, and leaves more than it has room for to the other one', () => {
    const table = new TagTable();
    for (let i = 0; i < 140_000; i++) {
      table.add(encode(`tag ${i}`), i);
      if (i % 20_000 !== 0 && i < 139_990) continue;
      const [columns, others] = [new ColumnWriter(64), new ColumnWriter(64)];
      const records = concat(point(`tag ${i}`, 1), point('tag 5', 2), point(`tag ${i + 1}`, 3));
      scan(new CompiledScanner(), records, table, columns);
      scan(new ScalarScanner(), records, table, others);
      expect([...columns.series.subarray(0, columns.count)]).toEqual([...others.series.subarray(0, others.count)]);
    }
  });

  test('fills columns that are larger than its own, and stops where they end', () => {
    const records = concat(...Array.from({ length: 20_000 }, (_, step) => point('a', step % 100)));
    expect(records.length).toBeLessThan(WINDOW_BYTES);
    for (const capacity of [1, 19_999, 20_000, 3 * MOST_ROWS]) {
      const [columns, others] = [new ColumnWriter(capacity), new ColumnWriter(capacity)];
      const [scanner, other] = [new CompiledScanner(), new ScalarScanner()];
      const halts = [scan(scanner, records, tableOf('a'), columns), scan(other, records, tableOf('a'), others)];
      expect(halts[0]).toBe(halts[1]);
      expect(halts[0]).toBe(capacity < 20_000 ? Halt.Full : Halt.More);
      expect([scanner.position, scanner.records, scanner.lastOffset, scanner.lastLength, scanner.lastChecksum]).toEqual([
        other.position,
        other.records,
        other.lastOffset,
        other.lastLength,
        other.lastChecksum,
      ]);
      expect(columns.finish()).toEqual(others.finish());
    }
  });
});
