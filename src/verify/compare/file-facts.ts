import { type Damage, type DamageReason, type FileState, type Gap, gapBytes, isPending } from '../../model/index.ts';
import { rangesAt } from './ranges-at.ts';

/** Why points of a file are not compared. */
export type Unjudged =
  /** The file is gone, or what was mirrored of it is not. */
  | 'gone'
  /** It held them before it was replaced: the tracker run has what it held, and what it holds. */
  | 'replaced'
  /** The file has other or fewer bytes now: the next pass reads it again. */
  | 'stale'
  /** It cannot be opened or read. */
  | 'unreadable';

/** Every point could be judged. */
export const NONE_UNJUDGED: Readonly<Record<Unjudged, number>> = { gone: 0, replaced: 0, stale: 0, unreadable: 0 };

/** Bytes that were read once and cannot be read now; `end` is exclusive. */
export interface LostRange {
  readonly start: number;
  readonly end: number;
  readonly reason: DamageReason;
}

/** What is known of one file of a run at the start, and what was found out while it was read. */
export interface FileFacts {
  readonly name: string;
  readonly watermark: number;
  readonly gaps: readonly Gap[];
  unjudged: Unjudged | undefined;
  /**
   * The file held other records before: a tracker may have points of them, at positions that have other records now.
   * Default false.
   */
  readonly wasReplaced?: boolean;
  /** Of a file that cannot be read. */
  reason?: string;
  readonly lost: LostRange[];
  /** Bytes that could not be read when the file was mirrored. */
  readonly unreadable?: readonly Damage[];
  /** Damage that was found when it was mirrored and is not that of an unfinished file. */
  readonly damage?: readonly Damage[];
}

/** Bytes that nothing but another file brings, before the watermark and after it. */
export interface DamagedBytes {
  readonly before: number;
  readonly behind: number;
}

/** No byte is damaged. */
export const NO_DAMAGE: DamagedBytes = { before: 0, behind: 0 };

/** What a file's state says of its bytes. */
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

/** The damaged part of pending or incomplete bytes. */
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

/** The byte ranges before the watermark that are read: all but the gaps that are pending whole. */
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

/** Whether a point of the file is pending for the lane, or the lane has its old form: neither side counts it. */
export function isPendingAt(facts: FileFacts, tag: string, offset: number): boolean {
  for (const { tags } of rangesAt(facts.gaps, offset)) if (tags?.includes(tag) ?? true) return true;
  return false;
}

/** Bytes before the watermark that are pending for the lane. */
export function pendingBytes({ watermark, gaps }: FileFacts): number {
  return gapBytes(gaps, watermark);
}

/** True if a point that the lane has of this file can be judged by the file. */
export function isJudged(facts: FileFacts, tag: string, offset: number | undefined): boolean {
  if (offset === undefined) return true;
  for (const _ of rangesAt(facts.lost, offset)) return false;
  // Its old form stays until the gap is served; what else a lane has of pending bytes is too much.
  for (const { reason, tags } of rangesAt(facts.gaps, offset)) if (reason === 'reclassified' && (tags?.includes(tag) ?? true)) return false;
  return true;
}

/**
 * Bytes behind the watermarks of files as they are now. Of a file that must be read again none are: it is pending
 * whole.
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
