// The overhead report: what mirrorboard costs, in one table for the README.
import { readFileSync, writeFileSync } from 'node:fs';
import { type Gathered, gather, type Setting } from '../bench.ts';
import { circumstances, loadNow } from '../machine.ts';
import type { ReportEntry } from './entries.ts';
import { linesOf, markdownTable } from './lines.ts';
import { fillPage, type Tables } from './pages.ts';

/**
 * Measures the entries in turn and writes the tables into the pages. Answers the tables, and how many entries failed.
 */
export async function report(
  entries: readonly ReportEntry[],
  setting: Setting,
  pages: readonly string[],
): Promise<{ readonly tables: Tables; readonly failures: number }> {
  // A page without marks is known before minutes of measuring.
  for (const page of pages) fillPage(readFileSync(page, 'utf8'), { report: '', 'report in detail': '' });
  const load = loadNow();
  const measured: (readonly [ReportEntry, Gathered])[] = [];
  for (const entry of entries) {
    process.stderr.write(`… ${entry.name}\n`);
    measured.push([entry, await gather(entry.run, setting)]);
  }
  const below = circumstances(setting.pairs, load, setting.references.versions);
  const tableOf = (isDetailed: boolean): string => {
    const lines = measured.flatMap(([{ what }, gathered]) => linesOf(what, gathered, isDetailed));
    return markdownTable(lines, below);
  };
  const tables = { report: tableOf(false), 'report in detail': tableOf(true) };
  for (const page of pages) writeFileSync(page, fillPage(readFileSync(page, 'utf8'), tables));
  return { tables, failures: measured.filter(([, { failure }]) => failure !== undefined).length };
}
