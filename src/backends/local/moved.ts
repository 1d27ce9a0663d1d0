/** Moves the stored data of a run to another root or path. */
import type { DatabaseSync } from 'node:sqlite';
import { withRoom } from '../../model/index.ts';
import { recountEnds } from './recount.ts';

/** A run that is elsewhere now. */
export interface StoredMove {
  readonly root: string;
  readonly from: string;
  /** The root that the run is in now. */
  readonly toRoot: string;
  readonly toRootPath: string;
  readonly to: string;
  /** Files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

const RUN = 'SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?';
/** A temporary name, since files may swap names. No file can have it. */
const ON_ITS_WAY = '\0';

/**
 * Moves runs, inside a transaction. Returns the moves that were done. It leaves a run unchanged if the store has no
 * such run, or if something else is already stored under its new path or names.
 */
export function moveRuns<Move extends StoredMove>(db: DatabaseSync, moves: readonly Move[]): Move[] {
  const findRun = (root: string, path: string): number | undefined => {
    const id = db.prepare(RUN).get(root, path)?.['id'];
    return id === undefined ? undefined : Number(id);
  };
  const known = moves.flatMap((move) => {
    const id = findRun(move.root, move.from);
    return id === undefined || !hasNames(db, id, move) ? [] : [{ move, id, isSame: move.root === move.toRoot && move.from === move.to }];
  });
  const done = withRoom(
    known,
    ({ move }) => ({ from: { root: move.root, path: move.from }, to: { root: move.toRoot, path: move.to } }),
    ({ move, isSame }) => isSame || isEmpty(db, findRun(move.toRoot, move.to)),
  );
  const place = db.prepare('UPDATE run SET path = ? WHERE id = ?');
  const going = done.filter(({ isSame }) => !isSame);
  for (const { move } of going) {
    const there = findRun(move.toRoot, move.to);
    if (there !== undefined && !going.some(({ id }) => id === there)) db.prepare('DELETE FROM run WHERE id = ?').run(there);
  }
  for (const { id } of going) place.run(`${ON_ITS_WAY}${id}`, id);
  for (const { move, id } of going) {
    db.prepare('INSERT INTO root (name, path) VALUES (?, ?) ON CONFLICT DO NOTHING').run(move.toRoot, move.toRootPath);
    db.prepare('UPDATE run SET path = ?, root = (SELECT id FROM root WHERE name = ?) WHERE id = ?').run(move.to, move.toRoot, id);
  }
  for (const { move, id } of done) {
    if (move.renamed.length === 0) continue;
    rename(db, id, move);
    // The name of a file decides which point is the last one.
    recountEnds(db, id);
    db.prepare('UPDATE run SET revision = revision + 1 WHERE id = ?').run(id);
  }
  return done.map(({ move }) => move);
}

/** True if the run's files can get their new names. */
function hasNames(db: DatabaseSync, run: number, { renamed }: StoredMove): boolean {
  const leaving = new Set(renamed.map((file) => file.from));
  const hasName = db.prepare('SELECT 1 FROM file WHERE run = ? AND name = ?');
  return renamed.every((file) => leaving.has(file.to) || hasName.get(run, file.to) === undefined);
}

function isEmpty(db: DatabaseSync, run: number | undefined): boolean {
  return (
    run === undefined || ['file', 'series'].every((table) => db.prepare(`SELECT 1 FROM ${table} WHERE run = ?`).get(run) === undefined)
  );
}

function rename(db: DatabaseSync, run: number, { renamed }: StoredMove): void {
  const rename = db.prepare('UPDATE file SET name = ? WHERE run = ? AND name = ?');
  const renameFirst = db.prepare('UPDATE series SET first_file = ? WHERE run = ? AND first_file = ?');
  for (const statement of [rename, renameFirst]) {
    for (const file of renamed) statement.run(`${ON_ITS_WAY}${file.to}`, run, file.from);
    for (const file of renamed) statement.run(file.to, run, `${ON_ITS_WAY}${file.to}`);
  }
}
