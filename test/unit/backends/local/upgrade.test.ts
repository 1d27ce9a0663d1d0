// Stores that 0.1.0 wrote (schema version 1), and one of schema version 2, upgraded in place.
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { openForReading, openForWriting, upgradeStore } from '../../../../src/backends/local/client.ts';
import { recountRun } from '../../../../src/backends/local/recount.ts';
import { SCHEMA_VERSION, VIEW_NAMES } from '../../../../src/backends/local/schema.ts';
import { upgrade } from '../../../../src/backends/local/upgrade.ts';
import { backfill } from '../../../../src/index.ts';
import { type Question, StoreQueries, StoreQuery } from '../../../../src/query/index.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const formats = fileURLToPath(new URL('../../../../../test/formats', import.meta.url));

let folder = '';
let path = '';

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'mirrorboard.db');
});

const unpack = (archive: string): void => void execFileSync('tar', ['-xzf', join(formats, archive), '-C', folder]);

const OF_TWO = 'schema-2.tar.gz';
const ARCHIVES = ['0.1.0-long.tar.gz', '0.1.0.tgz', '0.1.0-early.tgz', OF_TWO];

type Rows = Record<string, unknown[]>;

/** The rows of every view, without columns that version 2 added. */
function views(file: string): Rows {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return Object.fromEntries(
      VIEW_NAMES.map((name) => {
        const statement = db.prepare(`SELECT * FROM ${name}`);
        statement.setReadBigInts(true);
        const rows = statement.all().map(({ last: _, ...row }) => JSON.stringify(row, (_, x) => (typeof x === 'bigint' ? `${x}n` : x)));
        return [name, rows.sort()];
      }),
    );
  } finally {
    db.close();
  }
}

function rowsOf(db: DatabaseSync, sql: string): unknown[] {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all();
}

/** Everything that version 2 added, and what stands for it in the points. */
function derived(file: string): Rows {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const all = (sql: string) => rowsOf(db, sql);
    return {
      series: all('SELECT * FROM series ORDER BY id'),
      uses: all('SELECT * FROM tag_use ORDER BY root, tag, plugin'),
      tags: all('SELECT * FROM tag ORDER BY id'),
      definitions: all('SELECT * FROM definition ORDER BY id'),
      buckets: all('SELECT series, first_point, hex(buckets) AS buckets FROM segment ORDER BY series, first_point'),
      schema: all('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name'),
      meta: all("SELECT * FROM meta WHERE key <> 'created_at' ORDER BY key"),
      version: all('PRAGMA user_version'),
    };
  } finally {
    db.close();
  }
}

const questions: Question[] = [
  { kind: 'roots' },
  { kind: 'plugins' },
  { kind: 'runs', metrics: ['loss', 'train/loss'], params: ['lr'] },
  { kind: 'runs', order: { by: 'metric', tag: 'train/loss', of: 'max' }, select: { filter: 'has:train/*' } },
  { kind: 'tags' },
  { kind: 'tags', select: { filter: 'a' } },
  { kind: 'hparams' },
  { kind: 'damage' },
  { kind: 'starts' },
];

/** The answers to questions, as text. `lastStep` and `lastWallTime` of listings are new in version 2. */
function answers(file: string): unknown {
  const query = new StoreQuery(file);
  try {
    const runs = query.ask({ kind: 'runs' }).runs.map(({ run }) => run);
    const listing = query.ask({ kind: 'listing', select: { plugin: 'scalars', dataClass: 'scalar' } });
    return [
      Array.from(listing.definition, (i) => listing.definitions[i]).map((found) => [found?.tag, found?.form]),
      query.ask({ kind: 'samples', select: { plugin: 'scalars', dataClass: 'scalar' }, most: 7 }),
      ...questions.map((question) => query.ask(question)),
      ...runs.flatMap((run) => [
        query.ask({ kind: 'series', run }),
        query.ask({ kind: 'files', run }),
        ...query
          .ask({ kind: 'series', run })
          .map(({ tag }) => [query.ask({ kind: 'curves', runs: [run], tags: [tag], width: 40 }), query.ask({ kind: 'values', run, tag })]),
      ]),
    ];
  } finally {
    query.close();
  }
}

describe('a store of an earlier version', () => {
  it.each(ARCHIVES)('%s: shows the same in every view, and answers the same, before and after its upgrade', (archive) => {
    unpack(archive);
    const [before, said] = [views(path), answers(path)];
    openForWriting(path).close();
    expect(views(path)).toEqual(before);
    expect(answers(path)).toEqual(said);
    expect(Object.values(before).flat().length).toBeGreaterThan(100);
  });

  it.each(ARCHIVES)('%s: has the tables, views and triggers of a new one', (archive) => {
    unpack(archive);
    openForWriting(path).close();
    const fresh = join(folder, 'fresh.db');
    openForWriting(fresh).close();
    const names = (file: string) =>
      (derived(file)['schema'] as { type: string; name: string }[]).map(({ type, name }) => `${type} ${name}`);
    expect(names(path)).toEqual(names(fresh));
    expect(derived(path)['version']).toEqual([{ user_version: BigInt(SCHEMA_VERSION) }]);
  });

  it.each(ARCHIVES)('%s: gets what the points say', (archive) => {
    unpack(archive);
    const db = openForWriting(path);
    const before = rowsOf(db, 'SELECT * FROM series ORDER BY id');
    for (const { id } of db.prepare('SELECT id FROM run').all()) recountRun(db, Number(id));
    expect(rowsOf(db, 'SELECT * FROM series ORDER BY id')).toEqual(before);
    const uses = db.prepare('SELECT root, tag, plugin, runs, points FROM tag_use WHERE runs > 0 ORDER BY root, tag, plugin').all();
    const counted = db
      .prepare(
        `SELECT run.root, series.tag, plugin, count(*) AS runs, sum(count) AS points FROM series JOIN run ON run.id = run
         JOIN definition ON definition.id = definition WHERE count > 0 GROUP BY run.root, series.tag, plugin ORDER BY 1, 2, 3`,
      )
      .all();
    expect(uses).toEqual(counted);
    expect(uses.length).toBeGreaterThan(0);
    db.close();
  });

  it.each(['0.1.0-long.tar.gz', OF_TWO])('%s: gets the same if its upgrade ends after any piece, and is readable in between', (archive) => {
    unpack(archive);
    const [original, said] = [views(path), answers(path)];
    const whole = join(folder, 'whole.db');
    copyFileSync(path, whole);
    openForWriting(whole).close();
    const cut = new DatabaseSync(path);
    cut.exec('PRAGMA journal_mode = WAL');
    const pieces = upgrade(cut, 1);
    for (let piece = 0; ; piece++) {
      const state = pieces.next();
      const copy = join(folder, `${piece}.db`);
      cut.exec(`VACUUM INTO '${copy}'`);
      if (state.done === true) break;
      expect(state.value).toEqual({ runs: piece + 1, of: 3 });
      expect(answers(copy)).toEqual(said);
      expect(views(copy)).toEqual(original);
      openForWriting(copy).close();
      expect(derived(copy)).toEqual(derived(whole));
    }
    cut.close();
    expect(derived(path)).toEqual(derived(whole));
  });

  it.each(['0.1.0-long.tar.gz', OF_TWO])('%s: continues, and holds a point of each record', async (archive) => {
    unpack(archive);
    const seen: number[] = [];
    await upgradeStore(path, { onProgress: ({ runs }) => seen.push(runs) });
    expect(seen).toEqual([3]);
    const { runs } = await backfill({
      roots: [{ path: join(folder, 'logs') }],
      store: { path, mediaPath: join(folder, 'mirrorboard.media') },
      signal: new AbortController().signal,
    });
    expect(runs.length).toBe(3);
    const db = openForReading(path);
    expect(db.prepare('SELECT sum(points) AS points FROM run').get()?.['points']).toBe(1974);
    db.close();
  });

  it('is opened again by a reader that had it open', async () => {
    unpack('0.1.0-long.tar.gz');
    const queries = new StoreQueries(path);
    const curves: Question = { kind: 'curves', runs: [{ root: 'logs', path: 'long/a' }], tags: ['lr'], width: 50 };
    const said = [await queries.ask(curves), await queries.ask({ kind: 'tags' })];
    openForWriting(path).close();
    expect([await queries.ask(curves), await queries.ask({ kind: 'tags' })]).toEqual(said);
    await queries.close();
  });

  it('stops between two pieces when it is asked to', async () => {
    unpack('0.1.0-long.tar.gz');
    const stop = new AbortController();
    await expect(upgradeStore(path, { onProgress: () => stop.abort(new Error('enough')), signal: stop.signal })).rejects.toThrow('enough');
    await upgradeStore(path);
    expect(derived(path)['version']).toEqual([{ user_version: BigInt(SCHEMA_VERSION) }]);
  });
});
