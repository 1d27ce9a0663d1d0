import { expect, test } from '@jest/globals';
import { parseRetryAfter } from '../../../src/http/retry-after.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');

test.each([
  ['3', 3000],
  [' 0 ', 0],
  ['1.5', 1500],
  ['Fri, 02 Jan 2026 03:04:15 GMT', 10_000],
  ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
  ['999999999', 3_600_000],
  ['soon', undefined],
  ['-1', undefined],
  ['', undefined],
  [undefined, undefined],
])('reads %j as %j ms', (header, expected) => expect(parseRetryAfter(header, NOW)).toBe(expected));
