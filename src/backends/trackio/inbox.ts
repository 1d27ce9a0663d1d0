/**
 * The folder from which a server imports rows, with their dates. The server skips a line that is cut, and one row that
 * its database refuses stops the import for everybody. So a file appears complete, and has only rows that fit.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash } from '../../backend-kit/exact-points/index.ts';
import { MirrorError, messageOf, systemCode } from '../../errors.ts';
import { makeOwnFolder, ownFileMode, WholeFile } from '../../own-files/index.ts';

/** The server removes the folder of a writer when it is empty, maybe at this moment. */
const TRIES = 5;

/** Writes rows for the import. The same rows, written again, are the same file. */
export function writeFragment(inbox: string, writer: string, rows: readonly string[]): void {
  const data = Buffer.from(`${rows.join('\n')}\n`);
  const folder = folderOf(inbox, writer);
  for (let left = TRIES; ; left--) {
    try {
      makeOwnFolder(folder);
      const file = new WholeFile(join(folder, `${contentHash(data)}.jsonl`), ownFileMode());
      try {
        file.write(data);
        file.finish();
      } catch (error) {
        file.abandon();
        throw error;
      }
      return;
    } catch (cause) {
      if (left > 0 && systemCode(cause) === 'ENOENT') continue;
      throw failed('writing into', inbox, cause);
    }
  }
}

/**
 * True if the inbox has files of a writer. The server reads them, commits their rows, and then removes them: what
 * is not there any more is stored, and what is there may be stored at any moment.
 */
export function hasFragments(inbox: string, writer: string): boolean {
  try {
    return readdirSync(folderOf(inbox, writer)).some((name) => name.endsWith('.jsonl'));
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return false;
    throw failed('reading', inbox, cause);
  }
}

function folderOf(inbox: string, writer: string): string {
  return join(inbox, `mirrorboard-${writer}`);
}

function failed(what: string, inbox: string, cause: unknown): MirrorError {
  return new MirrorError('MB4001', `${what} the inbox ${inbox}: ${messageOf(cause)}`, {
    retry: 'later',
    hint: 'inbox must be the folder `inbox` in the TRACKIO_DIR of the server, and mirrorboard must be allowed to write there.',
    cause,
  });
}
