/** Lets what is known of runs lie elsewhere: positions, handles and all that hangs on them go along, and so do the names in trackers. */
import type { FileState } from '../model/index.ts';
import type { RunMapping } from '../route/index.ts';
import { guardOf } from '../model/index.ts';
import type { StateStore } from './state-store.ts';

export interface MovedRun {
  readonly root: string;
  readonly from: string;
  readonly to: string;
  /** Files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

const FILES_LIKE = `SELECT run.path, file.* FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
  WHERE root.name = ?1 AND (
    replace(file.stamp, rtrim(file.stamp, '0123456789'), '') IN (SELECT value FROM json_each(?2))
    OR (file.guard ->> '$[0].length') || ':' || (file.guard ->> '$[0].checksum') IN (SELECT value FROM json_each(?3)))`;

/** Files of a root that have one of these inodes, or begin with a record of one of these lengths and checksums (`length:checksum`). */
export function filesLike(
  { statements }: Pick<StateStore, 'statements'>,
  root: string,
  inodes: readonly string[],
  firsts: readonly string[],
): { readonly run: string; readonly state: FileState }[] {
  return statements.all(FILES_LIKE, root, JSON.stringify(inodes), JSON.stringify(firsts)).map((row) => ({
    run: String(row.path),
    state: {
      name: String(row.name),
      generation: Number(row.generation),
      position: { watermark: Number(row.read_to), gaps: [] },
      guard: guardOf(statements.parse(row.guard)),
      damage: statements.parse<FileState['damage']>(row.damage),
      size: Number(row.size),
      stamp: String(row.stamp),
      records: Number(row.records),
    },
  }));
}

/** What is kept of a run beside its files. */
const OF_RUN = ['series', 'delivered', 'handle', 'journal', 'intent', 'side'] as const;
/** A name on the way: names may change places. No file can have it. */
const ON_ITS_WAY = '\0';

/** The moves of which all can go along. Of the others nothing is changed. Inside a transaction. */
export function moveRuns(store: StateStore, moves: readonly MovedRun[]): MovedRun[] {
  const done = moves.filter((move) => canMove(store, move));
  const paths = pathsOf(store, done);
  const moved = done.filter(({ root, from }) => paths.has(JSON.stringify([root, from])));
  const { statements, ids } = store;
  for (const [key, to] of paths) {
    const [root, from] = JSON.parse(key) as [string, string];
    const row = ids.findRun({ root, path: from });
    const there = ids.findRun({ root, path: to });
    if (row === undefined || from === to) continue;
    if (there !== undefined) {
      statements.run('DELETE FROM mapping WHERE run = ?', there);
      statements.run('DELETE FROM run WHERE id = ?', there);
    }
    statements.run('UPDATE run SET path = ? WHERE id = ?', to, row);
    ids.forget();
  }
  for (const { lane, run, root, mapping } of mappingsOf(store)) {
    const target = paths.get(JSON.stringify([root, mapping.target]));
    if (target === undefined || target === mapping.target) continue;
    statements.run('UPDATE mapping SET mapping = ? WHERE lane = ? AND run = ?', JSON.stringify({ ...mapping, target }), lane, run);
  }
  for (const move of moved) rename(store, move);
  return moved;
}

/** Whether nothing is known under the path or the names it would get. */
function canMove({ statements, ids }: StateStore, { root, from, to, renamed }: MovedRun): boolean {
  const row = ids.findRun({ root, path: from });
  if (row === undefined) return false;
  const leaving = new Set(renamed.map((file) => file.from));
  const isTaken = (name: string): boolean => statements.get('SELECT 1 FROM file WHERE run = ? AND name = ?', row, name) !== undefined;
  if (renamed.some((file) => !leaving.has(file.to) && isTaken(file.to))) return false;
  if (from === to) return true;
  const there = ids.findRun({ root, path: to });
  return (
    there === undefined || [...OF_RUN, 'file'].every((table) => statements.get(`SELECT 1 FROM ${table} WHERE run = ?`, there) === undefined)
  );
}

interface MappingRow {
  readonly lane: number;
  readonly run: number;
  readonly root: string;
  readonly path: string;
  readonly mapping: RunMapping;
}

function mappingsOf({ statements }: StateStore): MappingRow[] {
  const sql = `SELECT mapping.lane, mapping.run, root.name AS root, run.path, mapping.mapping FROM mapping
    JOIN run ON run.id = mapping.run JOIN root ON root.id = run.root`;
  return statements.all(sql).map((row) => ({
    lane: Number(row.lane),
    run: Number(row.run),
    root: String(row.root),
    path: String(row.path),
    mapping: statements.parse<RunMapping>(row.mapping),
  }));
}

/**
 * Where each run goes, and each tracker run that runs are folded into, by root and path. A tracker run goes along where all that
 * is folded into it went the same way; else nothing of it does.
 */
function pathsOf(store: StateStore, moves: readonly MovedRun[]): Map<string, string> {
  const keyOf = (root: string, path: string): string => JSON.stringify([root, path]);
  const paths = new Map(moves.map(({ root, from, to }) => [keyOf(root, from), to]));
  const folded = Map.groupBy(
    mappingsOf(store).filter(({ path, mapping }) => !mapping.isOut && mapping.target !== path),
    ({ root, mapping }) => keyOf(root, mapping.target),
  );
  for (const [key, sources] of folded) {
    const [root, target] = JSON.parse(key) as [string, string];
    const going = sources.map(({ path }) => targetOf(path, target, paths.get(keyOf(root, path))));
    const own = paths.get(key);
    if (own === undefined && going.every((path) => path === target)) continue;
    const [wanted] = going;
    const hasOwnFiles =
      store.statements.get('SELECT 1 FROM file WHERE run = ?', store.ids.findRun({ root, path: target }) ?? 0) !== undefined;
    const isAlike =
      wanted !== undefined &&
      going.every((path) => path === wanted) &&
      (hasOwnFiles ? own === wanted : canMove(store, { root, from: target, to: wanted, renamed: [] }));
    if (isAlike) paths.set(key, wanted);
    else {
      paths.delete(key);
      for (const { path } of sources) paths.delete(keyOf(root, path));
    }
  }
  return paths;
}

/** Where the run above a folded one is, once that one lies elsewhere; itself where the folded one stays; undefined where that can't be told. */
function targetOf(path: string, target: string, to: string | undefined): string | undefined {
  if (to === undefined) return target;
  if (target === '.') return path === to ? target : undefined;
  if (!path.startsWith(`${target}/`)) return undefined;
  const below = path.slice(target.length);
  if (!to.endsWith(below)) return to === below.slice(1) ? '.' : undefined;
  return to.slice(0, -below.length);
}

function rename({ statements, ids }: StateStore, { root, to, renamed }: MovedRun): void {
  const run = ids.findRun({ root, path: to }) ?? 0;
  for (const [table, column] of [
    ['file', 'name'],
    ['series', 'first_file'],
    ['journal', 'file'],
  ] as const) {
    const sql = `UPDATE ${table} SET ${column} = ? WHERE run = ? AND ${column} = ?`;
    for (const file of renamed) statements.run(sql, `${ON_ITS_WAY}${file.to}`, run, file.from);
    for (const file of renamed) statements.run(sql, file.to, run, `${ON_ITS_WAY}${file.to}`);
  }
}
