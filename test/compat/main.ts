// `npm run compat`: MLflow's versions and databases, each with lost answers and a lost state. `--only WORD,…` takes
// versions and stores that have one of the words of each kind; `--write` puts the table into docs/trackers/mlflow.md.
// Environments stay in the tests' cache (MIRRORBOARD_TEST_CACHE).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceMarked } from '../support/marked-text.ts';
import { REPOSITORY } from '../support/python-tools.ts';
import { type Cell, runCell } from './cell.ts';
import { type Database, type Store, startMariadb, startPostgres } from './databases.ts';
import { environmentOf, keepsFiles, VERSIONS, type Version } from './servers.ts';
import { tableOf } from './table.ts';

const STORES: readonly Store[] = [
  'SQLite',
  'PostgreSQL',
  'MariaDB utf8mb4',
  'MariaDB utf8mb4 unicode',
  'MariaDB utf8mb3',
  'MariaDB latin1',
  'files',
];
const PAGE = join(REPOSITORY, 'docs/trackers/mlflow.md');

process.env['MIRRORBOARD_REAL_TRACKERS'] ??= '1';
const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, write: { type: 'boolean', default: false } } });
const words = values.only.split(',').filter((word) => word !== '');
const isWanted = (name: string, all: readonly string[]): boolean => {
  const ofKind = words.filter((word) => all.some((each) => each.toLowerCase().includes(word.toLowerCase())));
  return ofKind.length === 0 || ofKind.some((word) => name.toLowerCase().includes(word.toLowerCase()));
};

const databases = new Map<Store, Promise<Database>>();

async function addressOf(store: Store, version: Version): Promise<string | undefined> {
  if (store === 'files') return undefined;
  if (store === 'SQLite') return 'sqlite:///mlflow.db';
  const start = (): Promise<Database> => (store === 'PostgreSQL' ? startPostgres() : startMariadb(store));
  const database = databases.get(store) ?? start();
  databases.set(store, database);
  const name = `v${version.replaceAll('.', '_')}_${Date.now()}`;
  return await (await database).create(name, join(await environmentOf('3.17.2'), 'bin/python'));
}

async function measured(version: Version, store: Store): Promise<Cell | string> {
  try {
    return await runCell(version, await addressOf(store, version));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const cells = new Map<string, Cell | string>();
for (const version of VERSIONS.filter((each) => isWanted(each, VERSIONS))) {
  for (const store of STORES.filter((each) => isWanted(each, STORES))) {
    if (store === 'files' && !keepsFiles(version)) continue;
    const cell = await measured(version, store);
    cells.set(`${version} ${store}`, cell);
    console.log(
      `${version} over ${store}: ${typeof cell === 'string' ? `not run: ${cell.slice(0, 300)}` : `${cell.verdict} ${cell.why ?? ''}`}`,
    );
  }
}
for (const database of databases.values()) await database.then((running) => running.stop()).catch(() => undefined);

const table = tableOf(cells, VERSIONS, STORES);
console.log(`\n${table}`);
if (values.write) {
  const page = replaceMarked(readFileSync(PAGE, 'utf8'), 'compat', table);
  if (page === undefined) throw new Error(`${PAGE} has no place for the table`);
  writeFileSync(PAGE, page);
}
process.exitCode = [...cells.values()].every((cell) => typeof cell !== 'string' && cell.verdict !== 'not exact') ? 0 : 1;
