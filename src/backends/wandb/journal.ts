/** Reads a tracker run's journal: its lines, and the bytes that they come from. */
import { createHash } from 'node:crypto';
import type { JournalEntry, TrackerParcel } from '../../contract/index.ts';

/** Returns the first line after all entries. */
export function endOf(journal: readonly JournalEntry[]): number {
  return journal.reduce((end, { firstLine, count }) => Math.max(end, firstLine + count), 0);
}

/** Returns the number of lines in all entries. */
export function linesOf(journal: readonly JournalEntry[]): number {
  return journal.reduce((sum, { count }) => sum + count, 0);
}

/** Returns the entries that share bytes of the same file, of any generation, with a parcel. */
export function overlapping(journal: readonly JournalEntry[], { file, batch }: TrackerParcel): readonly JournalEntry[] {
  return journal.filter((entry) => entry.file === file && entry.start < batch.end && batch.start < entry.end);
}

/** The most lines of one entry: if bytes come again, the lines of all entries that share them are read back. */
const MOST_LINES = 50_000;

/** The lines to send next. */
export type NewLines = Pick<JournalEntry, 'firstLine' | 'count'>;

/** Returns an entry for lines of a parcel. It extends and replaces the last entry, if the lines follow that. */
export function entryFor(lines: NewLines, parcel: TrackerParcel, mapping: string, last: JournalEntry | undefined): JournalEntry {
  const { generation, start, end } = parcel.batch;
  const hash = hashOf(parcel);
  const entry = { ...lines, file: parcel.file, generation, start, end, hash, mapping };
  const follows =
    last !== undefined &&
    last.firstLine + last.count === lines.firstLine &&
    last.file === entry.file &&
    last.generation === generation &&
    last.mapping === mapping &&
    last.end === start &&
    last.count + lines.count <= MOST_LINES;
  if (!follows) return entry;
  const { firstLine, count } = last;
  return { ...entry, firstLine, count: count + lines.count, start: last.start, hash: shortHash(last.hash + hash) };
}

/** Returns a hash over the positions and checksums of a parcel's records. */
function hashOf({ batch: { scalars, objects } }: TrackerParcel): string {
  const hash = createHash('sha256');
  hash.update(new Uint8Array(scalars.offset.buffer, scalars.offset.byteOffset, scalars.count * 8));
  hash.update(new Uint8Array(scalars.checksum.buffer, scalars.checksum.byteOffset, scalars.count * 4));
  for (const { offset, checksum } of objects) hash.update(`${offset}:${checksum};`);
  return hash.digest('hex').slice(0, 16);
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
