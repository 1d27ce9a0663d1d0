// Folders for tests.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

const removeAll = (): void => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};

// `npm run soak` and `npm run compat` run without jest, which refuses to be imported outside its own processes.
if (process.env['JEST_WORKER_ID'] === undefined) process.once('exit', removeAll);
else (await import('@jest/globals')).afterAll(removeAll);

/** A new folder, by its real path. It is removed when the tests of the file, or the program, end. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mirrorboard-test-')));
  made.push(folder);
  return folder;
}
