import { describe, expect, test } from '@jest/globals';
import { describeForeign } from '../../../src/decode/foreign.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('describeForeign', () => {
  test.each([
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), /^gzip/],
    ['a zip archive', text('PK\x03\x04\x14'), /zip/],
    ['bzip2', Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0x31, 0x41), /^bzip2: unpack/],
    ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0), /^xz: unpack/],
    ['zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4, 0), /^zstd: unpack/],
    ['a 7z archive', Uint8Array.of(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4), /^a 7z archive: unpack/],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:'), /Git LFS/],
    ['SQLite', text('SQLite format 3\0'), /SQLite/],
    ['HTML after white space', text('\n <!DOCTYPE html><html>'), /web page/],
    ['HTML without a doctype', text('<html lang="en">'), /web page/],
    ['XML', text('<?xml version="1.0"?>'), /XML/],
    ['JSON', text(' {"error": 404}'), /^JSON$/],
    ['plain text', text('step,value\r\n1,2\n'), /^text$/],
    ['text in other alphabets, cut within a letter', text('größe,精度 🎉\n').subarray(0, -2), /^text$/],
    ['an event file that was read as text', text('\x18\0\0\0\0\0\0\0\ufffd\x7f\ufffd\x12\t\0\0'), /as binary/],
  ])('recognizes %s', (_, head, expected) => {
    expect(describeForeign(head)).toMatch(expected);
  });

  test('does not name unknown bytes', () => {
    expect(describeForeign(Uint8Array.of(0x80, 0x81, 0, 1))).toBeUndefined();
    expect(describeForeign(new Uint8Array(0))).toBeUndefined();
  });
});
