/** A range of bytes; `end` is exclusive. */
interface Range {
  readonly start: number;
  readonly end: number;
}

interface Index<Some extends Range> {
  readonly length: number;
  readonly ranges: readonly Some[];
  /** For each range, the furthest end among it and the ranges before it. */
  readonly reaches: readonly number[];
}

/** One index for each list that was asked; a list may grow. */
const indices = new WeakMap<readonly Range[], Index<Range>>();

/**
 * Yields the ranges that contain a byte. Searches instead of checking each range: a damaged file may have as many
 * ranges as records.
 */
export function* rangesAt<Some extends Range>(list: readonly Some[], offset: number): Generator<Some, void, void> {
  if (list.length === 0) return;
  const { ranges, reaches } = indexOf(list);
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Some).start <= offset) low = middle + 1;
    else high = middle;
  }
  for (let i = low - 1; i >= 0 && (reaches[i] as number) > offset; i--) {
    const range = ranges[i] as Some;
    if (offset < range.end) yield range;
  }
}

function indexOf<Some extends Range>(list: readonly Some[]): Index<Some> {
  const known = indices.get(list) as Index<Some> | undefined;
  if (known?.length === list.length) return known;
  const ranges = list.toSorted((a, b) => a.start - b.start);
  const reaches: number[] = [];
  for (const { end } of ranges) reaches.push(Math.max(reaches.at(-1) ?? 0, end));
  const index = { length: list.length, ranges, reaches };
  indices.set(list, index);
  return index;
}
