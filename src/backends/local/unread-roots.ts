/**
 * The roots with a part that could not be read: facts of `meta`, by the root's row, so that a rename changes nothing.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { KnownRoot } from '../../contract/index.ts';

const KEY = "json_array('unread', root.id)";

/**
 * Notes the reason why a part of a root could not be read, even if the store has nothing of the root. Undefined: all
 * could be read.
 */
export function noteUnread(db: DatabaseSync, { name, path }: KnownRoot, reason: string | undefined): void {
  if (reason === undefined) {
    db.prepare(`DELETE FROM meta WHERE key = (SELECT ${KEY} FROM root WHERE name = ?)`).run(name);
    return;
  }
  db.prepare('INSERT INTO root (name, path) VALUES (?, ?) ON CONFLICT DO NOTHING').run(name, path);
  db.prepare(`INSERT OR REPLACE INTO meta (key, value) SELECT ${KEY}, ? FROM root WHERE name = ?`).run(reason, name);
}

/** Returns the reason for each of them, by the root's name. */
export function unreadRoots(db: DatabaseSync): ReadonlyMap<string, string> {
  const rows = db.prepare(`SELECT root.name, meta.value FROM root JOIN meta ON meta.key = ${KEY}`).all();
  return new Map(rows.map(({ name, value }) => [String(name), String(value)]));
}
