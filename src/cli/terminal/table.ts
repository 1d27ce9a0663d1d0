import { textWidth } from '../../text-width.ts';
import { wrapText } from '../../wrap-text.ts';
import { fitText } from './fit-text.ts';
import { plainStyle, type Style } from './style.ts';
import { visibleText, withoutMiddle } from './visible-text.ts';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** The side of the cells: numbers belong to the right. Default: left. */
  readonly align?: 'left' | 'right';
  /** True if a narrow terminal may leave it out when all its cells are zero. */
  readonly isSpare?: boolean;
}

/** A table for a terminal. */
export interface Table {
  readonly columns: readonly Column[];
  /** The cells as plain text; they may come from files, with escape sequences. Missing cells are empty. */
  readonly rows: readonly (readonly string[])[];
  /**
   * Text that is too wide for a cell, one for each row: below the table, or below its row if that has several lines.
   */
  readonly below?: readonly string[];
  /** The columns of the terminal; no limit if missing or 0 (terminals that do not know). */
  readonly width?: number | undefined;
  readonly style?: Style;
}

const GAP = '  ';
/** The least width of the first column: a few letters at both ends of a name. */
const LEAST_WIDTH = 9;
/** The most width of any column, on any terminal or without one: one long name would pad every line. */
const MOST_WIDTH = 256;
/**
 * The most characters of a cell that are measured: measuring takes time for each character, so invisible text is cut
 * before.
 */
const MOST_UNITS = 16 * MOST_WIDTH;

/** The least width of a table: no person reads on a narrower terminal. */
const LEAST_COLUMNS = 20;
const ZEROS = new Set(['', '-', '0', '0 B']);

/**
 * Returns a table as lines without a trailing line end. If it is too wide, it cuts the first column, then leaves out
 * columns of zeros; if that is not enough, each row becomes several lines. Numbers are never cut.
 */
export function renderTable(table: Table): string {
  const { width, style = plainStyle } = table;
  const below = (table.below ?? []).map((text) => wrapText(`${GAP}${visibleText(text)}`, width, GAP.length));
  if (width === undefined || width < LEAST_COLUMNS) return [asTable(table), ...below].join('\n');
  for (const smaller of [table, withoutSpare(table)]) {
    const text = asTable(smaller);
    if (text.split('\n').every((line) => textWidth(line) <= width)) return [text, ...below].join('\n');
  }
  return asRecords(table, below, width, style);
}

function withoutSpare(table: Table): Table {
  const kept = table.columns.map(({ isSpare }, i) => isSpare !== true || table.rows.some((row) => !ZEROS.has(row[i] ?? '')));
  return { ...table, columns: table.columns.filter((_, i) => kept[i]), rows: table.rows.map((row) => row.filter((_, i) => kept[i])) };
}

/** Returns each row under its first cell, the others with the titles of their columns. */
function asRecords({ columns, rows }: Table, below: readonly string[], width: number, style: Style): string {
  const lines = rows.flatMap((row, at) => {
    const [first = '', ...others] = row.map(shown);
    const facts = others.flatMap((cell, i) => (cell === '' ? [] : [`${visibleText(columns[i + 1]?.title ?? '')} ${cell}`]));
    return [style.bold(fitText(first, width)), ...packed(facts, width), ...below.slice(at, at + 1)];
  });
  return lines.join('\n');
}

/** Puts as many facts into a line as fit; only a fact that is too wide for a line is broken, at words. */
function packed(facts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const fact of facts) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(last) + GAP.length + textWidth(fact) <= width) lines[lines.length - 1] = last + GAP + fact;
    else lines.push(`${GAP}${fact}`);
  }
  return lines.map((line) => wrapText(line, width, GAP.length));
}

function asTable({ columns, rows, width, style = plainStyle }: Table): string {
  const titles = columns.map(({ title }) => visibleText(title));
  const cells = rows.map((row) => columns.map((_, column) => shown(row[column] ?? '')));
  const widths = titles.map((title, column) => cells.reduce((most, row) => Math.max(most, textWidth(row[column] ?? '')), textWidth(title)));

  const total = widths.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1));
  const first = widths[0];
  if (width !== undefined && width > 0 && first !== undefined && total > width) {
    widths[0] = Math.min(first, Math.max(LEAST_WIDTH, first - (total - width)));
  }

  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => padded(fitText(cell, widths[column] ?? 0), widths[column] ?? 0, columns[column]?.align))
      .join(GAP)
      .trimEnd();
  return [style.bold(line(titles)), ...cells.map(line)].join('\n');
}

function shown(cell: string): string {
  return fitText(visibleText(withoutMiddle(cell, MOST_UNITS)), MOST_WIDTH);
}

function padded(text: string, width: number, align: Column['align'] = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'right' ? space + text : text + space;
}
