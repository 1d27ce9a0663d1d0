import { type Damage, type DamageReason, type FileState, type Gap, gapBytes, isPending } from '../../model/index.ts';
import { rangesAt } from './ranges-at.ts';

/** The reason why points of a file are not compared. */
export type Unjudged =
  /** The file is gone, or the content that was mirrored is. */
  | 'gone'
  /** The file held the points before it was replaced. The tracker run has both the former and the present content. */
  | 'replaced'
  /** The file has other or fewer bytes now. The next pass reads it again. */
  | 'stale'
  /** The file cannot be opened or read. */
  | 'unreadable';

/** Every point could be judged. */
export const NONE_UNJUDGED: Readonly<Record<Unjudged, number>> = { gone: 0, replaced: 0, stale: 0, unreadable: 0 };

/** Bytes that were readable once and are not now; `end` is exclusive. */
export interface LostRange {
  readonly start: number;
  readonly end: number;
  readonly reason: DamageReason;
}

/** The facts known about one file of a run at the start, and those found while reading it. */
export interface FileFacts {
  readonly name: string;
  readonly watermark: number;
  readonly gaps: readonly Gap[];
  unjudged: Unjudged | undefined;
  /**
   * True if the file held other records before. A tracker may have points of them at positions that have other
   * records now. Default false.
   */
  readonly wasReplaced?: boolean;
  /** The reason, if the file cannot be read. */
  reason?: string;
  readonly lost: LostRange[];
  /** Bytes that could not be read when the file was mirrored. */
  readonly unreadable?: readonly Damage[];
  /** Damage found while mirroring, other than that of an unfinished file. */
  readonly damage?: readonly Damage[];
}

/** Bytes that only another file can bring, before and after the watermark. */
export interface DamagedBytes {
  readonly before: number;
  readonly behind: number;
}

/** No byte is damaged. */
export const NO_DAMAGE: DamagedBytes = { before: 0, behind: 0 };

/** Derives the facts from a file's state. */
export function factsOf({ name, generation, position, damage }: FileState): FileFacts {
  const unreadable = damage.filter(({ reason }) => reason === 'unreadable');
  const other = damage.filter((item) => item.reason !== 'unreadable' && !isPending(item));
  const wasReplaced = generation > 0;
  return {
    name,
    watermark: position.watermark,
    gaps: position.gaps,
    unjudged: undefined,
    wasReplaced,
    lost: [],
    unreadable,
    damage: other,
  };
}

/** Sums up the damaged part of pending or incomplete bytes. */
export function damagedBytes(files: Iterable<FileFacts>): DamagedBytes {
  let [before, behind] = [0, 0];
  for (const { watermark, gaps, damage = [], unjudged } of files) {
    if (unjudged !== undefined) continue;
    before += gapBytes(
      gaps.filter(({ reason }) => reason === 'damage'),
      watermark,
    );
    for (const { start, end } of damage) behind += Math.max(0, end - Math.max(start, watermark));
  }
  return { before, behind };
}

/** Returns the byte ranges before the watermark that are read: all except the gaps that are pending for all tags. */
export function rangesOf({ watermark, gaps }: Pick<FileFacts, 'watermark' | 'gaps'>): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let at = 0;
  const whole = gaps.filter(({ tags }) => tags === undefined).toSorted((a, b) => a.start - b.start);
  for (const { start, end } of whole) {
    if (start > at) ranges.push({ start: at, end: Math.min(start, watermark) });
    at = Math.max(at, end);
  }
  if (at < watermark) ranges.push({ start: at, end: watermark });
  return ranges;
}

/**
 * True if a point of the file is pending for the lane, or if the lane has its old form. Then neither side counts it.
 */
export function isPendingAt(facts: FileFacts, tag: string, offset: number): boolean {
  for (const { tags } of rangesAt(facts.gaps, offset)) if (tags?.includes(tag) ?? true) return true;
  return false;
}

/** Counts the bytes before the watermark that are pending for the lane. */
export function pendingBytes({ watermark, gaps }: FileFacts): number {
  return gapBytes(gaps, watermark);
}

/** True if a point that the lane has of this file can be judged by the file. */
export function isJudged(facts: FileFacts, tag: string, offset: number | undefined): boolean {
  if (offset === undefined) return true;
  for (const _ of rangesAt(facts.lost, offset)) return false;
  // The old form stays until the gap is served. Any other point that a lane has from pending bytes is extra.
  for (const { reason, tags } of rangesAt(facts.gaps, offset)) if (reason === 'reclassified' && (tags?.includes(tag) ?? true)) return false;
  return true;
}

/**
 * Counts the bytes after the watermarks of the files as they are now. A file that must be read again adds none: it is
 * pending as a whole.
 */
export function incompleteBytes(
  found: readonly { readonly name: string; readonly size: number }[],
  facts: ReadonlyMap<string, FileFacts>,
): number {
  let bytes = 0;
  for (const { name, size } of found) {
    const file = facts.get(name);
    if (file?.unjudged === undefined) bytes += Math.max(0, size - (file?.watermark ?? 0));
  }
  return bytes;
}
