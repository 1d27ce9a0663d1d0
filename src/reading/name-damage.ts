/** Adds to damage why the system could not read the bytes, and since when an incomplete end is unchanged. */
import type { IncompleteBefore } from '../decode/index.ts';
import { type Damage, type FileState, type Gap, type IncompleteLook, isPending } from '../model/index.ts';
import type { UnreadableRange } from '../tail/index.ts';

/** The least time between two checks of an incomplete end, so that they count. */
const SEEN_MS = 2000;

/** Marks damage on bytes that the system could not read: the file's content is not at fault. */
export function nameUnreadable(damage: readonly Damage[], unreadable: readonly UnreadableRange[]): readonly Damage[] {
  if (unreadable.length === 0) return damage;
  const ranges = unreadable.toSorted((a, b) => a.start - b.start);
  // The furthest end among each range and those before it: the first one that reaches beyond a place is the first
  // that may contain it.
  const reaches: number[] = [];
  for (const { end } of ranges) reaches.push(Math.max(reaches.at(-1) ?? 0, end));
  return damage.map((item) => {
    const range = ranges[firstOver(reaches, item.start)];
    if (range === undefined || range.start >= item.end) return item;
    const { start, end, claim } = item;
    return { start, end, reason: 'unreadable', detail: range.error, ...(claim === undefined ? {} : { claim }) };
  });
}

/** Returns the index of the first of some rising numbers that is larger than `other`. */
function firstOver(numbers: readonly number[], other: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) <= other) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds a time to an incomplete end that may stay incomplete forever. `before`: the damage known before. */
export function dateIncomplete(damage: readonly Damage[], before: readonly Damage[], nowMs: number): readonly Damage[] {
  return damage.map((item) => {
    if (item.look?.isWhole !== true) return item;
    const known = before.find(({ start, reason }) => start === item.start && reason === 'torn');
    return { ...item, look: { ...item.look, sinceMs: known?.look?.sinceMs ?? nowMs } };
  });
}

/**
 * Decides if and when a file that holds only a beginning of what was read is compared with that: once, after it has
 * not changed for some time (`isWhole`). Until then it is most likely being overwritten, and each comparison would
 * cost at least as much as the last one.
 */
export function cutLook(
  { damage, stamp }: FileState,
  file: { readonly stamp: string; readonly size: number },
  { from, isSettled, nowMs }: { readonly from: number; readonly isSettled: boolean; readonly nowMs: number },
): { readonly look: IncompleteLook; readonly isNow: boolean } {
  const known = damage.find(({ reason }) => reason === 'cut')?.look;
  const before = stamp === file.stamp ? known : undefined;
  const sinceMs = before?.sinceMs ?? nowMs;
  // There is nothing to compare if the file holds nothing but what was read there.
  const isDone = from >= file.size || before?.isWhole === true;
  const isNow = !isDone && (isSettled || Math.abs(nowMs - sinceMs) >= SEEN_MS);
  return { look: { at: file.size, ...(isDone || isNow ? { isWhole: true } : { isWhole: false, sinceMs }) }, isNow };
}

/** True if damage stays when reading resumes from a watermark. */
export function isLasting(damage: Damage, watermark: number): boolean {
  return !isPending(damage) && damage.start < watermark;
}

/** Bytes of a file; `end` is exclusive. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** True if a range is in a gap. */
export function isWithin({ start, end }: Range, gap: Gap): boolean {
  return start >= gap.start && end <= gap.end;
}

/** Returns the part of a range from `from`. */
export function cutBefore<Some extends Range>(range: Some, from: number): Some[] {
  return from < range.end ? [{ ...range, start: Math.max(range.start, from) }] : [];
}

/** Returns the zeros that the file ended in when it was last read. */
export function zerosOf({ damage }: FileState): Range | undefined {
  const last = damage.at(-1);
  if (last?.reason === 'zeros') return last;
  return last?.zerosFrom === undefined ? undefined : { start: last.zerosFrom, end: last.end };
}

/** Returns the incomplete end of a file as it was seen before. */
export function incompleteOf({ damage }: FileState, nowMs: number): IncompleteBefore | undefined {
  for (const { start, look } of damage) {
    // A clock that was set back is no reason to wait.
    if (look !== undefined) return { start, look, isSeenBefore: look.sinceMs !== undefined && Math.abs(nowMs - look.sinceMs) >= SEEN_MS };
  }
  return undefined;
}
