import type { Gap } from '../model/index.ts';

/** What is wrong with the gaps of a position: they are in order, before the watermark, and owe nothing twice. */
export function checkGaps(gaps: readonly Gap[], watermark: number): string[] {
  const problems: string[] = [];
  for (const [i, gap] of gaps.entries()) {
    const { start, end } = gap;
    const name = `the gap from ${start} to ${end}`;
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end)) problems.push(`${name} is no range`);
    if (end > watermark) problems.push(`${name} reaches beyond the watermark ${watermark}`);
    for (const before of gaps.slice(0, i)) {
      if (before.start > start) problems.push(`${name} stands behind the later one from ${before.start} to ${before.end}`);
      else if (before.end > start && sharesTags(before, gap))
        problems.push(`${name} overlaps the one from ${before.start} to ${before.end}`);
    }
  }
  return problems;
}

/** Gaps of different tags may lie over the same bytes. */
function sharesTags(a: Gap, b: Gap): boolean {
  const { tags } = a;
  return tags === undefined || b.tags === undefined || b.tags.some((tag) => tags.includes(tag));
}
