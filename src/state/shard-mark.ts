import { createHash } from 'node:crypto';
import { MirrorError } from '../errors.ts';
import { parseShard, type Shard, shardText } from '../model/index.ts';
import { openReadOnly } from './open-database.ts';
import { Statements } from './statements.ts';

const KEY = 'shard';
/** The key of a digest of the rules that decide which runs are mirrored together. */
const RULE_KEY = 'shard_rule';

/** A shard, with the other rules that decide which runs belong to it. */
export type MarkedShard = Shard & Readonly<Record<string, unknown>>;

/** Returns the shard whose runs a state knows; undefined if it is the state of all runs. */
export function shardIn(statements: Statements): Shard | undefined {
  const row = statements.get('SELECT value FROM meta WHERE key = ?', KEY);
  return row === undefined ? undefined : parseShard(String(row.value));
}

/** Returns the same for a state file; undefined also if it cannot be read: opening it reports the reason. */
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

/** Notes the shard whose runs the state knows. */
export function noteShard(statements: Statements, shard: MarkedShard | undefined): void {
  if (shard === undefined) {
    statements.run('DELETE FROM meta WHERE key IN (?,?)', KEY, RULE_KEY);
    return;
  }
  const note = 'INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)';
  statements.run(note, KEY, shardText(shard));
  statements.run(note, RULE_KEY, digestOf(shard));
}

function digestOf({ index: _, count: __, ...rule }: MarkedShard): string {
  const entries = Object.entries(rule).filter(([, value]) => value !== undefined);
  return createHash('sha256').update(JSON.stringify(entries.sort())).digest('hex').slice(0, 16);
}

/**
 * Throws MB3107 if a state is used for a shard that it was not made for. A state without runs and without a shard
 * fits any shard.
 */
export function checkShard(statements: Statements, wanted: MarkedShard | undefined): void {
  const found = shardIn(statements);
  const [before, now] = [found, wanted].map((shard) => (shard === undefined ? undefined : shardText(shard)));
  const { path } = statements;
  const details = { hint: HINT, context: { path, found: before ?? '', wanted: now ?? '' } };
  if (before !== now) {
    if (before === undefined && statements.get('SELECT 1 FROM run LIMIT 1') === undefined) return;
    const was = before === undefined ? 'knows the runs of all shards' : `belongs to shard ${before}`;
    const asked = now === undefined ? 'this command is for all runs' : `shard ${now} was asked for`;
    throw new MirrorError('MB3107', `${path} ${was}, and ${asked}`, details);
  }
  const rule = statements.get('SELECT value FROM meta WHERE key = ?', RULE_KEY)?.value;
  if (wanted === undefined || rule === undefined || rule === digestOf(wanted)) return;
  throw new MirrorError('MB3107', `${path}: runs.fold, runs.parent or project changed, and with them the runs of shard ${now}`, details);
}

const HINT =
  'Pass the shard of this state. To change it: stop all shards, merge their states with mirrorboard state merge, then ' +
  'split the result with mirrorboard state split.';
