// Loaded before the program: kills it as `kill -9` does, right before or right after its n-th commit, in whichever
// database that is. MB_KILL_AT is n (0: never), MB_KILL_WHEN is `before` or `after`; the number of commits is written
// to MB_KILL_COUNT when it ends by itself.
import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

const at = Number(process.env.MB_KILL_AT ?? 0);
const isBefore = process.env.MB_KILL_WHEN === 'before';
let commits = 0;

function around(commit) {
  commits++;
  if (commits === at && isBefore) process.kill(process.pid, 'SIGKILL');
  const result = commit();
  if (commits === at && !isBefore) process.kill(process.pid, 'SIGKILL');
  return result;
}

if (isMainThread) {
  const { exec, prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (sql) {
    return /\bCOMMIT\b/.test(sql) ? around(() => exec.call(this, sql)) : exec.call(this, sql);
  };
  DatabaseSync.prototype.prepare = function (...args) {
    const statement = prepare.apply(this, args);
    const { run } = statement;
    // Outside a transaction a statement that writes is one of its own.
    statement.run = (...values) => (this.isTransaction ? run.apply(statement, values) : around(() => run.apply(statement, values)));
    return statement;
  };
  process.on('exit', () => {
    if (process.env.MB_KILL_COUNT) writeFileSync(process.env.MB_KILL_COUNT, String(commits));
  });
}
