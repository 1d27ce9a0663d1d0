import { describe, expect, test } from '@jest/globals';
import { isColored, styleFor } from '../../../src/cli/terminal/index.js';

const terminal = { isTTY: true, getColorDepth: () => 8 };
const pipe = {};

describe('colour', () => {
  test('is on for terminals that have it', () => {
    expect(isColored({ stream: terminal, env: {} })).toBe(true);
    expect(isColored({ stream: { isTTY: true, getColorDepth: () => 1 }, env: {} })).toBe(false);
    expect(isColored({ stream: pipe, env: {} })).toBe(false);
  });

  test('is off with TERM=dumb and with NO_COLOR unless that is empty', () => {
    expect(isColored({ stream: terminal, env: { TERM: 'dumb' } })).toBe(false);
    expect(isColored({ stream: terminal, env: { NO_COLOR: '1' } })).toBe(false);
    expect(isColored({ stream: terminal, env: { NO_COLOR: '' } })).toBe(true);
  });

  test('obeys FORCE_COLOR before NO_COLOR, and --color before both', () => {
    expect(isColored({ stream: pipe, env: { FORCE_COLOR: '1', NO_COLOR: '1', TERM: 'dumb' } })).toBe(true);
    expect(isColored({ stream: terminal, env: { FORCE_COLOR: '0' } })).toBe(false);
    expect(isColored({ stream: terminal, env: { FORCE_COLOR: '1' }, choice: 'never' })).toBe(false);
    expect(isColored({ stream: pipe, env: { NO_COLOR: '1' }, choice: 'always' })).toBe(true);
  });

  test('adds nothing to plain text', () => {
    expect(styleFor({ stream: pipe, env: {} }).red('x')).toBe('x');
    expect(styleFor({ stream: terminal, env: {} }).red('x')).toBe('\x1b[31mx\x1b[39m');
  });
});
