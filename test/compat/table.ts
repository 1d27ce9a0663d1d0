import type { Cell } from './cell.ts';
import type { Store } from './databases.ts';
import type { Version } from './servers.ts';

/** The matrix as a table of Markdown: what was measured, and of nothing else a word. */
export function tableOf(cells: ReadonlyMap<string, Cell | string>, versions: readonly Version[], stores: readonly Store[]): string {
  const wordOf = (version: Version, store: Store): string => {
    const cell = cells.get(`${version} ${store}`);
    if (cell === undefined) return '–';
    return typeof cell === 'string' ? 'not run' : cell.verdict;
  };
  const rows = versions.map((version) => `| ${version} | ${stores.map((store) => wordOf(version, store)).join(' | ')} |`);
  return [`| MLflow | ${stores.join(' | ')} |`, `| --- |${' --- |'.repeat(stores.length)}`, ...rows].join('\n');
}
