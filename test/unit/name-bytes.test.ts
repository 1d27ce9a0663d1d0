import { describe, expect, test } from '@jest/globals';
import { nameOfBytes, nameOfText, systemPath } from '../../src/name-bytes.ts';

const bytesOf = (path: string | Buffer): Buffer => Buffer.from(path as string);

describe('names as bytes', () => {
  test('keep UTF-8 unchanged, with a real U+FFFD too', () => {
    for (const name of ['exp', 'ünï & x', 'h\ufffdst', 'a\\b', '\\xzz', 'c:\\x00', '日本']) {
      expect(nameOfBytes(Buffer.from(name))).toBe(name);
      expect(nameOfText(name)).toBe(name);
      expect(systemPath(name)).toBe(name);
    }
  });

  test('show each byte that is not UTF-8 as an escape, and find the bytes again', () => {
    const name = nameOfBytes(Buffer.from('exp_\xfc\xe9.b', 'latin1'));
    expect(name).toBe('exp_\\xfc\\xe9.b');
    expect(systemPath(`/logs/${name}/x`)).toEqual(Buffer.from('/logs/exp_\xfc\xe9.b/x', 'latin1'));
  });

  test('never share one text, also with escapes in their own text', () => {
    const names = [
      Buffer.from('a\xfc', 'latin1'),
      Buffer.from('a\\xfc'),
      Buffer.from('a\\x5cxfc'),
      Buffer.from('a\\\xfc', 'latin1'),
      Buffer.from('a\\xf\xfc', 'latin1'),
      Buffer.from([0x61, 0xc3]),
      Buffer.from([0x61, 0xc3, 0xbc]),
      Buffer.from([0x61, 0xef, 0xbf, 0xbd]),
      Buffer.from([0x61, 0xed, 0xa0, 0x80]),
      Buffer.from([0xf0, 0x9f, 0x98]),
    ];
    const texts = names.map(nameOfBytes);
    expect(new Set(texts).size).toBe(names.length);
    for (const [i, text] of texts.entries()) expect(bytesOf(systemPath(text))).toEqual(names[i]);
  });

  test('are reversible for any bytes', () => {
    let seed = 7;
    const next = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    const pieces = ['\\', '\\x', 'x', '5c', 'fc', '\xfc', '\xc3', '\xbc', 'a', '\xe2\x82', '\xac'];
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(Array.from({ length: 1 + next(6) }, () => pieces[next(pieces.length)]).join(''), 'latin1');
      expect(bytesOf(systemPath(nameOfBytes(bytes)))).toEqual(bytes);
    }
  });
});
