/** Keeps the findings of `verify` for a lane: a row of `meta`, which states of all versions can have. */

import { statSync } from 'node:fs';
import type { MirrorError } from '../errors.ts';
import { judgeFile } from './file-header.ts';
import { schemaVersion } from './migrate.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { translated } from './sqlite-error.ts';
import type { Statements } from './statements.ts';
import { reportKey, reportText, type VerifyReport } from './verify-report.ts';
import { writeConcurrently } from './write-concurrently.ts';

/** The result of a comparison of a lane with its files. */
export interface LaneVerdict {
  /** The end of the comparison, milliseconds since 1970. */
  readonly atMs: number;
  readonly differences: number;
}

/** The lane that was compared, and the result. */
export interface VerifiedLane {
  readonly name: string;
  readonly target: string;
  /**
   * The directories that were compared completely. If the lane has others, a result without differences is not kept.
   */
  readonly roots: readonly string[];
  readonly verdict: LaneVerdict;
  /** What was found. Without it, the former report is dropped. */
  readonly report?: VerifyReport;
}

const KEEP = 'INSERT OR REPLACE INTO meta (key, value) SELECT ?, ? FROM lane WHERE name = ? AND target = ?';
const ROOTS_WITH_RUNS = 'SELECT path FROM root WHERE EXISTS (SELECT 1 FROM run WHERE run.root = root.id)';

/** Returns the key of `meta` for a lane's verdict. */
export function verifiedKey(name: string, target: string): string {
  return JSON.stringify(['verified', name, target]);
}

/** Returns the stored verdict of a lane; undefined if there is none, or if it is not valid. */
export function readVerdict(statements: Statements, name: string, target: string): LaneVerdict | undefined {
  const row = statements.get('SELECT value FROM meta WHERE key = ?', verifiedKey(name, target));
  const kept = row === undefined ? undefined : (statements.parse(row.value) as Partial<Record<'at_ms' | 'differences', unknown>>);
  return typeof kept?.at_ms === 'number' && typeof kept.differences === 'number'
    ? { atMs: kept.at_ms, differences: kept.differences }
    : undefined;
}

/**
 * Stores the results of `verify` in the state at `path`, even while another process writes to it. Each result is one
 * row that only `verify` writes, in its own transaction, so SQLite's lock is enough. Stores nothing if the state does
 * not exist, has another version, belongs to another user, or has never used the lane. Returns the error if it
 * failed.
 */
export function keepVerdicts(path: string, lanes: readonly VerifiedLane[], patienceMs?: number): MirrorError | undefined {
  try {
    if (lanes.length === 0 || judgeFile(path) === 'absent' || !isOurs(path)) return undefined;
    writeConcurrently(path, (statements) => keepIn(statements, lanes), patienceMs);
    return undefined;
  } catch (error) {
    return translated(error, path, 'writing');
  }
}

function keepIn(statements: Statements, lanes: readonly VerifiedLane[]): void {
  if (schemaVersion(statements.db) !== SCHEMA_VERSION) return;
  const known = statements.all(ROOTS_WITH_RUNS).map(({ path }) => String(path));
  for (const { name, target, roots, verdict, report } of lanes) {
    // Data that was not compared may still differ.
    if (verdict.differences === 0 && known.some((root) => !roots.includes(root))) continue;
    const value = JSON.stringify({ at_ms: Math.round(verdict.atMs), differences: verdict.differences });
    statements.run(KEEP, verifiedKey(name, target), value, name, target);
    if (report === undefined) statements.run('DELETE FROM meta WHERE key = ?', reportKey(name, target));
    else statements.run(KEEP, reportKey(name, target), reportText(report), name, target);
  }
}

/**
 * True if the file belongs to our user. Files of ours next to another user's state could keep that user from opening
 * it.
 */
function isOurs(path: string): boolean {
  const { uid } = statSync(path);
  return process.getuid?.() === uid;
}
