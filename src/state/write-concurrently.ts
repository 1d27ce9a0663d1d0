import { DatabaseSync } from 'node:sqlite';
import { BUSY_MS } from './open-database.ts';
import { translated } from './sqlite-error.ts';
import { Statements } from './statements.ts';

/**
 * Writes rows that only the caller writes into the state at `path`, also while another process writes to it: SQLite's
 * own lock is enough for one transaction. Throws MB31… if that fails; then nothing is written.
 */
export function writeConcurrently<Result>(path: string, work: (statements: Statements) => Result, patienceMs = BUSY_MS): Result {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec(`PRAGMA busy_timeout = ${patienceMs}; PRAGMA synchronous = FULL; BEGIN IMMEDIATE`);
    const result = work(new Statements(db, path));
    db.exec('COMMIT');
    return result;
  } catch (error) {
    throw translated(error, path, 'writing');
  } finally {
    db?.close();
  }
}
