/** Reading a tracker run's journal: which lines there are, and from which bytes. */
import { createHash } from 'node:crypto';
import type { JournalEntry, TrackerParcel } from '../../contract/index.ts';

/** The first line that no entry has. */
export function endOf(journal: readonly JournalEntry[]): number {
  return journal.reduce((end, { firstLine, count }) => Math.max(end, firstLine + count), 0);
}

/** How many lines entries have together. */
export function linesOf(journal: readonly JournalEntry[]): number {
  return journal.reduce((sum, { count }) => sum + count, 0);
}

/** Entries of bytes of the same file, of any generation, that a parcel has too. */
export function overlapping(journal: readonly JournalEntry[], { file, batch }: TrackerParcel): readonly JournalEntry[] {
  return journal.filter((entry) => entry.file === file && entry.start < batch.end && batch.start < entry.end);
}

/** Lines of one entry: if bytes come again, the lines of all entries that have some of them are read back. */
const MOST_LINES = 50_000;

/** Lines that are sent next. */
export type NewLines = Pick<JournalEntry, 'firstLine' | 'count'>;

/** An entry for lines of a parcel: it extends and replaces the last one, if they follow it. */
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

/** Over the places and checksums of a parcel's records. */
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
