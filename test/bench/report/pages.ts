import { replaceMarked } from '../../support/marked-text.ts';

/** The marks of the short table, and of the one with all lines. */
export const MARKS = ['report', 'report in detail'] as const;

/** A table for each of the marks. */
export type Tables = Readonly<Record<(typeof MARKS)[number], string>>;

/** The page with the tables that it has marks for. Throws if it has none. */
export function fillPage(page: string, tables: Tables): string {
  let filled: string | undefined;
  for (const name of MARKS) filled = replaceMarked(filled ?? page, name, tables[name]) ?? filled;
  if (filled === undefined) throw new Error(`the page has neither ${MARKS.map((name) => `<!-- ${name} -->`).join(' nor ')}`);
  return filled;
}
