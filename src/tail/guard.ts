import { closeSync } from '../calls/index.ts';
import type { FileState, RecordMark } from '../model/index.ts';
import { isAboutBytes } from '../system-error.ts';
import { type OpenFile, openFile, readAt } from './open-file.ts';

/** What became of a file since its state was noted. */
export type Change = 'same' | 'shortened' | 'replaced';

/** Whether the bytes before the watermark are still those that were read. */
export function compareWithState(file: OpenFile, state: FileState): Change {
  if (file.size < state.position.watermark) return 'shortened';
  return holdsRecord(file.fd, state.guard.first) && holdsRecord(file.fd, state.guard.last) ? 'same' : 'replaced';
}

const scratch = new Uint8Array(12);
const view = new DataView(scratch.buffer);

/** Compares length and data checksum of a record as they stand in the file; the data itself is not read. */
function holdsRecord(fd: number, mark: RecordMark | undefined): boolean {
  if (mark === undefined) return true;
  try {
    return isRecordAt(fd, mark);
  } catch (error) {
    // What can't be read now was not written over for that.
    if (isAboutBytes(error)) return true;
    throw error;
  }
}

function isRecordAt(fd: number, mark: RecordMark): boolean {
  if (readAt(fd, scratch, 0, 12, mark.offset) < 12) return false;
  if (view.getUint32(0, true) !== mark.length % 0x1_0000_0000 || view.getUint32(4, true) !== Math.floor(mark.length / 0x1_0000_0000))
    return false;
  if (readAt(fd, scratch, 0, 4, mark.offset + 12 + mark.length) < 4) return false;
  return view.getUint32(0, true) === mark.checksum;
}

/** The same for a file by its path; a file that can't be opened is not the same. */
export function compareFile(path: string, state: FileState): Change {
  try {
    const file = openFile(path);
    try {
      return compareWithState(file, state);
    } finally {
      closeSync(file.fd);
    }
  } catch {
    return 'replaced'; // whoever reads it next says why
  }
}
