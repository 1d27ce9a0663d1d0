import { describe, expect, it } from '@jest/globals';
import { columnsOf, wrapText } from '../../../src/cli/terminal/index.ts';

describe('wrapText', () => {
  it('breaks lines at words, and indents the next ones', () => {
    expect(wrapText('hint: write the settings themselves', 20, 2)).toBe('hint: write the\n  settings\n  themselves');
    expect(wrapText('  a bb ccc\nd', 6)).toBe('  a bb\n  ccc\nd');
  });

  it('does not break a word that is wider than the terminal, or a text without a width', () => {
    expect(wrapText('see /a/very/long/path now', 10)).toBe('see\n/a/very/long/path\nnow');
    expect(wrapText('a b c d e f', undefined)).toBe('a b c d e f');
  });

  it('counts columns, not letters', () => {
    expect(wrapText('日本 日本 日本', 9)).toBe('日本 日本\n日本');
  });

  it('takes time in proportion to the text', () => {
    const text = 'word '.repeat(50_000);
    expect(wrapText(text, 40).split('\n').length).toBeGreaterThan(6000);
  });
});

describe('columnsOf', () => {
  it('uses COLUMNS, then the terminal; output to a program has no width', () => {
    expect(columnsOf({ columns: 120, isTTY: true }, { COLUMNS: '40' })).toBe(40);
    expect(columnsOf({ columns: 120, isTTY: true }, { COLUMNS: 'x' })).toBe(120);
    expect(columnsOf({}, {})).toBeUndefined();
    expect(columnsOf({ columns: 0, isTTY: true }, {})).toBeUndefined();
  });
});
