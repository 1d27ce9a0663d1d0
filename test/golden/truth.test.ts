import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openForReading } from '../../src/backends/local/client.ts';
import { StoreReader } from '../../src/backends/local/reader.ts';
import { filesSource } from '../../src/cli/files-source.ts';
import { findTarget } from '../../src/cli/survey.ts';
import { type ExportSource, storeSource, writeTruthJson } from '../../src/export/index.ts';
import { corpus, freshDirectory, mustRun, remove, repository } from '../e2e/command.ts';
import { compareTruth, parseExport, type TruthText } from '../support/compare-truth.ts';

const names = readdirSync(join(repository, 'test/logs')).sort();
const damaged = join(repository, 'test/damaged');

let folder: string;
let store: string;

beforeAll(async () => {
  folder = freshDirectory();
  store = join(folder, 'mirrorboard.db');
  await mustRun(['backfill', ...names.map(corpus)], { cwd: folder });
  await mustRun(['backfill', damaged], { cwd: folder }, 1);
});

afterAll(() => remove(folder));

async function textOf(source: ExportSource): Promise<string> {
  const chunks: string[] = [];
  await writeTruthJson(source, (chunk) => void chunks.push(chunk));
  return chunks.join('');
}

async function storeText(root: string): Promise<string> {
  const reader = new StoreReader(openForReading(store), '');
  try {
    return await textOf(storeSource(reader, { roots: [root] }));
  } finally {
    reader.close();
  }
}

function truthOf(name: string): TruthText {
  return JSON.parse(readFileSync(join(repository, 'test/golden/truth', `${name}.json`), 'utf8')) as TruthText;
}

/** Every row of every table. */
function rowsOf(path: string): Record<string, unknown[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all() as { name: string }[];
    return Object.fromEntries(
      tables.map(({ name }) => {
        const statement = db.prepare(`SELECT * FROM ${name}`);
        statement.setReadBigInts(true);
        return [name, statement.all()];
      }),
    );
  } finally {
    db.close();
  }
}

describe('the truth of the corpus', () => {
  it.each([...names, 'damaged'])('matches the files and the store: %s', async (name) => {
    const truth = truthOf(name);
    const points = Object.values(truth.runs).flatMap((run) => Object.values(run.tags).map((series) => series.points.length));
    const fromFiles = await textOf(filesSource(await findTarget(name === 'damaged' ? damaged : corpus(name))));
    const wanted = { checked: points.reduce((sum, count) => sum + count, 0), differences: [] };
    expect(compareTruth(truth, parseExport(fromFiles))).toEqual(wanted);
    expect(compareTruth(truth, parseExport(await storeText(name)))).toEqual(wanted);
  });

  it('has the same bytes from the files and from the store', async () => {
    for (const name of names) expect(await storeText(name)).toBe(await textOf(filesSource(await findTarget(corpus(name)))));
  });

  it('matches the output of the commands', async () => {
    const { stdout: exported } = await mustRun(['export', '--root', 'tf2_scalars'], { cwd: folder });
    const { stdout: inspected } = await mustRun(['inspect', '--format', 'json', corpus('tf2_scalars')], { cwd: folder });
    expect(exported).toBe(await storeText('tf2_scalars'));
    expect(inspected).toBe(exported);
  });

  it('covers every log directory', () => {
    const truths = readdirSync(join(repository, 'test/golden/truth')).map((file) => file.replace(/\.json$/, ''));
    expect(truths.sort()).toEqual([...names, 'damaged'].sort());
  });
});

describe('a second backfill', () => {
  it('adds nothing and changes nothing', async () => {
    const before = rowsOf(store);
    const { stdout } = await mustRun(['backfill', '--json', ...names.map(corpus), damaged], { cwd: folder }, 1);
    const { totals } = JSON.parse(stdout);
    expect(totals).toMatchObject({ new_points: 0, bytes_read: 0, records: 0, files_unchanged: totals.files });
    const after = rowsOf(store);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [table, rows] of Object.entries(before)) expect([table, after[table]]).toEqual([table, rows]);
  });
});
