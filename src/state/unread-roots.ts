/** Roots of which something could not be read: facts of `meta`, which states of all versions can have. */
import type { Statements } from './statements.ts';

const KEY = "json_array('unread', root.id)";

/** Notes what could not be read of a root that is known, or that all could be. */
export function noteUnread(statements: Statements, root: string, reason: string | undefined): void {
  if (reason === undefined) statements.run(`DELETE FROM meta WHERE key = (SELECT ${KEY} FROM root WHERE name = ?)`, root);
  else statements.run(`INSERT OR REPLACE INTO meta (key, value) SELECT ${KEY}, ? FROM root WHERE name = ?`, reason, root);
}

/** The reason for each of them, by the root's name. */
export function unreadRoots(statements: Statements): ReadonlyMap<string, string> {
  const rows = statements.all(`SELECT root.name, meta.value FROM root JOIN meta ON meta.key = ${KEY}`);
  return new Map(rows.map(({ name, value }) => [String(name), String(value)]));
}
