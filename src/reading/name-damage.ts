/** Adds to damage why the system could not read the bytes, and since when an incomplete end has been seen as it is. */
import type { IncompleteBefore } from '../decode/index.ts';
import { type Damage, type FileState, type Gap, type IncompleteLook, isPending } from '../model/index.ts';
import type { UnreadableRange } from '../tail/index.ts';

/** So long must lie between two checks of an incomplete end before they count. */
const SEEN_MS = 2000;

/** Damage on bytes that the system could not read is no fault of the file's content. */
export function nameUnreadable(damage: readonly Damage[], unreadable: readonly UnreadableRange[]): readonly Damage[] {
  if (unreadable.length === 0) return damage;
  const ranges = unreadable.toSorted((a, b) => a.start - b.start);
  // How far each of them and those before it reach: the first that reaches behind a place is the first that may hold
  // it.
  const reaches: number[] = [];
  for (const { end } of ranges) reaches.push(Math.max(reaches.at(-1) ?? 0, end));
  return damage.map((item) => {
    const range = ranges[firstOver(reaches, item.start)];
    if (range === undefined || range.start >= item.end) return item;
    const { start, end, claim } = item;
    return { start, end, reason: 'unreadable', detail: range.error, ...(claim === undefined ? {} : { claim }) };
  });
}

/** The index of the first of some rising numbers that is larger than another one. */
function firstOver(numbers: readonly number[], other: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) <= other) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An incomplete end that may be one forever is dated; `before`: what was known of it. */
export function dateIncomplete(damage: readonly Damage[], before: readonly Damage[], nowMs: number): readonly Damage[] {
  return damage.map((item) => {
    if (item.look?.isWhole !== true) return item;
    const known = before.find(({ start, reason }) => start === item.start && reason === 'torn');
    return { ...item, look: { ...item.look, sinceMs: known?.look?.sinceMs ?? nowMs } };
  });
}

/**
 * Whether and when the end of a file that holds a beginning of what was read is compared with that: once, when it has
 * been as it is for a while (`isWhole`). Until then it is most likely being written over, and each look would cost as
 * much as the last one and more.
 */
export function cutLook(
  { damage, stamp }: FileState,
  file: { readonly stamp: string; readonly size: number },
  { from, isSettled, nowMs }: { readonly from: number; readonly isSettled: boolean; readonly nowMs: number },
): { readonly look: IncompleteLook; readonly isNow: boolean } {
  const known = damage.find(({ reason }) => reason === 'cut')?.look;
  const before = stamp === file.stamp ? known : undefined;
  const sinceMs = before?.sinceMs ?? nowMs;
  // Of a file that holds nothing but what was read there is nothing to be compared.
  const isDone = from >= file.size || before?.isWhole === true;
  const isNow = !isDone && (isSettled || Math.abs(nowMs - sinceMs) >= SEEN_MS);
  return { look: { at: file.size, ...(isDone || isNow ? { isWhole: true } : { isWhole: false, sinceMs }) }, isNow };
}

/** Damage that stays if the file is read on from a watermark. */
export function isLasting(damage: Damage, watermark: number): boolean {
  return !isPending(damage) && damage.start < watermark;
}

/** Bytes of a file; `end` is exclusive. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** Whether a range is in a gap. */
export function isWithin({ start, end }: Range, gap: Gap): boolean {
  return start >= gap.start && end <= gap.end;
}

/** What of a range lies at `from` and after it. */
export function cutBefore<Some extends Range>(range: Some, from: number): Some[] {
  return from < range.end ? [{ ...range, start: Math.max(range.start, from) }] : [];
}

/** The zeros that a file ended in when it was read last. */
export function zerosOf({ damage }: FileState): Range | undefined {
  const last = damage.at(-1);
  if (last?.reason === 'zeros') return last;
  return last?.zerosFrom === undefined ? undefined : { start: last.zerosFrom, end: last.end };
}

/** The incomplete end of a file as it was seen before. */
export function incompleteOf({ damage }: FileState, nowMs: number): IncompleteBefore | undefined {
  for (const { start, look } of damage) {
    // A clock that was set back is no reason to wait for it.
    if (look !== undefined) return { start, look, isSeenBefore: look.sinceMs !== undefined && Math.abs(nowMs - look.sinceMs) >= SEEN_MS };
  }
  return undefined;
}
