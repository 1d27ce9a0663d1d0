import { keyOfRun, type RunRef } from './identity.ts';

/** The move of a run. */
export interface Going {
  readonly from: RunRef;
  readonly to: RunRef;
}

/**
 * Returns the moves whose target is free: nothing is there (`isFree`), or it moves away itself. So runs may exchange
 * places.
 */
export function withRoom<Item>(items: readonly Item[], goingOf: (item: Item) => Going, isFree: (item: Item) => boolean): readonly Item[] {
  const leaving = new Set(items.map((item) => keyOfRun(goingOf(item).from)));
  const left = items.filter((item) => isFree(item) || leaving.has(keyOfRun(goingOf(item).to)));
  return left.length === items.length ? items : withRoom(left, goingOf, isFree);
}
