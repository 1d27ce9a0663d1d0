/** Renames, moves and forgets what the state knows of roots and runs. Runs inside a transaction. */

import { type Forgetting, KEPT_STAMP, type Tidying } from '../model/index.ts';
import { dropLostPauses } from './lane-wishes.ts';
import { noteOpenedAt } from './opened-at.ts';
import type { StateStore } from './state-store.ts';
import { noteUnread } from './unread-roots.ts';

/** Makes a change. A change that was made before has no effect. */
export function tidyState(store: StateStore, tidying: Tidying): void {
  const { statements, ids } = store;
  switch (tidying.kind) {
    case 'rename':
      renameRoot(store, tidying.from, tidying.to);
      break;
    case 'place':
      statements.run('UPDATE root SET path = ? WHERE name = ?', tidying.path, tidying.root);
      break;
    case 'forget':
      forget(store, tidying);
      break;
    default:
      tidying satisfies never;
  }
  ids.forget();
}

function renameRoot({ statements }: StateStore, from: string, to: string): void {
  if (statements.get('SELECT 1 FROM root WHERE name = ?', to) !== undefined) return;
  for (const { id } of statements.all('SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ?', from))
    noteOpenedAt({ statements }, Number(id));
  statements.run('UPDATE root SET name = ? WHERE name = ?', to, from);
}

const OF_FILE = ['position', 'refusal', 'retry'] as const;
/** The tables that a lane keeps for a tracker run. They stay while other runs are folded into it. */
const OF_TRACKER_RUN = ['delivered', 'handle', 'journal', 'intent', 'side'] as const;

function forget({ statements, ids }: StateStore, { root, isRoot, files, ...listedRuns }: Forgetting): void {
  const ofRoot = 'SELECT run.path FROM run JOIN root ON root.id = run.root WHERE root.name = ?';
  const runs = isRoot ? statements.all(ofRoot, root).map(({ path }) => String(path)) : listedRuns.runs;
  const found = runs.flatMap((path) => ids.findRun({ root, path }) ?? []);
  const all = JSON.stringify(found);
  const listed = '(SELECT value FROM json_each(?))';
  for (const table of OF_FILE) statements.run(`DELETE FROM ${table} WHERE file IN (SELECT id FROM file WHERE run IN ${listed})`, all);
  for (const table of ['file', 'series']) statements.run(`DELETE FROM ${table} WHERE run IN ${listed}`, all);
  const targets = statements.all(`SELECT DISTINCT mapping ->> '$.target' AS target FROM mapping WHERE run IN ${listed}`, all);
  statements.run(`DELETE FROM mapping WHERE run IN ${listed}`, all);
  // A run with files, or with other runs folded into it, keeps a part of its data.
  const folded = `SELECT DISTINCT mapping ->> '$.target' AS target FROM mapping JOIN run ON run.id = mapping.run
    JOIN root ON root.id = run.root WHERE root.name = ?`;
  const staying = new Set(statements.all(folded, root).map(({ target }) => target));
  const ended = [...new Set([...runs, ...targets.map(({ target }) => String(target))])].flatMap((path) => {
    const id = staying.has(path) ? undefined : ids.findRun({ root, path });
    return id === undefined || statements.get('SELECT 1 FROM file WHERE run = ?', id) !== undefined ? [] : [id];
  });
  for (const table of OF_TRACKER_RUN) statements.run(`DELETE FROM ${table} WHERE run IN ${listed}`, JSON.stringify(ended));
  statements.run(`DELETE FROM run WHERE id IN ${listed}`, JSON.stringify(ended));
  // The data of a file stays in the tracker runs. So the state keeps their positions; otherwise the file would be
  // sent twice.
  for (const { run, name } of files) {
    const file = ids.findFile({ root, path: run }, name) ?? 0;
    statements.run('DELETE FROM retry WHERE file = ?', file);
    statements.run(`UPDATE position SET gaps = '[]', stamp = '${KEPT_STAMP}' WHERE file = ?`, file);
    statements.run(`UPDATE file SET damage = '[]', stamp = '${KEPT_STAMP}' WHERE id = ?`, file);
  }
  if (!isRoot) return;
  noteUnread(statements, root, undefined);
  statements.run('DELETE FROM root WHERE name = ? AND NOT EXISTS (SELECT 1 FROM run WHERE run.root = root.id)', root);
  dropLostPauses(statements);
}
