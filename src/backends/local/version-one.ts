/**
 * Reads stores of schema version 1, and those whose upgrade from it did not end: they have version 1's table of
 * series, with its tag and its definition in every row. `upgrade.ts` upgrades a store as soon as something may write
 * to it. Statements of this version read a store of version 2 as it is.
 */
import type { DatabaseSync } from 'node:sqlite';
import { SCHEMA_VERSION } from './schema.ts';

/** The row of `meta` that a store has while its upgrade is not complete: the last run that was upgraded. */
export const UPGRADE_KEY = 'upgraded_run';

/** The new table of series, until the last piece of an upgrade from version 1. */
export const UNFINISHED_SERIES = 'series_2';

/** The most parts of the values of a series, see `partsOf`. `place` is the schema of the tables. */
export const mostParts = (series: string, place = ''): string => `SELECT coalesce(max(CASE object.kind
    WHEN 'images' THEN 2 + (object.data ->> '$.count')
    WHEN 'malformed' THEN coalesce(object.data ->> '$.tensor.count', 0)
    WHEN 'graph' THEN 1
    WHEN 'audio' THEN object.data ->> '$.count'
    WHEN 'tensor' THEN coalesce(object.data ->> '$.count', 0)
    ELSE 0 END), 0) AS parts
  FROM ${place}object CROSS JOIN ${place}file ON file.id = object.file AND file.generation = object.generation
  WHERE object.series = ${series}`;

/** Later versions' tables, as views over version 1's. What version 1 does not know is NULL. */
const VIEWS = `
CREATE TEMP VIEW tag AS SELECT name AS id, name FROM (SELECT DISTINCT tag AS name FROM main.series);
CREATE TEMP VIEW definition AS SELECT id, plugin, data_class, form, display_name, description, metadata FROM main.series;
CREATE TEMP VIEW series AS
  SELECT id, run, number, tag, id AS definition, count, first_step, last_step, last_wall_time, min, max, NULL AS end_file,
    NULL AS end_offset, NULL AS end_step, NULL AS end_wall_time, NULL AS end_value, NULL AS end_odd_value,
    (${mostParts('series.id', 'main.')}) AS parts, first_file, first_offset
  FROM main.series AS series;
CREATE TEMP VIEW tag_use AS
  SELECT run.root, series.tag, series.plugin, count(*) AS runs, sum(series.count) AS points
  FROM main.series AS series JOIN main.run AS run ON run.id = series.run WHERE series.count > 0
  GROUP BY run.root, series.tag, series.plugin;
`;
const NEW_COLUMNS = [
  ['file', ['first_wall_time']],
  ['run', ['visibility', 'revision']],
  ['segment', ['buckets']],
] as const;

/** True if a store's upgrade to the present version is not complete, or has not begun. */
export function needsUpgrade(db: DatabaseSync): boolean {
  return versionOf(db, 'main') < SCHEMA_VERSION || db.prepare('SELECT 1 FROM meta WHERE key = ?').get(UPGRADE_KEY) !== undefined;
}

/** True if a store has the tables of version 1. */
export function hasOldLayout(db: DatabaseSync, place = 'main'): boolean {
  const unfinished = db.prepare(`SELECT 1 FROM ${place}.sqlite_schema WHERE name = ?`).get(UNFINISHED_SERIES);
  return versionOf(db, place) === 1 || unfinished !== undefined;
}

/** Returns the schema version of a store, which a beginning upgrade raises. */
export function versionOf(db: DatabaseSync, place = 'main'): number {
  return Number(db.prepare(`PRAGMA ${place}.user_version`).get()?.['user_version']);
}

/** Lets statements for later versions read a store with the old layout. It writes nothing to the store. */
export function readOldLayout(db: DatabaseSync): void {
  db.exec(VIEWS);
  for (const [table, columns] of NEW_COLUMNS) {
    const isThere = db.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(table, columns[0]) !== undefined;
    const unknown = columns.map((column) => `NULL AS ${column}`).join(', ');
    if (!isThere) db.exec(`CREATE TEMP VIEW ${table} AS SELECT *, ${unknown} FROM main.${table}`);
  }
}
