import { describe, expect, test } from '@jest/globals';
import { describeForeign } from '../../../src/decode/foreign.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('describeForeign', () => {
  test.each([
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), /^gzip/],
    ['a zip archive', text('PK\x03\x04\x14'), /zip/],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:'), /Git LFS/],
    ['SQLite', text('SQLite format 3\0'), /SQLite/],
    ['HTML after white space', text('\n <!DOCTYPE html><html>'), /web page/],
    ['HTML without a doctype', text('<html lang="en">'), /web page/],
    ['XML', text('<?xml version="1.0"?>'), /XML/],
    ['JSON', text(' {"error": 404}'), /^JSON$/],
    ['plain text', text('step,value\r\n1,2\n'), /^text$/],
  ])('recognises %s', (_, head, expected) => {
    expect(describeForeign(head)).toMatch(expected);
  });

  test('says nothing about bytes that mean nothing to it', () => {
    expect(describeForeign(Uint8Array.of(0x80, 0x81, 0, 1))).toBeUndefined();
    expect(describeForeign(new Uint8Array(0))).toBeUndefined();
  });
});
