import type { Gathered } from '../bench.ts';
import type { Row } from '../table.ts';

/** A line of the report. */
export interface ReportLine {
  readonly what: string;
  readonly ours: string;
  readonly reference: string;
  readonly ratio: string;
}

const LONGEST_REASON = 160;

/** What a benchmark measured as lines of the report; a reason instead of figures that cannot be had. */
export function linesOf(what: string, { rows, notes, failure }: Gathered, isDetailed: boolean): readonly ReportLine[] {
  const reason = shorten(failure ?? notes.join('; '));
  const shown = rows.filter(({ isDetail }) => isDetailed || isDetail !== true);
  const lines = shown.map((row, i) => {
    const line = { what: i === 0 ? `${what}: ${row.what}` : `– ${row.what.trim()}`, ...figuresOf(row) };
    const isAlone = row.figure === undefined && reason !== '' && i === 0;
    return isAlone ? { ...line, ratio: `not compared here: ${reason}` } : line;
  });
  if (lines.length > 0 && failure === undefined) return lines;
  const missing = { ours: `not measured here: ${reason === '' ? 'it gave no figure' : reason}`, reference: '', ratio: '' };
  return [...lines, { what: lines.length === 0 ? what : '– what follows', ...missing }];
}

function figuresOf({ ours, reference, against, figure, multipleOf, format = String }: Row): Omit<ReportLine, 'what'> {
  if (figure === undefined) return { ours, reference: reference ?? '', ratio: '' };
  const { median, low, high } = figure;
  const range = low === high ? '' : ` (${format(low)}–${format(high)})`;
  if (reference === undefined) return { ours: `${format(median)}${ours === '' ? range : ` (${ours})`}`, reference: '', ratio: '' };
  const of = multipleOf === undefined ? '' : ` its ${multipleOf}`;
  return { ours, reference: against === undefined ? reference : `${against}: ${reference}`, ratio: `${format(median)}${of}${range}` };
}

/**
 * One line without the folders of this machine. Its beginning and its end are kept: programs say at the end what went
 * wrong.
 */
function shorten(reason: string): string {
  const words = reason.trim().split(/\s+/);
  const line = words.map((word) => (word.startsWith('/') ? word.slice(word.lastIndexOf('/', word.length - 2) + 1) : word)).join(' ');
  return line.length <= LONGEST_REASON ? line : `${line.slice(0, LONGEST_REASON / 2)} … ${line.slice(-LONGEST_REASON / 2)}`;
}

/** The lines as a table of Markdown, with what the figures depend on below. */
export function markdownTable(lines: readonly ReportLine[], below: string): string {
  const row = (cells: readonly string[]): string => `| ${cells.map(asCell).join(' | ')} |`;
  const head = [row(['', 'mirrorboard', 'compared with', 'ratio']), row(['---', '---', '---', '---'])];
  return [...head, ...lines.map(({ what, ours, reference, ratio }) => row([what, ours, reference, ratio])), '', asCell(below)].join('\n');
}

function asCell(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('|', '\\|');
}
