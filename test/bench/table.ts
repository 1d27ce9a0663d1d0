// One table per benchmark: what, ours, reference, figure, target.
import { type Format, judge, type Spread, type Target } from './figures.ts';

/** One line of a table. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  /** The other side of the comparison, if there is one, … */
  readonly reference?: string;
  /** … and its name, unless the benchmark has only one. */
  readonly against?: string;
  /** What of it the figure is a multiple of. */
  readonly multipleOf?: 'rate' | 'time';
  /** What is judged, with the way to write it. Absent for plain information. */
  readonly figure?: Spread;
  readonly format?: Format;
  readonly target?: Target;
  /** Left out of the short report. */
  readonly isDetail?: true;
}

const HEAD = ['', 'ours', 'reference', 'figure', 'low – high', 'reach', 'moonshot', ''] as const;

/** The table as text, columns that no row fills left out. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map(cellsOf);
  const used = HEAD.map((_, column) => column === 0 || cells.some((row) => row[column] !== ''));
  const widths = HEAD.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 || column === HEAD.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .filter((_, column) => used[column])
      .join('  ')
      .trimEnd();
  return [HEAD, ...cells].map((row) => `  ${line(row)}`).join('\n');
}

function cellsOf({ ours, reference = '', figure, format = String, target, ...row }: Row): string[] {
  const what = row.against === undefined ? row.what : `${row.what}, against ${row.against}`;
  if (!figure) return [what, ours, reference, '', '', '', '', ''];
  const { median, low, high } = figure;
  const range = low === high ? '' : `${format(low)} – ${format(high)}`;
  if (!target) return [what, ours, reference, format(median), range, '', '', ''];
  const sign = target.bound === 'most' ? '≤ ' : '≥ ';
  const moonshot = target.moonshot === undefined ? '' : sign + format(target.moonshot);
  return [what, ours, reference, format(median), range, sign + format(target.reach), moonshot, judge(median, target)];
}
