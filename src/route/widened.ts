import type { LeftOut } from './rule.ts';

/** Whether a lane is to have points now that it did not get before. `every`: 0 for none, 1 for all, else multiples of so many steps. */
export function isWidened({ every: before }: LeftOut, every: number): boolean {
  if (every === 0 || every === before) return false;
  return before === 0 || every % before !== 0;
}
