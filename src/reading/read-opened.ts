import { closeSync } from '../calls/index.ts';
import type { TagTable } from '../decode/index.ts';
import { LISTED_ONLY, namesIn } from '../discover/index.ts';
import { systemCode } from '../errors.ts';
import type { Catalogue } from '../model/index.ts';
import { reasonOf } from '../system-error.ts';
import { type OpenFile, openFile } from '../tail/index.ts';
import { type Directory, fullPath } from '../untrusted/index.ts';
import type { FileOutcome, ReadEvent } from './read-event.ts';

/** An outcome that prevents reading a file to its end. */
export type Trouble = Extract<FileOutcome, 'vanished' | 'silent' | 'unreadable'>;

/** A file of a run, and the known series of the run during the read. */
interface ToRead {
  readonly directory: Directory;
  readonly name: string;
  readonly catalogue: Catalogue;
  readonly tags: TagTable;
}

/** True if the directory still lists a file that the system reports as missing. */
function isStillListed(directory: string, name: string): boolean {
  try {
    return namesIn(directory).has(name);
  } catch {
    return false; // the directory has disappeared too, or is itself unreadable: the walk reports it
  }
}

/** Yields what `read` returns for the open file, or what `onTrouble` returns if the system cannot read it. */
export function* readOpened(
  { directory, name, catalogue, tags }: ToRead,
  read: (file: OpenFile) => Generator<ReadEvent, void, void>,
  onTrouble: (trouble: Trouble, reason: string) => Generator<ReadEvent, void, void>,
): Generator<ReadEvent, void, void> {
  let file: OpenFile | undefined;
  let [series, count] = [catalogue.size, tags.count];
  try {
    file = openFile(directory, name);
    for (const event of read(file)) {
      if (event.kind === 'batch') [series, count] = [catalogue.size, tags.count];
      yield event;
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    // The rest is not handed out, so series that only it has must not be reported.
    catalogue.truncate(series);
    tags.truncate(count);
    const isListed = code === 'ENOENT' && isStillListed(fullPath(directory), name);
    const trouble = code === 'MB2030' ? 'silent' : code === 'ENOENT' && !isListed ? 'vanished' : 'unreadable';
    yield* onTrouble(trouble, isListed ? LISTED_ONLY : reasonOf(error));
  } finally {
    if (file !== undefined) closeSync(file.fd);
  }
}
