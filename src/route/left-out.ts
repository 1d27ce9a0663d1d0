import type { Gap } from '../model/index.ts';

/**
 * A byte range of a file of which only points were sent whose step is a multiple of `every`; 0: none. `end` is
 * exclusive.
 */
type Span = readonly [start: number, end: number, every: number];

/** The parts of a series that a lane did not get, and does not get now. */
export interface LeftOut {
  /** The part that is sent now: 1 every point, 0 none, else points whose step is a multiple. */
  readonly every: number;
  /** The offset since when, by file; from the beginning in other files. */
  readonly from?: Readonly<Record<string, number>>;
  /** The parts that were left out before that, by file. */
  readonly past?: Readonly<Record<string, readonly Span[]>>;
}

/** A file with a lane's progress in it. */
export interface ReadRanges {
  readonly name: string;
  readonly watermark: number;
  readonly gaps: readonly Gap[];
}

/** The changes for a series when the configuration includes more or less of it. */
interface Reconsidered {
  readonly left: LeftOut | undefined;
  /** The byte ranges, by file, that must be sent (again) for the newly included points. */
  readonly resend: readonly (readonly [file: string, start: number, end: number])[];
  /** The files with gaps that are no longer served for this series. */
  readonly forgone: readonly string[];
}

/**
 * Returns the part of a series that is sent at a place: 1 every point, 0 none, else points whose step is a multiple.
 */
export function everyAt(left: LeftOut | undefined, file: string, offset: number): number {
  if (left === undefined) return 1;
  for (const [start, end, every] of left.past?.[file] ?? []) if (start <= offset && offset < end) return every;
  return offset < (left.from?.[file] ?? 0) ? 1 : left.every;
}

/** True if a lane should now have points that it did not get before. */
export function isWidened(before: number, every: number): boolean {
  return every !== 0 && every !== before && (before === 0 || every % before !== 0);
}

/**
 * Returns the changes for a series of which `every` is now included. Points that were left out and are included now
 * become pending. Points that are no longer included are remembered, so that they can become pending later. Thinned
 * data is sent again only if the lane stores a point once that is sent twice.
 */
export function reconsider(
  tag: string,
  before: LeftOut | undefined,
  every: number,
  files: readonly ReadRanges[],
  canSendAgain: boolean,
): Reconsidered | undefined {
  if (every === (before?.every ?? 1)) return undefined;
  const past: Record<string, readonly Span[]> = {};
  const from: Record<string, number> = {};
  const resend: (readonly [string, number, number])[] = [];
  const forgone: string[] = [];
  for (const { name, watermark, gaps } of files) {
    from[name] = watermark;
    // Nothing in these gaps was sent yet: the rule that applies when they are sent decides.
    const pending = gaps.filter(({ tags }) => tags?.includes(tag) ?? true);
    if (every === 0 && pending.some(({ tags }) => tags !== undefined)) forgone.push(name);
    const now: Span[] = every === 1 ? [] : pending.map(({ start, end }) => [start, end, every]);
    const spans = [...(before?.past?.[name] ?? [])];
    if (before !== undefined && before.every !== 1) spans.push([before.from?.[name] ?? 0, watermark, before.every]);
    for (const [start, end, sent] of spans.flatMap((span) => without(span, pending))) {
      const isToResend = isWidened(sent, every) && (sent === 0 || canSendAgain);
      if (isToResend) resend.push([name, start, end]);
      if (!isToResend || every !== 1) now.push([start, end, isToResend ? every : sent]);
    }
    if (now.length > 0) past[name] = now.sort(([a], [b]) => a - b);
  }
  const isAny = Object.keys(past).length > 0;
  const left = every === 1 && !isAny ? undefined : { every, from, ...(isAny ? { past } : {}) };
  return { left, resend, forgone };
}

/** Returns the parts of a span outside of some gaps, which are in order. */
function without([start, end, every]: Span, gaps: readonly Gap[]): Span[] {
  const rest: Span[] = [];
  let at = start;
  for (const gap of gaps.toSorted((a, b) => a.start - b.start)) {
    if (gap.start > at && at < end) rest.push([at, Math.min(gap.start, end), every]);
    at = Math.max(at, gap.end);
  }
  if (at < end) rest.push([at, end, every]);
  return rest;
}
