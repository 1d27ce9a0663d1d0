/** Keeps the roots with unreadable parts: rows of `meta`, which states of all versions can have. */
import type { Statements } from './statements.ts';

const KEY = "json_array('unread', root.id)";

/** Notes the reason why a part of a known root could not be read, or that everything could. */
export function noteUnread(statements: Statements, root: string, reason: string | undefined): void {
  if (reason === undefined) statements.run(`DELETE FROM meta WHERE key = (SELECT ${KEY} FROM root WHERE name = ?)`, root);
  else statements.run(`INSERT OR REPLACE INTO meta (key, value) SELECT ${KEY}, ? FROM root WHERE name = ?`, reason, root);
}

/** Returns the reasons, by the root's name. */
export function unreadRoots(statements: Statements): ReadonlyMap<string, string> {
  const rows = statements.all(`SELECT root.name, meta.value FROM root JOIN meta ON meta.key = ${KEY}`);
  return new Map(rows.map(({ name, value }) => [String(name), String(value)]));
}
