import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { renderTable, visibleText } from '../../../src/cli/terminal/index.js';

const columns = [{ title: 'Run' }, { title: 'Points', align: 'right' }] as const;

describe('a table', () => {
  test('aligns wide letters, combining marks and emoji', () => {
    const rows = [
      ['実験/一', '1'],
      ['e\u0301te\u0301', '20'],
      ['👩‍🔬', '300'],
      ['plain', '4,000'],
    ];
    const lines = renderTable({ columns, rows }).split('\n');
    expect(lines[0]).toBe('Run      Points');
    expect(lines.map((line) => stringWidth(line))).toEqual([15, 15, 15, 15, 15]);
  });

  test('shows escape sequences in names and does not obey them', () => {
    const text = renderTable({ columns, rows: [['a\x1b[2J\x1b]0;gone\x07\r\nb\x9b31m\u202ec', '1']] });
    expect(text).toContain(String.raw`a\x1b[2J\x1b]0;gone\x07\r\nb\x9b31m\u{202e}c  `);
    expect(text.split('\n')).toHaveLength(2);
  });

  test('shortens the first column in the middle if the terminal is narrow, never a number', () => {
    const rows = [['experiments/2024-05-01/seed-17/train', '123,456']];
    const lines = renderTable({ columns, rows, width: 30 }).split('\n');
    expect(lines[1]).toBe('experiment…d-17/train  123,456');
    expect(lines.every((line) => stringWidth(line) <= 30)).toBe(true);
    expect(renderTable({ columns, rows, width: 0 })).toBe(renderTable({ columns, rows }));
    expect(renderTable({ columns, rows, width: 5 }).split('\n')[1]).toBe('expe…rain  123,456');
  });

  test('fits one or two screens for a name of megabytes, and shows both ends of it', () => {
    const rows = [
      ['a', '1'],
      [`begin${'x😀'.repeat(1_000_000)}end`, '2'],
      ['b', `${'9'.repeat(1_000_000)}`],
    ];
    const lines = renderTable({ columns, rows }).split('\n');
    expect(lines.map((line) => stringWidth(line)).filter((width) => width > 2 * 256 + 2)).toEqual([]);
    expect(lines[2]).toMatch(/^begin.*…(?:x?😀)+.*end {2,}2$/u);
    expect(visibleText(`begin${'😀'.repeat(1_000_000)}end`)).toMatch(/^begin😀+…😀+end$/u);
    expect(visibleText('x'.repeat(5000), { whole: true })).toHaveLength(5000);
  });

  const numbers = ['Points', 'Equal', 'Missing', 'Extra', 'Pending'] as const;
  const wide = {
    columns: [{ title: 'Run' }, ...numbers.map((title, i) => ({ title, align: 'right', isSpare: i > 1 }) as const)],
    rows: [
      ['experiments/2024-05-01/seed-17/train', '12,345,678', '12,345,670', '8', '0', '0 B'],
      ['b', '1', '1', '0', '0', '0 B'],
    ],
  };

  test('leaves out columns of zeros if it is too wide, and no others', () => {
    const lines = renderTable({ ...wide, width: 43 }).split('\n');
    expect(lines[0]).toMatch(/^Run +Points +Equal +Missing$/);
    expect(lines.every((line) => stringWidth(line) <= 43)).toBe(true);
    expect(renderTable({ ...wide, width: 80 })).toContain('Pending');
    expect(renderTable(wide)).toContain('Pending');
  });

  test('becomes a few lines for each row if even that is too wide, with all known facts', () => {
    for (const width of [30, 38]) {
      const text = renderTable({ ...wide, width });
      expect(text.split('\n').filter((line) => stringWidth(line) > width)).toEqual([]);
      expect(text.replace(/\s+/g, ' ')).toContain('train Points 12,345,678 Equal 12,345,670 Missing 8 Extra 0 Pending 0 B b Points 1 ');
    }
  });

  test('puts text that is too wide below its cell, or below its row', () => {
    const below = ['b: http://127.0.0.1:5000', 'c: /data'];
    const rows = [
      ['b', '1', '2', '3', '4', '5 B'],
      ['c', '1', '2', '3', '4', '5 B'],
    ];
    const table = renderTable({ ...wide, rows, below, width: 60 }).split('\n');
    expect(table.slice(3)).toEqual(['  b: http://127.0.0.1:5000', '  c: /data']);
    const records = renderTable({ ...wide, rows, below, width: 30 }).split('\n');
    expect([records[0], records.at(-1)]).toEqual(['b', '  c: /data']);
    expect(records.indexOf('  b: http://127.0.0.1:5000')).toBe(records.indexOf('c') - 1);
  });

  test('breaks long text between words', () => {
    const text = renderTable({
      columns: [{ title: 'Lane' }, { title: 'takes' }, { title: 'n' }],
      rows: [['x', 'not known yet: it has no rate', '1']],
      width: 24,
    });
    expect(text).toBe('x\n  takes not known yet:\n    it has no rate\n  n 1');
  });

  test('never cuts a wide letter in two', () => {
    const lines = renderTable({ columns, rows: [['一二三四五六七八九十', '1']], width: 18 }).split('\n');
    expect(lines[1]).toBe('一二…九十        1');
  });

  test('leaves no blanks at the ends of lines, and missing cells empty', () => {
    expect(renderTable({ columns: [{ title: 'A' }, { title: 'Bee' }], rows: [['x'], ['y', 'z']] })).toBe('A  Bee\nx\ny  z');
  });
});

describe('visible text', () => {
  test('is unchanged without control characters', () => {
    const text = 'loss/train_α 実験 e\u0301 👩‍🔬 ‌';
    expect(visibleText(text)).toBe(text);
  });

  test('shows what is invisible, and half surrogates', () => {
    expect(visibleText('a\u200bb\ufeffc\ud800d\u2028e\0f\x7f')).toBe(String.raw`a\u{200b}b\u{feff}c\u{d800}d\u{2028}e\x00f\x7f`);
  });
});
