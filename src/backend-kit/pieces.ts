/** Bounds of a piece. */
export interface PieceLimits {
  readonly bytes: number;
  /** Default: no bound. */
  readonly count?: number;
}

/**
 * Cuts items into pieces of bounded length and number, in their order. An item that is too long is a piece of its
 * own.
 */
export function piecesOf<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  { bytes: most, count = Infinity }: PieceLimits,
): (readonly Item[])[] {
  const pieces: (readonly Item[])[] = [];
  let from = 0;
  let bytes = 0;
  for (const [i, item] of items.entries()) {
    const length = bytesOf(item);
    if (i > from && (i - from >= count || bytes + length > most)) {
      pieces.push(items.slice(from, i));
      from = i;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < items.length) pieces.push(items.slice(from));
  return pieces;
}
