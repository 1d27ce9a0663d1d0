import { closeSync } from '../calls/index.ts';
import type { FileState, RecordMark, TrailMark } from '../model/index.ts';
import { isAboutBytes } from '../system-error.ts';
import type { Directory } from '../untrusted/index.ts';
import { type OpenFile, openFile, readAt } from './open-file.ts';

/**
 * The change of a file since its state was noted. `cut`: the file holds a beginning of what was read, perhaps with
 * zeros after it. It is being overwritten, or was cut.
 */
export type Change = 'same' | 'cut' | 'shortened' | 'replaced';

/** Compares the bytes before the watermark with those that were read. */
export function compareWithState(file: OpenFile, state: FileState): Change {
  const isShort = file.size < state.position.watermark;
  if (!isShort && holdsRecord(file.fd, state.guard.first) && holdsRecord(file.fd, state.guard.last)) return 'same';
  if (beginningOf(file, state) !== undefined) return 'cut';
  return isShort ? 'shortened' : 'replaced';
}

const scratch = new Uint8Array(12);
const view = new DataView(scratch.buffer);

/** True if a record's length and data checksum in the file are the marked ones. Does not read the data. */
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
 * Returns the end of what the file still has of the bytes that were read, if it ends before the watermark (or has
 * only zeros from there); undefined if it has other content. Judges by the marks.
 */
export function beginningOf(file: OpenFile, state: FileState): number | undefined {
  return beginning(file, state)?.end;
}

/**
 * Returns the end of the last record that is known to be one of those that were read, in a file that `beginningOf`
 * takes for a beginning.
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
  if (file.size < first.offset + FRAME_BYTES + first.length) return startsAs(file, first) ? upTo(file.size) : undefined;
  if (!holdsRecord(file.fd, first)) return isZero(file.fd, first.offset) ? upTo(first.offset) : undefined;
  let end = first.offset + FRAME_BYTES + first.length;
  // A trail that begins late, or not at all (an older version noted none), does not tell enough about the file.
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
  // Bytes that could not be read when they were checked cannot be compared: they may be valid records now.
  if (position.gaps.some((gap) => gap.start < file.size && gap.end > end)) return undefined;
  return upTo(isZeros || file.size >= position.watermark ? Math.min(end, file.size) : file.size, end);
}

/**
 * True if the file's content may become the first record that was read: it is at the beginning of the file, and has
 * the same length, if that is there already.
 */
function startsAs(file: OpenFile, first: RecordMark): boolean {
  if (first.offset > 0) return false;
  if (orUnreadable(() => readAt(file.fd, scratch, 0, 8, 0), 0) < 8) return true;
  return view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000 === first.length;
}

/** Tells how a marked record is in a file now, and where it ends. `ended`: the file ends before the record does. */
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

/** True if a record's length and length checksum are zeros. */
function isZero(fd: number, offset: number): boolean {
  return orUnreadable(() => readAt(fd, scratch, 0, 12, offset) === 12 && scratch.every((byte) => byte === 0), false);
}

/** Returns `otherwise` if the bytes cannot be read now: that does not mean they were overwritten. */
function orUnreadable<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (isAboutBytes(error)) return otherwise;
    throw error;
  }
}

/** Compares a file by its name, which may have changed. A file that cannot be opened counts as replaced. */
export function compareFile(directory: Directory, state: FileState, name = state.name): Change {
  return ofOpened(directory, name, (file) => compareWithState(file, state)) ?? 'replaced';
}

/**
 * How much of a file's read content is under a name: all of it (`same`); its first two records, whatever follows
 * (`beginning`); or so little that it may become that file or another one (`blank`), because many files begin with
 * the same record.
 */
export type Likeness = 'same' | 'beginning' | 'blank' | 'other';

/** Compares a file's bytes with those that a state knows: see `Likeness`. */
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

/** Opens a file and inspects it; undefined if it cannot be opened or read: the next read reports why. */
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

/**
 * Returns the length and checksum of the first record of a file; undefined if it is incomplete, or cannot be read.
 */
export function firstMark(directory: Directory, name: string): RecordMark | undefined {
  return ofOpened(directory, name, (file) => {
    if (readAt(file.fd, scratch, 0, 12, 0) < 12) return undefined;
    const length = view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
    if (length + FRAME_BYTES > file.size || readAt(file.fd, scratch, 0, 4, length + 12) < 4) return undefined;
    return { offset: 0, length, checksum: view.getUint32(0, true) };
  });
}
