/**
 * Upgrades a store from an earlier schema version, in place and in pieces. Each piece is a transaction, so a killed
 * upgrade continues where it ended. Until its last piece, readers see the tables of the earlier version
 * (`version-one.ts`), and no program of that version opens the store any more.
 *
 * - Version 2 has new tables of series and tags, and buckets.
 * - Version 3 has a table of segments whose rows are in the order of the points.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { DataClass } from '../../model/index.ts';
import { PreparedStatements } from './prepared.ts';
import { recountEnds } from './recount.ts';
import {
  INDEX_STATISTICS,
  INDEXES,
  NEW_TABLES,
  SCHEMA_VERSION,
  SEGMENT,
  SEGMENT_INDEX,
  SEGMENT_STATISTICS,
  SERIES,
  VIEW_NAMES,
  VIEWS,
} from './schema.ts';
import { SeriesWriter } from './series-writer.ts';
import { bucketsOf } from './stored-buckets.ts';
import { inTransaction } from './transaction.ts';
import { hasOldLayout, needsUpgrade, UNFINISHED_SERIES, UPGRADE_KEY, versionOf } from './version-one.ts';

/** The new table of segments until the last piece. */
const UNFINISHED_SEGMENTS = 'segment_3';
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
  if (!needsUpgrade(db)) return;
  const isFromOne = hasOldLayout(db);
  if (versionOf(db) < SCHEMA_VERSION) inTransaction(db, () => begin(db));
  const runs = db
    .prepare('SELECT id, points, (SELECT count(*) FROM series WHERE run = run.id) AS series FROM run WHERE id > ? ORDER BY id')
    .all(Number(db.prepare('SELECT value FROM meta WHERE key = ?').get(UPGRADE_KEY)?.['value']));
  const of = Number(db.prepare('SELECT count(*) AS n FROM run').get()?.['n']);
  const pass = new RunUpgrade(db, isFromOne);
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
    inTransaction(db, () => end(db, isFromOne));
  } finally {
    db.exec('PRAGMA foreign_keys = ON');
  }
}

function begin(db: DatabaseSync): void {
  // A store whose upgrade from 1 to 2 did not end has the tables of both, and continues with the runs that follow.
  if (versionOf(db) === 1) db.exec(FROM_ONE);
  db.exec(`${SEGMENT(UNFINISHED_SEGMENTS)}
    INSERT INTO meta (key, value) VALUES ('${UPGRADE_KEY}', 0) ON CONFLICT DO UPDATE SET value = 0;
    PRAGMA user_version = ${SCHEMA_VERSION};`);
}

const FROM_ONE = `${NEW_TABLES} ${SERIES(UNFINISHED_SERIES)}
  ALTER TABLE file ADD COLUMN first_wall_time REAL;
  ALTER TABLE run ADD COLUMN visibility TEXT;
  ALTER TABLE run ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE segment ADD COLUMN buckets BLOB;`;

const SERIES_END = `
  DROP TABLE series;
  ALTER TABLE ${UNFINISHED_SERIES} RENAME TO series;
  INSERT INTO tag_use (root, tag, plugin, runs, points)
    SELECT run.root, series.tag, definition.plugin, count(*), sum(series.count) FROM series JOIN run ON run.id = series.run
    JOIN definition ON definition.id = series.definition WHERE series.count > 0 GROUP BY run.root, series.tag, definition.plugin;
  ${INDEXES}
  DELETE FROM sqlite_stat1 WHERE tbl = 'series';
  INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ${INDEX_STATISTICS};`;

function end(db: DatabaseSync, isFromOne: boolean): void {
  const views = VIEW_NAMES.map((name) => `DROP VIEW IF EXISTS ${name};`).join(' ');
  db.exec(`${views}
    DROP TABLE segment;
    ALTER TABLE ${UNFINISHED_SEGMENTS} RENAME TO segment;
    ${SEGMENT_INDEX}
    ${isFromOne ? SERIES_END : ''}
    DELETE FROM sqlite_stat1 WHERE tbl = 'segment';
    INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ${SEGMENT_STATISTICS};
    ${VIEWS}
    UPDATE meta SET value = ${SCHEMA_VERSION} WHERE key = 'schema_version';
    DELETE FROM meta WHERE key = '${UPGRADE_KEY}';`);
}

const OF_RUN = 'FROM series CROSS JOIN segment ON segment.series = series.id WHERE series.run = ?';
const SEGMENT_COLUMNS = 'series, first_point, last_point, file, generation, first_offset, last_offset, places';

class RunUpgrade {
  readonly #db: DatabaseSync;
  readonly #statements: PreparedStatements;
  readonly #series: SeriesWriter;
  readonly #isFromOne: boolean;

  constructor(db: DatabaseSync, isFromOne: boolean) {
    this.#db = db;
    this.#statements = new PreparedStatements(db);
    this.#series = new SeriesWriter(this.#statements);
    this.#isFromOne = isFromOne;
  }

  run(run: number): void {
    if (this.#isFromOne) this.#fromOne(run);
    const columns = SEGMENT_COLUMNS.replaceAll(/\w+/g, 'segment.$&');
    this.#statements
      .prepare(
        `INSERT INTO ${UNFINISHED_SEGMENTS} (${SEGMENT_COLUMNS}, buckets)
         SELECT ${columns}, segment.buckets ${OF_RUN} ORDER BY first_point`,
      )
      .run(run);
  }

  #fromOne(run: number): void {
    const counts = 'count, first_step, last_step, last_wall_time, min, max, first_file, first_offset';
    // The run may have been upgraded to version 2 before.
    this.#statements.prepare(`DELETE FROM ${UNFINISHED_SERIES} WHERE run = ?`).run(run);
    const copy = this.#statements.prepare(
      `INSERT INTO ${UNFINISHED_SERIES} (id, run, number, tag, definition, ${counts})
       SELECT id, run, number, ?, ?, ${counts} FROM series WHERE id = ?`,
    );
    const rows = this.#statements
      .prepare('SELECT id, tag, plugin, data_class, form, display_name, description, metadata FROM series WHERE run = ? ORDER BY id')
      .all(run);
    for (const row of rows) {
      const definition = this.#series.definition({
        plugin: String(row['plugin']),
        dataClass: String(row['data_class']) as DataClass,
        form: String(row['form']),
        displayName: String(row['display_name']),
        description: String(row['description']),
        metadata: row['metadata'] as Uint8Array,
      });
      copy.run(this.#series.tag(String(row['tag'])), definition, Number(row['id']));
    }
    const keep = this.#statements.prepare('UPDATE segment SET buckets = ? WHERE series = ? AND first_point = ?');
    for (const segment of this.#statements.prepare(`SELECT segment.series, first_point, last_point ${OF_RUN}`).all(run)) {
      const [series, first, last] = ['series', 'first_point', 'last_point'].map((column) => Number(segment[column]));
      const buckets = bucketsOf(this.#db, first as number, last as number);
      if (buckets !== undefined) keep.run(buckets, series as number, first as number);
    }
    recountEnds(this.#db, run, UNFINISHED_SERIES);
  }
}
