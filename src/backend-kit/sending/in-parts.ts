/** The steps of sending items together. */
export interface Parts<Item, Failure> {
  /**
   * Sends items together. Returns undefined if nothing is left to do with them. Throws if the failure is not about
   * their content.
   */
  readonly send: (items: readonly Item[]) => Promise<Failure | undefined>;
  /** Handles an item that the server refused on its own. */
  readonly alone: (item: Item, failure: Failure) => Promise<void> | void;
  /** Splits refused items. Default: in halves. */
  readonly partsOf?: (items: readonly Item[], failure: Failure) => readonly (readonly Item[])[];
}

/**
 * Sends items together, and in ever smaller parts if the server refuses them, so that a bad item affects only itself.
 */
export async function inParts<Item, Failure>(items: readonly Item[], parts: Parts<Item, Failure>): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  const failure = await parts.send(items);
  if (failure === undefined) return;
  if (items.length === 1) {
    await parts.alone(first, failure);
    return;
  }
  for (const part of parts.partsOf?.(items, failure) ?? halvesOf(items)) await inParts(part, parts);
}

/** Returns the first half of some items, and the rest. */
export function halvesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const half = items.length >> 1;
  return [items.slice(0, half), items.slice(half)];
}
