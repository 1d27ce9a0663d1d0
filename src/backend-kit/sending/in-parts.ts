/** How items are sent together, and what happens to one that is refused. */
export interface Parts<Item, Failure> {
  /** Sends items together. Undefined: nothing is left to do with them. Throws what is no matter of their content. */
  readonly send: (items: readonly Item[]) => Promise<Failure | undefined>;
  /** An item that is refused on its own. */
  readonly alone: (item: Item, failure: Failure) => Promise<void> | void;
  /** How refused items are parted. Default: in halves. */
  readonly partsOf?: (items: readonly Item[], failure: Failure) => readonly (readonly Item[])[];
}

/** Sends items together, and in ever smaller parts if they are refused, so that one costs nothing but itself. */
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

/** The first half of some items, and the rest. */
export function halvesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const half = items.length >> 1;
  return [items.slice(0, half), items.slice(half)];
}
