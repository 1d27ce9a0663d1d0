/** Lets what is stored of a run lie elsewhere. */
import type { DatabaseSync } from 'node:sqlite';

export interface StoredMove {
  readonly root: string;
  readonly from: string;
  /** The root it lies in now. */
  readonly toRoot: string;
  readonly toRootPath: string;
  readonly to: string;
  /** Files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

const RUN = 'SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?';
/** A name on the way: names may change places. No file can have it. */
const ON_ITS_WAY = '\0';

/** Inside a transaction. False, and nothing changed: there is no such run, or something is stored under a path or name it would get. */
export function moveRun(db: DatabaseSync, { root, from, toRoot, toRootPath, to, renamed }: StoredMove): boolean {
  const run = db.prepare(RUN).get(root, from)?.['id'];
  if (run === undefined) return false;
  const id = Number(run);
  const leaving = new Set(renamed.map((file) => file.from));
  const hasName = db.prepare('SELECT 1 FROM file WHERE run = ? AND name = ?');
  if (renamed.some((file) => !leaving.has(file.to) && hasName.get(id, file.to) !== undefined)) return false;
  if (root !== toRoot || from !== to) {
    const there = db.prepare(RUN).get(toRoot, to)?.['id'];
    if (there !== undefined) {
      const other = Number(there);
      const isEmpty = ['file', 'series'].every((table) => db.prepare(`SELECT 1 FROM ${table} WHERE run = ?`).get(other) === undefined);
      if (!isEmpty) return false;
      db.prepare('DELETE FROM run WHERE id = ?').run(other);
    }
    db.prepare('INSERT INTO root (name, path) VALUES (?, ?) ON CONFLICT DO NOTHING').run(toRoot, toRootPath);
    db.prepare('UPDATE run SET path = ?, root = (SELECT id FROM root WHERE name = ?) WHERE id = ?').run(to, toRoot, id);
  }
  const rename = db.prepare('UPDATE file SET name = ? WHERE run = ? AND name = ?');
  const renameFirst = db.prepare('UPDATE series SET first_file = ? WHERE run = ? AND first_file = ?');
  for (const statement of [rename, renameFirst]) {
    for (const file of renamed) statement.run(`${ON_ITS_WAY}${file.to}`, id, file.from);
    for (const file of renamed) statement.run(file.to, id, `${ON_ITS_WAY}${file.to}`);
  }
  return true;
}
