/**
 * Stores requests of users for a lane, even if no process drives it: to pause, or to retry now. They are rows of
 * `meta`, which states of all versions can have.
 */
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { suggestion } from '../closest-name.ts';
import type { KnownRoot } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import type { LanePause } from '../model/index.ts';
import { checkOwnFile } from '../own-files/index.ts';
import { openReadOnly } from './open-database.ts';
import { Statements } from './statements.ts';
import { writeConcurrently } from './write-concurrently.ts';

/** A request for a lane. `roots`: only these roots; empty for the whole lane. */
export interface LaneWish {
  readonly kind: 'pause' | 'resume' | 'retry';
  readonly name: string;
  readonly target: string;
  readonly roots: readonly string[];
  readonly nowMs: number;
}

/** Keys contain the id of a root, so they stay valid when it is renamed, and mean nothing once it is forgotten. */
const OUR_KEYS = 'key >= \'["pause",\' AND key < \'["pause"-\'';
const PAUSES = `SELECT key, value FROM meta WHERE ${OUR_KEYS} ORDER BY key`;

/** Returns the pauses of a lane, that of the whole lane first. */
export function readPauses(statements: Statements, name: string, target: string): LanePause[] {
  const pauses: LanePause[] = [];
  for (const { key, value } of statements.all(PAUSES)) {
    const [, ofName, ofTarget, id] = statements.parse<unknown[]>(key);
    if (ofName !== name || ofTarget !== target) continue;
    const kept = statements.parse<Partial<Record<'since_ms', unknown>> | null>(value);
    const sinceMs = typeof kept?.since_ms === 'number' ? kept.since_ms : 0;
    const root = id === undefined ? undefined : statements.get('SELECT name FROM root WHERE id = ?', Number(id))?.name;
    if (id === undefined || root !== undefined) pauses.push({ root: root === undefined ? undefined : String(root), sinceMs });
  }
  return pauses.sort((a, b) => Number(a.root !== undefined) - Number(b.root !== undefined));
}

/** A pause in a form that another state can import. `root`: only this root; undefined for the whole lane. */
export interface MovedPause {
  readonly name: string;
  readonly target: string;
  readonly root: KnownRoot | undefined;
  readonly sinceMs: number;
}

/** Returns every pause of every lane. */
export function allPauses(statements: Statements): MovedPause[] {
  const keys = statements.all(PAUSES).map(({ key }) => statements.parse<unknown[]>(key));
  const lanes = new Map(keys.map(([, name, target]) => [JSON.stringify([name, target]), { name: String(name), target: String(target) }]));
  const paths = new Map(statements.all('SELECT name, path FROM root').map(({ name, path }) => [String(name), String(path)]));
  return [...lanes.values()].flatMap(({ name, target }) =>
    readPauses(statements, name, target).map(({ root, sinceMs }) => ({
      name,
      target,
      sinceMs,
      root: root === undefined ? undefined : { name: root, path: paths.get(root) ?? '' },
    })),
  );
}

/** Imports a pause of another state. If both have it, the one that began first stays. Runs inside a transaction. */
export function importPause(statements: Statements, { name, target, root, sinceMs }: MovedPause): void {
  const known = readPauses(statements, name, target).find((pause) => pause.root === root?.name);
  if (known !== undefined && known.sinceMs <= sinceMs) return;
  if (root !== undefined) {
    // The root of a pause may have no run in this state yet.
    statements.run('INSERT INTO root (name, path) VALUES (?,?) ON CONFLICT (name) DO NOTHING', root.name, root.path);
  }
  const key = pauseKey(name, target, root === undefined ? undefined : idOf(statements, root.name));
  statements.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)', key, JSON.stringify({ since_ms: sinceMs }));
}

/**
 * Returns the pauses of a lane in the state at a path. Returns none if the state does not exist, or cannot be read: a
 * command that needs no state works without it.
 */
export function pausesIn(path: string, name: string, target: string): LanePause[] {
  if (!existsSync(path)) return [];
  let db: DatabaseSync | undefined;
  try {
    db = openReadOnly(path);
    return readPauses(new Statements(db, path), name, target);
  } catch (error) {
    if (error instanceof MirrorError) return [];
    throw error;
  } finally {
    db?.close();
  }
}

/** Returns the requested retry, as a text that differs for each request; undefined if there is none. */
export function readRetryWish(statements: Statements, name: string, target: string): string | undefined {
  const row = statements.get('SELECT value FROM meta WHERE key = ?', retryKey(name, target));
  return row === undefined ? undefined : String(row.value);
}

/** Drops the retry that was carried out; a newer request stays. */
export function dropRetryWish(statements: Statements, name: string, target: string, obeyed: string): void {
  statements.run('DELETE FROM meta WHERE key = ? AND value = ?', retryKey(name, target), obeyed);
}

/**
 * Writes a request into the state at `path`, even while another process writes to it: no other process writes these
 * rows, so SQLite's own lock is enough. Returns the pauses afterwards, and whether the request changed anything.
 * Throws MB3105 if there is no state, MB3021 for a root that it does not know.
 */
export function keepLaneWish(
  path: string,
  wish: LaneWish,
  patienceMs?: number,
): { readonly pauses: LanePause[]; readonly isNews: boolean } {
  // This refuses files that are no state of this version, with the same messages as all reading commands.
  openReadOnly(path).close();
  checkOwnFile(path, { what: 'the state', flag: '--state' });
  return writeConcurrently(
    path,
    (statements) => {
      const before = readPauses(statements, wish.name, wish.target);
      write(statements, wish, before);
      const pauses = readPauses(statements, wish.name, wish.target);
      return { pauses, isNews: wish.kind === 'retry' || JSON.stringify(before) !== JSON.stringify(pauses) };
    },
    patienceMs,
  );
}

function write(statements: Statements, { kind, name, target, roots, nowMs }: LaneWish, before: readonly LanePause[]): void {
  const keep = 'INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)';
  const ids = roots.map((root) => idOf(statements, root));
  if (kind === 'retry') {
    const nth = Number(statements.parse<Partial<Record<'nth', unknown>>>(readRetryWish(statements, name, target) ?? '{}').nth ?? 0);
    statements.run(keep, retryKey(name, target), JSON.stringify({ at_ms: Math.round(nowMs), nth: nth + 1 }));
    return;
  }
  const value = JSON.stringify({ since_ms: Math.round(nowMs) });
  if (kind === 'pause') {
    // An existing pause keeps its start time.
    for (const [i, id] of ids.entries())
      if (!before.some(({ root }) => root === roots[i])) statements.run(keep, pauseKey(name, target, id), value);
    if (ids.length === 0 && !before.some(({ root }) => root === undefined)) statements.run(keep, pauseKey(name, target), value);
    return;
  }
  const drop = 'DELETE FROM meta WHERE key = ?';
  for (const id of ids) statements.run(drop, pauseKey(name, target, id));
  if (ids.length > 0) return;
  for (const { root } of before) statements.run(drop, pauseKey(name, target, root === undefined ? undefined : idOf(statements, root)));
}

function idOf(statements: Statements, root: string): number {
  const row = statements.get('SELECT id FROM root WHERE name = ?', root);
  if (row !== undefined) return Number(row.id);
  const known = statements.all('SELECT name FROM root ORDER BY name').map(({ name }) => String(name));
  throw new MirrorError('MB3021', `no such root: ${root}${suggestion(root, known)}`, {
    command: 'mirrorboard root list',
    context: { root },
  });
}

/** Drops the pauses of forgotten roots: their ids may be given to other roots. */
export function dropLostPauses(statements: Statements): void {
  const id = "json_extract(key, '$[3]')";
  statements.run(`DELETE FROM meta WHERE ${OUR_KEYS} AND ${id} IS NOT NULL AND ${id} NOT IN (SELECT id FROM root)`);
}

function pauseKey(name: string, target: string, root?: number): string {
  return JSON.stringify(['pause', name, target, ...(root === undefined ? [] : [root])]);
}

function retryKey(name: string, target: string): string {
  return JSON.stringify(['retry_now', name, target]);
}
