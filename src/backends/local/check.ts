import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';

/** A store up to this size is checked as a whole, which takes some tenths of a second. Bytes. */
const WHOLE_BYTES = 32 * 1024 * 1024;
/** The tables that everything else depends on; they are small compared with the points. */
const LISTINGS = ['meta', 'root', 'run', 'file'];

const SHORT_RUNS = `SELECT count(*) AS n FROM run
  WHERE points <> (SELECT coalesce(sum(count), 0) FROM series WHERE series.run = run.id)`;

/**
 * Checks a store lightly before mirrorboard adds to it: the structure of its tables, and whether its listings agree
 * with each other. In a large store it checks only the listings. It does not find a value that was changed in place:
 * `verify` does. Returns a description of the damage; undefined if there is none.
 */
export function damageOf(db: DatabaseSync, path: string): string | undefined {
  try {
    const isSmall = statSync(path).size <= WHOLE_BYTES;
    const checks = isSmall ? ['PRAGMA quick_check(1)'] : LISTINGS.map((table) => `PRAGMA quick_check('${table}')`);
    for (const check of checks) {
      const found = db.prepare(check).get()?.['quick_check'];
      if (found !== 'ok') return String(found ?? 'SQLite cannot check it').split('\n', 1)[0];
    }
    if (!isSmall) return undefined;
    const short = Number(db.prepare(SHORT_RUNS).get()?.['n'] ?? 0);
    return short === 0 ? undefined : `the points of ${short} run${short === 1 ? '' : 's'} and of their series do not add up`;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * The advice for a damaged store. The store may be the only place that still has the points of deleted event files.
 */
export const DAMAGED_HINT =
  'Copy it first: it may have points of deleted event files. Then run `mirrorboard verify --repair` and `mirrorboard backfill`, ' +
  'which restore everything that the event files still have. If that fails, move it away, keep it, and mirror again.';
