/** Renames, moves and forgets roots and runs of a store. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Forgetting, KEPT_STAMP, type Tidying } from '../../model/index.ts';
import { PreparedStatements } from './prepared.ts';
import { recountRun } from './recount.ts';
import { noteUnread } from './unread-roots.ts';

/** Runs forgotten in one transaction. */
const RUNS_AT_A_TIME = 100;

/** Changes the store as `tidying` says. Doing it twice changes nothing more. `transaction` commits the changes. */
export function tidyStore(db: DatabaseSync, tidying: Tidying, transaction: (work: () => void) => void): void {
  switch (tidying.kind) {
    case 'rename':
      transaction(() =>
        db
          .prepare('UPDATE root SET name = ?2 WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM root WHERE name = ?2)')
          .run(tidying.from, tidying.to),
      );
      return;
    case 'place':
      transaction(() => db.prepare('UPDATE root SET path = ? WHERE name = ?').run(tidying.path, tidying.root));
      return;
    case 'forget':
      // Otherwise, SQLite would search for each file and blob in tables without an index on them. Here, rows that
      // refer to a row are deleted before it.
      db.exec('PRAGMA foreign_keys = OFF');
      try {
        forget(new PreparedStatements(db), tidying, transaction);
      } finally {
        db.exec('PRAGMA foreign_keys = ON');
      }
      return;
    default:
      tidying satisfies never;
  }
}

const RUN = 'SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?';

function forget(
  db: PreparedStatements,
  { root, isRoot, files, keepsPoints, ...listed }: Forgetting,
  transaction: (work: () => void) => void,
): void {
  const ofRoot = 'SELECT run.path FROM run JOIN root ON root.id = run.root WHERE root.name = ?';
  const runs = isRoot
    ? db
        .prepare(ofRoot)
        .all(root)
        .map(({ path }) => String(path))
    : listed.runs;
  const rowOf = (path: string): number[] => {
    const id = db.prepare(RUN).get(root, path)?.['id'];
    return id === undefined ? [] : [Number(id)];
  };
  for (let i = 0; i < runs.length; i += RUNS_AT_A_TIME) {
    transaction(() => {
      for (const id of runs.slice(i, i + RUNS_AT_A_TIME).flatMap(rowOf)) {
        if (keepsPoints) keep(db, id);
        else forgetRun(db, id);
      }
    });
  }
  for (const [path, gone] of Map.groupBy(files, ({ run }) => run)) {
    transaction(() => {
      for (const id of rowOf(path)) {
        for (const { name } of gone) {
          if (keepsPoints) keep(db, id, name);
          else forgetFile(db, id, name);
        }
        if (!keepsPoints) recountRun(db.db, id);
      }
    });
  }
  if (!keepsPoints) transaction(() => forgetUnused(db));
  if (isRoot) transaction(() => noteUnread(db.db, { name: root, path: '' }, undefined));
  if (isRoot && !keepsPoints) {
    transaction(() => db.prepare('DELETE FROM root WHERE name = ? AND NOT EXISTS (SELECT 1 FROM run WHERE run.root = root.id)').run(root));
  }
}

/** Forgets the tags, and what was said of them, that no series has any more. */
function forgetUnused(db: PreparedStatements): void {
  db.prepare('DELETE FROM tag_use WHERE runs = 0 AND points = 0').run();
  db.prepare('DELETE FROM tag WHERE id NOT IN (SELECT tag FROM series) AND id NOT IN (SELECT tag FROM tag_use)').run();
  db.prepare('DELETE FROM definition WHERE id NOT IN (SELECT definition FROM series)').run();
}

/** Keeps files permanently: readers no longer wait for them, and their unread bytes are no longer reported. */
function keep(db: PreparedStatements, run: number, name?: string): void {
  const which = name === undefined ? '' : ' AND name = ?';
  const statement = db.prepare(`UPDATE file SET stamp = '${KEPT_STAMP}', damage = '[]', gaps = '[]' WHERE run = ?${which}`);
  if (name === undefined) statement.run(run);
  else statement.run(run, name);
}

function forgetRun(db: PreparedStatements, run: number): void {
  forgetPoints(db, 'series IN (SELECT id FROM series WHERE run = ?1)', run);
  db.prepare('DELETE FROM mark WHERE file IN (SELECT id FROM file WHERE run = ?)').run(run);
  for (const table of ['file', 'series']) db.prepare(`DELETE FROM ${table} WHERE run = ?`).run(run);
  db.prepare('DELETE FROM run WHERE id = ?').run(run);
}

/** Forgets a file. Its series stay, because their numbers are indexes of a list. */
function forgetFile(db: PreparedStatements, run: number, name: string): void {
  const file = db.prepare('SELECT id FROM file WHERE run = ? AND name = ?').get(run, name)?.['id'];
  if (file === undefined) return;
  forgetPoints(db, 'series IN (SELECT id FROM series WHERE run = ?1) AND file = ?2', run, Number(file));
  db.prepare('DELETE FROM mark WHERE file = ?').run(Number(file));
  db.prepare('DELETE FROM file WHERE id = ?').run(Number(file));
}

/** Forgets the points of the segments and objects that `where` selects. */
function forgetPoints(db: PreparedStatements, where: string, ...parameters: readonly number[]): void {
  const run = (sql: string): void => {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    db.prepare(sql).run(...parameters);
  };
  const ranges = `SELECT first_point, last_point FROM segment WHERE ${where}`;
  for (const table of ['odd_point', 'point']) {
    run(`DELETE FROM ${table} WHERE id IN (SELECT ${table}.id FROM (${ranges}) AS part
      CROSS JOIN ${table} ON ${table}.id BETWEEN part.first_point AND part.last_point)`);
  }
  run(`DELETE FROM segment WHERE ${where}`);
  for (const table of ['histogram', 'hparam', 'object_blob'])
    run(`DELETE FROM ${table} WHERE object IN (SELECT id FROM object WHERE ${where})`);
  run(`DELETE FROM object WHERE ${where}`);
}

/** Forgets media that no row names any more. The files go first: after a crash, the next call finds their rows. */
export function sweepMedia(db: DatabaseSync, mediaPath: string, transaction: (work: () => void) => void): void {
  const orphans = db
    .prepare(
      `SELECT sha256, path FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM object_blob)
       AND sha256 NOT IN (SELECT sha256 FROM mark WHERE sha256 IS NOT NULL)`,
    )
    .all();
  for (const { path } of orphans) rmSync(join(mediaPath, String(path)), { force: true });
  db.exec('PRAGMA foreign_keys = OFF');
  try {
    transaction(() => {
      const remove = db.prepare('DELETE FROM blob WHERE sha256 = ?');
      for (const { sha256 } of orphans) remove.run(String(sha256));
    });
  } finally {
    db.exec('PRAGMA foreign_keys = ON');
  }
}
