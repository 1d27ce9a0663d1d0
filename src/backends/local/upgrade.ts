/**
 * Upgrades a store from schema version 1 to 2, in place and in pieces. Each piece is a transaction, so a killed
 * upgrade continues where it ended. Until its last piece, readers see version 1's tables (`version-one.ts`), and no
 * program of version 1 opens the store any more.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { DataClass } from '../../model/index.ts';
import { PreparedStatements } from './prepared.ts';
import { recountEnds } from './recount.ts';
import { INDEX_STATISTICS, INDEXES, NEW_TABLES, SERIES, VIEW_NAMES, VIEWS } from './schema.ts';
import { SeriesWriter } from './series-writer.ts';
import { addBuckets } from './stored-buckets.ts';
import { inTransaction } from './transaction.ts';
import { hasOldLayout, UPGRADE_KEY } from './version-one.ts';

/** The table of series until the last piece. */
const UNFINISHED = 'series_2';
/** The points and series of a piece: some tenths of a second. */
const PIECE_POINTS = 500_000;
const SERIES_AS_POINTS = 50;

/** How far an upgrade is. */
export interface UpgradeProgress {
  readonly runs: number;
  readonly of: number;
}

/**
 * Upgrades a store piece by piece, and yields after each one; `pieceWeight`: its points, a series counting as many. It
 * yields nothing for a store that needs no upgrade.
 */
export function* upgrade(db: DatabaseSync, pieceWeight = PIECE_POINTS): Generator<UpgradeProgress, void, void> {
  if (!hasOldLayout(db)) return;
  if (db.prepare('PRAGMA user_version').get()?.['user_version'] === 1) inTransaction(db, () => begin(db));
  const runs = db
    .prepare('SELECT id, points, (SELECT count(*) FROM series WHERE run = run.id) AS series FROM run WHERE id > ? ORDER BY id')
    .all(Number(db.prepare('SELECT value FROM meta WHERE key = ?').get(UPGRADE_KEY)?.['value']));
  const of = Number(db.prepare('SELECT count(*) AS n FROM run').get()?.['n']);
  const pass = new RunUpgrade(db);
  for (let i = 0; i < runs.length; ) {
    inTransaction(db, () => {
      for (let weight = 0; i < runs.length && weight < pieceWeight; i++) {
        const { id, points, series } = runs[i] as Record<string, number>;
        pass.run(id as number);
        weight += (points as number) + (series as number) * SERIES_AS_POINTS;
        db.prepare('UPDATE meta SET value = ? WHERE key = ?').run(id as number, UPGRADE_KEY);
      }
    });
    yield { runs: of - runs.length + i, of };
  }
  // Other tables refer to the rows of the table that goes, and keep their numbers in the one that comes.
  db.exec('PRAGMA foreign_keys = OFF');
  try {
    inTransaction(db, () => end(db));
  } finally {
    db.exec('PRAGMA foreign_keys = ON');
  }
}

function begin(db: DatabaseSync): void {
  db.exec(`${NEW_TABLES} ${SERIES(UNFINISHED)}
    ALTER TABLE file ADD COLUMN first_wall_time REAL;
    ALTER TABLE run ADD COLUMN visibility TEXT;
    ALTER TABLE run ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN buckets BLOB;
    INSERT INTO meta (key, value) VALUES ('${UPGRADE_KEY}', 0);
    PRAGMA user_version = 2;`);
}

function end(db: DatabaseSync): void {
  const views = VIEW_NAMES.map((name) => `DROP VIEW IF EXISTS ${name};`).join(' ');
  db.exec(`${views}
    DROP TABLE series;
    ALTER TABLE ${UNFINISHED} RENAME TO series;
    INSERT INTO tag_use (root, tag, plugin, runs, points)
      SELECT run.root, series.tag, definition.plugin, count(*), sum(series.count) FROM series JOIN run ON run.id = series.run
      JOIN definition ON definition.id = series.definition WHERE series.count > 0 GROUP BY run.root, series.tag, definition.plugin;
    ${INDEXES}
    DELETE FROM sqlite_stat1 WHERE tbl = 'series';
    INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ${INDEX_STATISTICS};
    ${VIEWS}
    UPDATE meta SET value = 2 WHERE key = 'schema_version';
    DELETE FROM meta WHERE key = '${UPGRADE_KEY}';`);
}

class RunUpgrade {
  readonly #db: DatabaseSync;
  readonly #statements: PreparedStatements;
  readonly #series: SeriesWriter;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = new PreparedStatements(db);
    this.#series = new SeriesWriter(this.#statements);
  }

  run(run: number): void {
    const counts = 'count, first_step, last_step, last_wall_time, min, max, first_file, first_offset';
    const copy = this.#statements.prepare(
      `INSERT INTO ${UNFINISHED} (id, run, number, tag, definition, ${counts})
       SELECT id, run, number, ?, ?, ${counts} FROM series WHERE id = ?`,
    );
    const segments = this.#statements.prepare('SELECT first_point, last_point FROM segment WHERE series = ?');
    const rows = this.#statements
      .prepare('SELECT id, tag, plugin, data_class, form, display_name, description, metadata FROM series WHERE run = ? ORDER BY id')
      .all(run);
    for (const row of rows) {
      const id = Number(row['id']);
      const definition = this.#series.definition({
        plugin: String(row['plugin']),
        dataClass: String(row['data_class']) as DataClass,
        form: String(row['form']),
        displayName: String(row['display_name']),
        description: String(row['description']),
        metadata: row['metadata'] as Uint8Array,
      });
      copy.run(this.#series.tag(String(row['tag'])), definition, id);
      for (const { first_point, last_point } of segments.all(id)) addBuckets(this.#db, id, Number(first_point), Number(last_point));
    }
    recountEnds(this.#db, run, UNFINISHED);
  }
}
