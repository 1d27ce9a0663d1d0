import { MirrorError } from '../errors.ts';
import { parseShard, type Shard, shardText } from '../model/index.ts';
import { openReadOnly } from './open-database.ts';
import { Statements } from './statements.ts';

const KEY = 'shard';

/** The shard whose runs a state knows; undefined where it is that of all runs. */
export function shardIn(statements: Statements): Shard | undefined {
  const row = statements.get('SELECT value FROM meta WHERE key = ?', KEY);
  return row === undefined ? undefined : parseShard(String(row.value));
}

/** The same of a state file; undefined, too, where it can't be read: whoever uses it says why. */
export function shardOfState(path: string): Shard | undefined {
  try {
    const db = openReadOnly(path);
    try {
      return shardIn(new Statements(db, path));
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
}

/** Notes whose runs the state knows. */
export function noteShard(statements: Statements, shard: Shard | undefined): void {
  if (shard === undefined) statements.run('DELETE FROM meta WHERE key = ?', KEY);
  else statements.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)', KEY, shardText(shard));
}

/** Throws MB3107 where a state that knows runs is used for a shard that it was not made for. */
export function checkShard(statements: Statements, wanted: Shard | undefined): void {
  const found = shardIn(statements);
  const [before, now] = [found, wanted].map((shard) => (shard === undefined ? undefined : shardText(shard)));
  if (before === now || statements.get('SELECT 1 FROM run LIMIT 1') === undefined) return;
  const { path } = statements;
  const was = before === undefined ? 'knows the runs of all shards' : `belongs to shard ${before}`;
  const asked = now === undefined ? 'all runs were asked for' : `shard ${now} was asked for`;
  throw new MirrorError('MB3107', `${path} ${was}, and ${asked}`, {
    hint: 'Stop all shards, merge their states with mirrorboard state merge, then split the result with mirrorboard state split.',
    context: { path, found: before ?? '', wanted: now ?? '' },
  });
}
