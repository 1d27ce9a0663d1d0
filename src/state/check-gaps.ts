import type { Gap } from '../model/index.ts';

/**
 * Returns what is wrong with the gaps of a position. Valid gaps are in order, before the watermark, and no data is
 * pending twice.
 */
export function checkGaps(gaps: readonly Gap[], watermark: number): string[] {
  const problems: string[] = [];
  // Of the gaps so far: the one that begins last and the one that ends last; and the one that ends last for each tag
  // and without tags.
  let latest: Gap | undefined;
  let furthest: Gap | undefined;
  const furthestOf = new Map<string | undefined, Gap>();
  for (const gap of gaps) {
    const { start, end } = gap;
    const name = `the gap from ${start} to ${end}`;
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end)) problems.push(`${name} is not a range`);
    if (end > watermark) problems.push(`${name} reaches beyond the watermark ${watermark}`);
    if (latest !== undefined && latest.start > start)
      problems.push(`${name} comes after the later one from ${latest.start} to ${latest.end}`);
    else {
      // Gaps of different tags may cover the same bytes.
      const rivals = gap.tags === undefined ? [furthest] : [undefined, ...gap.tags].map((tag) => furthestOf.get(tag));
      const rival = rivals.find((before) => before !== undefined && before.end > start);
      if (rival !== undefined) problems.push(`${name} overlaps the one from ${rival.start} to ${rival.end}`);
    }
    if (latest === undefined || start >= latest.start) latest = gap;
    if (furthest === undefined || end > furthest.end) furthest = gap;
    for (const tag of gap.tags ?? [undefined]) if (end > (furthestOf.get(tag)?.end ?? -1)) furthestOf.set(tag, gap);
  }
  return problems;
}
