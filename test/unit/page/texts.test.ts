// Numbers, times and names as the page writes them.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { begunAt } from '../../../src/page/model/event-file-name.ts';
import { safeLink } from '../../../src/page/model/safe-link.ts';
import { ago, byteSize, clockTime, duration, shortNumber } from '../../../src/page/model/short-text.ts';
import { visibleText } from '../../../src/page/model/visible-text.ts';

it.each([
  [0, '0'],
  [-0, '−0'],
  [12_345, '12,345'],
  [0.000123456, '0.00012346'],
  [-0.5, '−0.5'],
  [1e-7, '1e-7'],
  [1.23456789e21, '1.2346e+21'],
  [0.1 + 0.2, '0.3'],
  ['NaN', 'NaN'],
  ['Infinity', '+∞'],
  ['-Infinity', '−∞'],
  ['9223372036854775807', '9.2234e+18'],
  [null, ''],
  [undefined, ''],
])('the number %j is %j', (value, text) => {
  expect(shortNumber(value)).toBe(text);
});

it.each([
  [0.4, '0 s'],
  [3, '3 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [61, '1 min 1 s'],
  [7500, '2 h 5 min'],
  [86_400 * 3 + 3600, '3 d 1 h'],
  [86_400 * 400, '400 d'],
])('%d seconds are %j', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it('says how long ago, and in how long', () => {
  expect([ago(1000, 1200), ago(1000, 4000), ago(9000, 1000)]).toEqual(['now', '3 s ago', 'in 8 s']);
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [123 * 1024 ** 2, '123 MiB'],
  [5 * 1024 ** 6, '5120 PiB'],
])('%d bytes are %j', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});

it('writes times, and numbers that are none as numbers', () => {
  expect(clockTime(new Date(2026, 10, 30, 8, 5, 9).getTime() / 1000)).toBe('2026-11-30 08:05:09');
  expect([clockTime(null), clockTime('NaN'), clockTime('Infinity'), clockTime(1e300)]).toEqual(['', 'NaN', '+∞', '1e+300']);
});

describe('a text from a log directory', () => {
  it.each([
    ['loss', 'loss'],
    ['größe/損失 👩‍🚀', 'größe/損失 👩‍🚀'],
    ['two\nlines', 'two⏎lines'],
    ['\u001b[31mred\u0007', '\\u{1b}[31mred\\u{7}'],
    ['\u202egnp.exe', '\\u{202e}gnp.exe'],
    ['zero\u200bwidth\ufeff', 'zero\\u{200b}width\\u{feff}'],
    ['half \ud83d', 'half \\u{d83d}'],
  ])('%j is %j', (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  it('is one short line without anything invisible', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        const shown = visibleText(text, 20);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\n]/u);
        expect(shown.length).toBeLessThanOrEqual(20 * '\\u{10ffff}'.length + 1);
      }),
    );
  });

  it('of many megabytes costs no more than its beginning', () => {
    expect(visibleText('a'.repeat(10_000_000))).toBe(`${'a'.repeat(500)}…`);
    expect(visibleText(`${'a'.repeat(499)}👩👩`)).toBe(`${'a'.repeat(499)}…`);
  });
});

it.each([
  ['https://mlflow.example/#/runs/1', 'https://mlflow.example/#/runs/1'],
  ['http://127.0.0.1:5000/', 'http://127.0.0.1:5000/'],
  ['javascript:alert(1)', undefined],
  [' javascript:alert(1)', undefined],
  ['data:text/html,<script>', undefined],
  ['/relative', undefined],
  ['', undefined],
  [null, undefined],
])('the link %j leads to %j', (url, link) => {
  expect(safeLink(url)).toBe(link);
});

it.each([
  ['events.out.tfevents.1700000000.host.1.0', 1_700_000_000],
  ['sub/events.out.tfevents.1700000000', 1_700_000_000],
  ['events.out.tfevents.1.h', undefined],
  ['1700000000.txt', undefined],
])('the event file %j was begun at %j', (name, seconds) => {
  expect(begunAt(name)).toBe(seconds);
});
