import stringWidth from 'string-width';
import { fitText } from './fit-text.ts';
import { plainStyle, type Style } from './style.ts';
import { visibleText, withoutMiddle } from './visible-text.ts';

export interface Column {
  readonly title: string;
  /** Numbers belong to the right. Left is the default. */
  readonly align?: 'left' | 'right';
}

export interface Table {
  readonly columns: readonly Column[];
  /** Cells as plain text; they may come from files, escape sequences and all. Missing cells are empty. */
  readonly rows: readonly (readonly string[])[];
  /** Columns of the terminal; no limit when absent or 0 (terminals that do not know). */
  readonly width?: number | undefined;
  readonly style?: Style;
}

const GAP = '  ';
/** The first column is never made narrower than this: a few letters at both ends of a name. */
const LEAST_WIDTH = 9;
/** Nor is any column wider than this, whatever the terminal or where there is none: one long name would pad every line. */
const MOST_WIDTH = 256;
/** A cell is measured and cut by what is seen, which costs time for each character: what can't be seen anyway is left out before. */
const MOST_UNITS = 16 * MOST_WIDTH;

/**
 * A table as lines without a trailing line end. When it is too wide, the first column gives way: numbers are never cut, so
 * a terminal too narrow for them sees long lines.
 */
export function renderTable({ columns, rows, width, style = plainStyle }: Table): string {
  const titles = columns.map(({ title }) => visibleText(title));
  const cells = rows.map((row) => columns.map((_, column) => shown(row[column] ?? '')));
  const widths = titles.map((title, column) =>
    cells.reduce((most, row) => Math.max(most, stringWidth(row[column] ?? '')), stringWidth(title)),
  );

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
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? space + text : text + space;
}
