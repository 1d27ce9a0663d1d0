import type { DatabaseSync } from 'node:sqlite';
import type { MigrationStep, StepContext } from './schema.ts';

/**
 * Migrates a state to the version after the last of `steps`. Each step and its version number go into one
 * transaction, so that a crash leaves a file of one version or the next, never of something between.
 */
export function migrate(db: DatabaseSync, steps: readonly MigrationStep[], context: StepContext): void {
  for (let version = schemaVersion(db); version < steps.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      steps[version]?.(db, context);
      db.exec(`PRAGMA user_version = ${version + 1}; COMMIT`);
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** Returns the schema version of a database. */
export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version);
}
