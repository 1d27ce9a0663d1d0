import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { MirrorError } from '../../errors.ts';
import { type RunRef, runLabel } from '../../model/index.ts';
import { checkOwnFile } from '../../own-files/index.ts';
import { openForReading, translated } from './client.ts';
import { SCHEMA_VERSION } from './schema.ts';

/** Whether a page lists a run: `hidden` and `archived` are what a user chose. */
export const VISIBILITIES = ['visible', 'hidden', 'archived'] as const;
/** One of `VISIBILITIES`. */
export type Visibility = (typeof VISIBILITIES)[number];

/**
 * Notes in the store whether pages list some runs, all of them or none, also while another process writes to it: no
 * other process writes this column, so SQLite's own lock is enough. Never waits for that lock. Throws MB3007 without a
 * store, MB3004 while it is locked, MB3021 for a run that it does not have.
 */
export function keepVisibility(path: string, runs: readonly RunRef[], visibility: Visibility): void {
  // Refuses what is no store, with the messages of all readers.
  if (!existsSync(path)) openForReading(path).close();
  checkOwnFile(path, { what: 'the store', flag: '--store' });
  openForReading(path).close();
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec('PRAGMA busy_timeout = 0; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; BEGIN IMMEDIATE');
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version < SCHEMA_VERSION) {
      throw new MirrorError('MB3003', `${path} has schema version ${version}, which cannot hide runs`, {
        hint: 'The next backfill or watch upgrades it.',
        context: { path, version },
      });
    }
    const statement = db.prepare('UPDATE run SET visibility = ? WHERE path = ? AND root = (SELECT id FROM root WHERE name = ?)');
    for (const run of runs) {
      const { changes } = statement.run(visibility === 'visible' ? null : visibility, run.path, run.root);
      if (Number(changes) === 0)
        throw new MirrorError('MB3021', `the store has no run ${runLabel(run)}`, { command: 'mirrorboard run list' });
    }
    db.exec('COMMIT');
  } catch (error) {
    throw translated(error, path, 'writing');
  } finally {
    db?.close();
  }
}
