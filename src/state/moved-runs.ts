/**
 * Moves the data of runs to another path: positions, handles and everything that depends on them, and also the file
 * names by which tracker runs are known.
 */
import { posix } from 'node:path';
import { type FileState, type Going, guardOf, keyOfRun, type RunRef, withRoom } from '../model/index.ts';
import type { Opened, RunMapping } from '../route/index.ts';
import { noteOpenedAt } from './opened-at.ts';
import type { StateStore } from './state-store.ts';

/** A run that is at another path now. */
export interface MovedRun {
  readonly root: string;
  readonly from: string;
  /** The root that contains it now. */
  readonly toRoot: string;
  readonly to: string;
  /** Files that have other names now. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

const FILES_LIKE = `SELECT root.name AS root_name, run.path, file.* FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
  WHERE root.name IN (SELECT value FROM json_each(?1)) AND (
    replace(file.stamp, rtrim(file.stamp, '0123456789'), '') IN (SELECT value FROM json_each(?2))
    OR (file.guard ->> '$[0].length') || ':' || (file.guard ->> '$[0].checksum') IN (SELECT value FROM json_each(?3)))`;

/**
 * Yields files of some roots that have one of these inodes, or begin with a record of one of these lengths and
 * checksums (`length:checksum`).
 */
export function filesLike(
  { statements }: Pick<StateStore, 'statements'>,
  roots: readonly string[],
  inodes: readonly string[],
  firsts: readonly string[],
): { readonly run: RunRef; readonly state: FileState }[] {
  return statements.all(FILES_LIKE, JSON.stringify(roots), JSON.stringify(inodes), JSON.stringify(firsts)).map((row) => ({
    run: { root: String(row.root_name), path: String(row.path) },
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

/** The tables with data of a run, besides its files. */
const OF_RUN = ['series', 'delivered', 'handle', 'journal', 'intent', 'side'] as const;
/** A temporary name during a move: names may be swapped. No file can have it. */
const ON_ITS_WAY = '\0';

/**
 * Moves the runs whose data can move completely, and returns those moves. Changes nothing of the others. Runs inside
 * a transaction.
 */
export function moveRuns(store: StateStore, moves: readonly MovedRun[]): MovedRun[] {
  const mappings = mappingsOf(store);
  const { moved, places } = movable(store, moves, mappings);
  const { statements, ids } = store;
  // This happens before any run changes its root: a mapping names its target by the path alone.
  for (const { lane, run, root, mapping } of mappings) {
    const place = places.get(keyOfRun({ root, path: mapping.target }));
    if (place === undefined || place.to.path === mapping.target) continue;
    statements.run(
      'UPDATE mapping SET mapping = ? WHERE lane = ? AND run = ?',
      JSON.stringify({ ...mapping, target: place.to.path }),
      lane,
      run,
    );
  }
  const going = [...places.values()].flatMap(({ from, to }) => {
    const row = ids.findRun(from);
    return row === undefined || keyOfRun(from) === keyOfRun(to) ? [] : [{ row, to }];
  });
  const leaving = new Set(going.map(({ row }) => row));
  for (const { to } of going) {
    const there = ids.findRun(to);
    if (there === undefined || leaving.has(there)) continue;
    statements.run('DELETE FROM mapping WHERE run = ?', there);
    statements.run('DELETE FROM run WHERE id = ?', there);
  }
  for (const { row } of going) noteOpenedAt(store, row);
  // Runs may swap places.
  for (const { row } of going) statements.run('UPDATE run SET path = ? WHERE id = ?', `${ON_ITS_WAY}${row}`, row);
  for (const { row, to } of going) {
    statements.run("INSERT INTO root (name, path) VALUES (?, '') ON CONFLICT DO NOTHING", to.root);
    statements.run('UPDATE run SET path = ?, root = (SELECT id FROM root WHERE name = ?) WHERE id = ?', to.path, to.root, row);
  }
  ids.forget();
  for (const move of moved) rename(store, move);
  return [...moved];
}

/** Returns the moves that are possible completely, and the new place of each run and each tracker run. */
function movable(
  store: StateStore,
  moves: readonly MovedRun[],
  mappings: readonly MappingRow[],
): { readonly moved: readonly MovedRun[]; readonly places: Map<string, Going> } {
  const known = withRoom(
    moves.filter((move) => canRename(store, move)),
    goingOf,
    (move) => isStaying(move) || isFree(store, { root: move.toRoot, path: move.to }),
  );
  const places = placesOf(store, known, mappings);
  const left = new Set(
    withRoom(
      [...places],
      ([, going]) => going,
      ([key, { to }]) => key === keyOfRun(to) || isFree(store, to),
    ).map(([key]) => key),
  );
  const ofRun = Map.groupBy(mappings, ({ root, path }) => keyOfRun({ root, path }));
  const moved = known.filter((move) => {
    const key = keyOfRun(goingOf(move).from);
    const targets = (ofRun.get(key) ?? []).map(({ root, mapping }) => keyOfRun({ root, path: mapping.target }));
    return left.has(key) && targets.every((target) => !places.has(target) || left.has(target));
  });
  // A move that is impossible also blocks the runs that would take its place.
  return moved.length === known.length ? { moved, places } : movable(store, moved, mappings);
}

function goingOf({ root, from, toRoot, to }: MovedRun): Going {
  return { from: { root, path: from }, to: { root: toRoot, path: to } };
}

function isStaying(move: MovedRun): boolean {
  const { from, to } = goingOf(move);
  return keyOfRun(from) === keyOfRun(to);
}

/** True if the run is known, and its files can have their new names. */
function canRename({ statements, ids }: StateStore, { root, from, renamed }: MovedRun): boolean {
  const row = ids.findRun({ root, path: from });
  if (row === undefined) return false;
  const leaving = new Set(renamed.map((file) => file.from));
  const isTaken = (name: string): boolean => statements.get('SELECT 1 FROM file WHERE run = ? AND name = ?', row, name) !== undefined;
  return renamed.every((file) => leaving.has(file.to) || !isTaken(file.to));
}

/** True if nothing is known under a path. */
function isFree({ statements, ids }: StateStore, run: RunRef): boolean {
  const there = ids.findRun(run);
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
 * Returns the new place of each run and each tracker run of folded runs, by root and path. A tracker run moves if
 * everything that is folded into it moved the same way; otherwise none of it moves.
 */
function placesOf(store: StateStore, moves: readonly MovedRun[], mappings: readonly MappingRow[]): Map<string, Going> {
  const places = new Map(
    moves.map(({ root, from, toRoot, to }): [string, Going] => [
      keyOfRun({ root, path: from }),
      { from: { root, path: from }, to: { root: toRoot, path: to } },
    ]),
  );
  const folded = Map.groupBy(
    mappings.filter(({ path, mapping }) => !mapping.isOut && mapping.target !== path),
    ({ root, mapping }) => keyOfRun({ root, path: mapping.target }),
  );
  for (const [key, sources] of folded) {
    const [first] = sources;
    if (first === undefined) continue;
    const { root } = first;
    const { target } = first.mapping;
    const from = { root, path: target };
    const going = sources.map(({ path }) => targetOf(path, from, places.get(keyOfRun({ root, path }))?.to));
    const own = places.get(key)?.to;
    const isSame = (place: RunRef | undefined, other: RunRef): boolean => place?.root === other.root && place.path === other.path;
    if (own === undefined && going.every((place) => isSame(place, from))) continue;
    const [wanted] = going;
    const hasOwnFiles = store.statements.get('SELECT 1 FROM file WHERE run = ?', store.ids.findRun(from) ?? 0) !== undefined;
    const isAlike = wanted !== undefined && going.every((place) => isSame(place, wanted)) && (!hasOwnFiles || isSame(own, wanted));
    if (isAlike) places.set(key, { from, to: wanted });
    else {
      places.delete(key);
      for (const { path } of sources) places.delete(keyOfRun({ root, path }));
    }
  }
  return places;
}

/**
 * Returns the target of a folded run after its move; the same target if the folded run stays; undefined if unknown.
 */
function targetOf(path: string, target: RunRef, to: RunRef | undefined): RunRef | undefined {
  if (to === undefined) return target;
  const above = aboveOf(path, target.path, to.path);
  return above === undefined ? undefined : { root: to.root, path: above };
}

function aboveOf(path: string, target: string, to: string): string | undefined {
  if (target === '.') return path === to ? target : undefined;
  if (!path.startsWith(`${target}/`)) return undefined;
  const below = path.slice(target.length);
  if (!to.endsWith(below)) return to === below.slice(1) ? '.' : undefined;
  return to.slice(0, -below.length);
}

function rename(store: StateStore, { toRoot, to, renamed }: MovedRun): void {
  const { statements, ids } = store;
  if (renamed.length === 0) return;
  const run = ids.findRun({ root: toRoot, path: to }) ?? 0;
  for (const [table, column] of [
    ['file', 'name'],
    ['series', 'first_file'],
    ['journal', 'file'],
  ] as const) {
    const sql = `UPDATE ${table} SET ${column} = ? WHERE run = ? AND ${column} = ?`;
    for (const file of renamed) statements.run(sql, `${ON_ITS_WAY}${file.to}`, run, file.from);
    for (const file of renamed) statements.run(sql, file.to, run, `${ON_ITS_WAY}${file.to}`);
  }
  renameMarks(store, run, '', renamed);
  for (const row of statements.all('SELECT lane, mapping FROM mapping WHERE run = ?', run)) {
    const { target } = statements.parse<RunMapping>(row.mapping);
    const above = target === to ? undefined : ids.findRun({ root: toRoot, path: target });
    if (above !== undefined) renameMarks(store, above, posix.relative(target, to), renamed, Number(row.lane));
  }
}

/** Renames the files by which tracker runs are known. */
function renameMarks({ statements }: StateStore, run: number, below: string, renamed: MovedRun['renamed'], lane?: number): void {
  const names = new Map(renamed.map(({ from, to }) => [posix.join(below, from), posix.join(below, to)]));
  for (const row of statements.all('SELECT lane, opened FROM handle WHERE run = ?1 AND opened IS NOT NULL', run)) {
    if (lane !== undefined && Number(row.lane) !== lane) continue;
    const opened = statements.parse<Opened>(row.opened);
    const files = opened.files?.map(([file, checksum]) => [names.get(file) ?? file, checksum] as const);
    if (files === undefined) continue;
    statements.run('UPDATE handle SET opened = ? WHERE lane = ? AND run = ?', JSON.stringify({ ...opened, files }), Number(row.lane), run);
  }
}
