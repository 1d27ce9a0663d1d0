import type { PartName } from './names.ts';

/** A Parquet file with points, and its length. */
export interface Part extends PartName {
  readonly bytes: number;
}

/** A merged file has about this many bytes and rows at most; a file of half of them is not merged again. */
const MERGED_BYTES = 32 * 1024 * 1024;
const MERGED_ROWS = 512 * 1024;

/** Files that become one, and what they have together. */
interface Group {
  readonly parts: Part[];
  bytes: number;
  rows: number;
  end: number;
}

/**
 * Groups files of one event file and kind that become one. A group of one file stays as it is. Files that cover the
 * same bytes come together, even if the result is longer: they may hold the same points.
 */
export function groupsOf(parts: readonly Part[]): (readonly Part[])[] {
  const groups: Group[] = [];
  for (const part of parts) {
    const group = groups.at(-1);
    if (group === undefined || !takes(group, part)) {
      groups.push({ parts: [part], bytes: part.bytes, rows: part.rows, end: part.end });
      continue;
    }
    group.parts.push(part);
    group.bytes += part.bytes;
    group.rows += part.rows;
    group.end = Math.max(group.end, part.end);
  }
  return groups.map((group) => group.parts);
}

function takes({ parts, bytes, rows, end }: Group, part: Part): boolean {
  const [first] = parts;
  if (first?.source !== part.source || first.kind !== part.kind) return false;
  const fits = (times: number): boolean => bytes + part.bytes <= times * MERGED_BYTES && rows + part.rows <= times * MERGED_ROWS;
  if (part.start < end) return fits(2);
  return fits(1) && !isLong(part) && !(parts.length === 1 && isLong(first));
}

function isLong({ bytes, rows }: Part): boolean {
  return bytes >= MERGED_BYTES / 2 || rows >= MERGED_ROWS / 2;
}
