import { describe, expect, test } from '@jest/globals';
import { TagTable } from '../../../src/decode/index.ts';

const utf8 = (tag: string): Uint8Array => new TextEncoder().encode(tag);

describe('TagTable', () => {
  test('finds each of thousands of tags, and none that was not added', () => {
    const table = new TagTable();
    const tags = Array.from({ length: 5000 }, (_, i) => utf8(`layer.${i % 70}/weight_${i}/${'ü'.repeat(i % 90)}`));
    for (const [i, tag] of tags.entries()) table.add(tag, i * 3);
    for (const [i, tag] of tags.entries()) {
      const slot = table.find(tag, 0, tag.length);
      expect(table.series[slot]).toBe(i * 3);
      expect(table.find(tag, 0, tag.length - 1)).toBe(-1);
    }
    expect(table.find(utf8('loss'), 0, 4)).toBe(-1);
  });

  test('finds a tag in the middle of other bytes', () => {
    const table = new TagTable();
    table.add(utf8('other'), 1);
    const slot = table.add(utf8('loss'), 7);
    expect(table.find(utf8('xxlossyy'), 2, 4)).toBe(slot);
    expect(table.find(utf8('xxlossyy'), 3, 4)).toBe(-1);
  });

  test('knows the empty tag', () => {
    const table = new TagTable();
    expect(table.find(utf8(''), 0, 0)).toBe(-1);
    const slot = table.add(utf8(''), 2);
    expect(table.find(utf8('abc'), 1, 0)).toBe(slot);
  });

  test('keeps the latest metadata of each slot', () => {
    const table = new TagTable();
    const slots = ['a', 'b'].map((tag) => table.add(utf8(tag), 0));
    const held = (slot: number): string => {
      const start = table.metaStart[slot]!;
      return new TextDecoder().decode(table.bytes.subarray(start, start + table.metaLength[slot]!));
    };
    for (const text of ['first', 'second, longer', 'third', 'the fourth is the longest']) {
      for (const slot of slots) table.setMetadata(slot, utf8(`${text} ${slot}`));
      expect(slots.map(held)).toEqual([`${text} 0`, `${text} 1`]);
    }
    expect(table.find(utf8('a'), 0, 1)).toBe(0);
    expect(table.find(utf8('b'), 0, 1)).toBe(1);
  });

  test('does not grow when two metadata of different length take turns', () => {
    const table = new TagTable();
    const slot = table.add(utf8('loss'), 0);
    for (let i = 0; i < 10_000; i++) table.setMetadata(slot, i % 2 ? utf8('short') : utf8('a longer description'));
    expect(table.bytes.length).toBeLessThan(8192);
  });
});
