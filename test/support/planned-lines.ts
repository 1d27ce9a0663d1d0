// What stand-ins of trackers that address by line have in common: the lines that an intent plans, and what became of
// them.
import { createHash } from 'node:crypto';
import type { Handle, Resolution } from '../../src/contract/index.ts';
import type { Batch } from '../../src/model/index.ts';

/** How the lines were made, as journal entries say it. */
export const MAPPING = 'one line a point';

/** What an intent says: the very lines. */
export interface PlannedLines {
  readonly id: string;
  readonly firstLine: number;
  readonly lines: readonly string[];
}

/** Of the places and checksums of a batch's records. */
export function hashOf({ scalars, objects }: Batch): string {
  const hash = createHash('sha256');
  for (let row = 0; row < scalars.count; row++) hash.update(`${scalars.offset[row]}:${scalars.checksum[row]};`);
  for (const { offset, checksum } of objects) hash.update(`${offset}:${checksum};`);
  return hash.digest('hex').slice(0, 16);
}

/** Returns how far planned lines came. `held`: all lines of the run; undefined if there is no such run. */
export function resolutionOf(handle: Handle, { id, firstLine, lines }: PlannedLines, held: readonly string[] | undefined): Resolution {
  if (handle !== id || held === undefined || held.length < firstLine) return { kind: 'unknown' };
  const there = held.slice(firstLine, firstLine + lines.length);
  if (there.some((line, i) => line !== lines[i])) return { kind: 'unknown' };
  if (there.length === lines.length) return { kind: 'accepted' };
  return there.length === 0 ? { kind: 'resend' } : { kind: 'from', line: firstLine + there.length };
}
