import { closeSync } from '../calls/index.ts';
import type { FileState, RecordMark, TrailMark } from '../model/index.ts';
import { isAboutBytes } from '../system-error.ts';
import type { Directory } from '../untrusted/index.ts';
import { type OpenFile, openFile, readAt } from './open-file.ts';

/**
 * What happened to a file since its state was noted. `cut`: what is there is a beginning of what was read, perhaps with
 * zeros after it: it is being written over itself, or was cut.
 */
export type Change = 'same' | 'cut' | 'shortened' | 'replaced';

/** Whether the bytes before the watermark are still those that were read. */
export function compareWithState(file: OpenFile, state: FileState): Change {
  const isShort = file.size < state.position.watermark;
  if (!isShort && holdsRecord(file.fd, state.guard.first) && holdsRecord(file.fd, state.guard.last)) return 'same';
  if (beginningOf(file, state) !== undefined) return 'cut';
  return isShort ? 'shortened' : 'replaced';
}

const scratch = new Uint8Array(12);
const view = new DataView(scratch.buffer);

/** Compares length and data checksum of a record as they are in the file; the data itself is not read. */
function holdsRecord(fd: number, mark: RecordMark | undefined): boolean {
  if (mark === undefined) return true;
  return orUnreadable(() => isRecordAt(fd, mark), true);
}

function isRecordAt(fd: number, mark: RecordMark): boolean {
  if (readAt(fd, scratch, 0, 12, mark.offset) < 12) return false;
  if (view.getUint32(0, true) !== mark.length % 0x1_0000_0000 || view.getUint32(4, true) !== Math.floor(mark.length / 0x1_0000_0000))
    return false;
  if (readAt(fd, scratch, 0, 4, mark.offset + 12 + mark.length) < 4) return false;
  return view.getUint32(0, true) === mark.checksum;
}

const FRAME_BYTES = 16;

/**
 * Up to which byte a file has what was read of it, as far as the marks can tell, if it ends before the watermark (or
 * is nothing but zeros from there); undefined if something else is in it.
 */
export function beginningOf(file: OpenFile, state: FileState): number | undefined {
  return beginning(file, state)?.end;
}

/**
 * Where the last record ends that is known to be one that was read, in a file that `beginningOf` takes for a
 * beginning.
 */
export function validBeginningOf(file: OpenFile, state: FileState): number {
  return beginning(file, state)?.valid ?? 0;
}

interface Beginning {
  readonly end: number;
  readonly valid: number;
}

function beginning(file: OpenFile, { guard, position }: FileState): Beginning | undefined {
  const { first, trail = [] } = guard;
  if (first === undefined || position.watermark === 0) return undefined;
  const upTo = (end: number, valid = 0): Beginning => ({ end, valid });
  if (file.size === 0) return upTo(0);
  if (file.size < first.offset + FRAME_BYTES + first.length) return isBegunAs(file, first) ? upTo(file.size) : undefined;
  if (!holdsRecord(file.fd, first)) return isZero(file.fd, first.offset) ? upTo(first.offset) : undefined;
  let end = first.offset + FRAME_BYTES + first.length;
  // A trail that begins late, or not at all (an older version noted none), says too little of what is there.
  const [head] = trail;
  if (head === undefined) return file.size === end ? upTo(end, end) : undefined;
  let isZeros = false;
  let held = 0;
  for (const [i, mark] of trail.entries()) {
    const found = orUnreadable(() => markIn(file, mark), { state: 'held', end: mark.offset + FRAME_BYTES });
    // The record that was read there ended before the next one began, and before the watermark.
    if (found.state === 'ended' && found.end > (trail[i + 1]?.offset ?? position.watermark)) return undefined;
    if (found.state === 'other' || (isZeros && found.state === 'held')) return undefined;
    if (found.state === 'held') {
      held++;
      end = Math.max(end, found.end);
    } else if (found.state === 'zero') isZeros = true;
  }
  if (file.size >= position.watermark && !isZeros && !(guard.last !== undefined && isZero(file.fd, guard.last.offset))) return undefined;
  if (held === 0 && head.offset > end && file.size > end) return undefined;
  // What could not be read when it was checked cannot be compared: there may be valid records now.
  if (position.gaps.some((gap) => gap.start < file.size && gap.end > end)) return undefined;
  return upTo(isZeros || file.size >= position.watermark ? Math.min(end, file.size) : file.size, end);
}

/**
 * True if what is there may become the first record that was read: it is the file's first, and as long, as far as
 * that is reported.
 */
function isBegunAs(file: OpenFile, first: RecordMark): boolean {
  if (first.offset > 0) return false;
  if (orUnreadable(() => readAt(file.fd, scratch, 0, 8, 0), 0) < 8) return true;
  return view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000 === first.length;
}

/** How a marked record is in a file now, and where it ends: `ended` if the file ends before it does. */
function markIn(
  file: OpenFile,
  { offset, checksum }: TrailMark,
): { readonly state: 'held' | 'zero' | 'ended' | 'other'; readonly end: number } {
  if (readAt(file.fd, scratch, 0, 12, offset) < 12) return { state: 'ended', end: offset };
  if (view.getUint32(0, true) === 0 && view.getUint32(4, true) === 0 && view.getUint32(8, true) === 0)
    return { state: 'zero', end: offset };
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
  const end = offset + FRAME_BYTES + length;
  if (end > file.size) return { state: 'ended', end };
  readAt(file.fd, scratch, 0, 4, end - 4);
  const found = view.getUint32(0, true);
  return { state: found === checksum ? 'held' : found === 0 ? 'zero' : 'other', end };
}

/** Whether a record's length and its checksum are zeros. */
function isZero(fd: number, offset: number): boolean {
  return orUnreadable(() => readAt(fd, scratch, 0, 12, offset) === 12 && scratch.every((byte) => byte === 0), false);
}

/** What cannot be read now was not written over for that. */
function orUnreadable<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (isAboutBytes(error)) return otherwise;
    throw error;
  }
}

/** The same for a file by its name, which may be another one now; a file that cannot be opened is not the same. */
export function compareFile(directory: Directory, state: FileState, name = state.name): Change {
  return ofOpened(directory, name, (file) => compareWithState(file, state)) ?? 'replaced';
}

/**
 * How much of what was read of a file is under a name: all of it, its first two records, whatever comes behind
 * them (`beginning`), or so little that it may become that file or another one (`blank`): many files begin with the
 * same record.
 */
export type Likeness = 'same' | 'beginning' | 'blank' | 'other';

/** How far a file's bytes are those that a state knows: all of them, a beginning, or others. */
export function likenessOf(directory: Directory, state: FileState, name: string): Likeness {
  const { first, trail = [] } = state.guard;
  const second = first && trail.find(({ offset }) => offset > first.offset);
  const look = (file: OpenFile): Likeness => {
    const change = compareWithState(file, state);
    if (change === 'same') return 'same';
    if (second !== undefined && holdsRecord(file.fd, first) && markIn(file, second).state === 'held') return 'beginning';
    return change === 'cut' ? 'blank' : 'other';
  };
  return ofOpened(directory, name, look) ?? 'other';
}

/** Undefined if a file cannot be opened or read: the next read reports why. */
function ofOpened<T>(directory: Directory, name: string, look: (file: OpenFile) => T): T | undefined {
  try {
    const file = openFile(directory, name);
    try {
      return look(file);
    } finally {
      closeSync(file.fd);
    }
  } catch {
    return undefined;
  }
}

/** The length and checksum of the record a file begins with; undefined if it is not whole, or cannot be read. */
export function firstMark(directory: Directory, name: string): RecordMark | undefined {
  return ofOpened(directory, name, (file) => {
    if (readAt(file.fd, scratch, 0, 12, 0) < 12) return undefined;
    const length = view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
    if (length + FRAME_BYTES > file.size || readAt(file.fd, scratch, 0, 4, length + 12) < 4) return undefined;
    return { offset: 0, length, checksum: view.getUint32(0, true) };
  });
}
