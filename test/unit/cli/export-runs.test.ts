import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { openStore } from '../../../src/backends/local/index.ts';
import type { TextExport } from '../../../src/cli/export-run-protocol.ts';
import { exportRuns } from '../../../src/cli/export-runs.ts';
import { type ExportCount, type ShortSeries, storeSource, writeCsv, writeTruthJson } from '../../../src/export/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { corpus, repository } from '../../e2e/command.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let path = '';

beforeAll(async () => {
  folder = temporaryFolder();
  path = join(folder, 'a.db');
  for (const name of readdirSync(join(repository, 'test/logs'))) cpSync(corpus(name), join(folder, 'logs', name), { recursive: true });
  cpSync(join(repository, 'test/damaged'), join(folder, 'logs/damaged'), { recursive: true });
  const store = { path, mediaPath: join(folder, 'a.media') };
  await backfill({ roots: [{ path: join(folder, 'logs') }], store, signal: new AbortController().signal });
}, 60_000);

interface Exported {
  readonly text: string;
  readonly count: ExportCount;
  readonly shortages: readonly ShortSeries[];
}

async function exported(format: TextExport, jobs: number, store = path): Promise<Exported> {
  const chunks: Buffer[] = [];
  const shortages: ShortSeries[] = [];
  const onShort = (short: ShortSeries): void => void shortages.push(short);
  const reader = openStore(store);
  try {
    const sink = (chunk: string | Uint8Array): void => void chunks.push(Buffer.from(chunk as Uint8Array));
    const count = await exportRuns(reader, { path: store, root: 'logs', format, jobs, leastBytes: 0, onShort }, sink);
    return { text: Buffer.concat(chunks).toString(), count, shortages };
  } finally {
    reader.close();
  }
}

const FORMATS: readonly TextExport[] = [
  { name: 'json' },
  { name: 'csv', kind: 'scalars', safe: false },
  { name: 'csv', kind: 'all', safe: true },
];

describe('an export of many runs', () => {
  test('has the same text and counts with three threads as with one, and as its format alone', async () => {
    const reader = openStore(path);
    for (const format of FORMATS) {
      const one = await exported(format, 1);
      expect(await exported(format, 3)).toEqual(one);
      const chunks: string[] = [];
      const source = storeSource(reader, { roots: ['logs'] });
      const sink = (chunk: string): void => void chunks.push(chunk);
      const count = format.name === 'json' ? await writeTruthJson(source, sink) : await writeCsv(source, sink, format);
      expect(one).toEqual({ text: chunks.join(''), count, shortages: [] });
      expect(count.points).toBeGreaterThan(1000);
    }
    reader.close();
    expect(Object.keys(JSON.parse((await exported({ name: 'json' }, 2)).text).runs).length).toBeGreaterThan(60);
  });

  test('reports lost rows in the same order', async () => {
    const store = copied('short.db');
    const db = new DatabaseSync(store);
    db.exec('PRAGMA foreign_keys = OFF; DELETE FROM point WHERE id % 3 = 0; UPDATE run SET points = points + 1 WHERE id % 4 = 0');
    db.close();
    const one = await exported({ name: 'json' }, 1, store);
    expect(one.shortages.length).toBeGreaterThan(20);
    expect(await exported({ name: 'json' }, 3, store)).toEqual(one);
  });

  test('is of one moment, though another process writes', async () => {
    const store = copied('busy.db');
    const db = new DatabaseSync(store);
    db.exec('PRAGMA busy_timeout = 5000');
    let commits = 0;
    // Each commit leaves the store whole, with one more run.
    const timer = setInterval(() => {
      const id = 1_000_000 + commits++;
      db.prepare('INSERT INTO run (id, root, path) SELECT ?, root, ? FROM run LIMIT 1').run(id, `more ${id}`);
    }, 1);
    try {
      for (let round = 0; round < 3; round++) {
        const before = commits;
        const { text, shortages } = await exported({ name: 'json' }, 3, store);
        expect(shortages).toEqual([]);
        const runs = Object.keys(JSON.parse(text).runs).filter((name) => name.startsWith('more '));
        expect(runs.length).toBeGreaterThanOrEqual(before);
        expect(runs).toEqual(Array.from({ length: runs.length }, (_, i) => `more ${1_000_000 + i}`));
      }
    } finally {
      clearInterval(timer);
      db.close();
    }
    expect(commits).toBeGreaterThan(10);
  });

  test('fails as one thread does if a part of the store cannot be read', async () => {
    const store = copied('torn.db');
    const db = new DatabaseSync(store, { readOnly: true });
    const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'segment'").get()?.['rootpage']);
    db.close();
    const bytes = readFileSync(store);
    writeFileSync(store, bytes.fill(0xff, (root - 1) * 16_384, root * 16_384));
    const fails = (jobs: number): Promise<unknown> => exported({ name: 'json' }, jobs, store).catch((error: unknown) => error);
    const one = (await fails(1)) as { code: string; message: string };
    const three = (await fails(3)) as { code: string; message: string };
    expect(one.code).toMatch(/^MB/);
    expect([three.code, three.message]).toEqual([one.code, one.message]);
  });
});

/** A copy of the store, with all that was written ahead. */
function copied(name: string): string {
  const store = join(folder, name);
  const db = new DatabaseSync(path);
  db.prepare('VACUUM INTO ?').run(store);
  db.close();
  const copy = new DatabaseSync(store);
  copy.exec('PRAGMA journal_mode = WAL');
  copy.close();
  return store;
}
