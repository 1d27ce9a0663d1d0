/**
 * The checkpointer's thread: merges what was written ahead, whenever it is asked to, without ever making the writer
 * wait.
 */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

const db = new DatabaseSync(String(workerData));

parentPort?.on('message', () => {
  db.exec('PRAGMA wal_checkpoint(PASSIVE)');
  parentPort?.postMessage(undefined);
});
