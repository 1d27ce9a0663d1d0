import type { DatabaseSync } from 'node:sqlite';

/** Does work in a transaction that writes; if the work or the commit fails, nothing of it stays. */
export function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
