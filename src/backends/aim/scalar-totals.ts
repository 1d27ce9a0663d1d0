/** The metadata of a run about the points of a scalar sequence. */
import { EXACT_COLUMN, narrow, type ScalarPoint } from './cells.ts';
import { COLLAPSED_FIELD } from './sequences.ts';
import { childOf, type Key, type Tree } from './tree.ts';

/** The first and the last point, and the extremes. */
export interface ScalarTotals {
  first: number | undefined;
  firstStep: number | bigint | undefined;
  last: number | undefined;
  lastStep: number | bigint | undefined;
  min: number | undefined;
  max: number | undefined;
}

/** Reads the totals of a sequence from a run's metadata. */
export function totalsIn(fields: Tree | undefined): ScalarTotals {
  const plain = (key: string): number | undefined => {
    const value = numberIn(fields, key);
    return value === undefined ? undefined : Number(value);
  };
  return {
    first: plain('first'),
    firstStep: stepIn(fields, 'first_step'),
    last: plain('last'),
    lastStep: stepIn(fields, 'last_step'),
    min: plain('min'),
    max: plain('max'),
  };
}

/** Returns the number of points in the metadata that share a step with another one. */
export function collapsedIn(fields: Tree | undefined): number {
  return Number(numberIn(fields, COLLAPSED_FIELD) ?? 0);
}

/** Counts a point; counting the same point twice changes nothing. */
export function count(totals: ScalarTotals, point: ScalarPoint): void {
  const value = Number(point.value);
  totals.first ??= value;
  totals.firstStep ??= point.step;
  if (totals.lastStep === undefined || point.step >= totals.lastStep) {
    totals.lastStep = point.step;
    totals.last = value;
  }
  if (Number.isNaN(value)) return;
  if (totals.min === undefined || value < totals.min) totals.min = value;
  if (totals.max === undefined || value > totals.max) totals.max = value;
}

/** Recomputes the totals from all cells: a value that was replaced may have been an extreme. */
export function recount(totals: ScalarTotals, cells: ReadonlyMap<number, ScalarPoint>): void {
  const { first, firstStep, last, lastStep } = totals;
  Object.assign(totals, { last: undefined, lastStep: undefined, min: undefined, max: undefined });
  for (const cell of cells.values()) count(totals, cell);
  // A last step without a cell was named before its point, which is sent again: it is never taken back.
  if (lastStep !== undefined && !(Number(totals.lastStep) >= Number(lastStep))) Object.assign(totals, { last, lastStep });
  if (first !== undefined) totals.first = first;
  if (firstStep !== undefined) totals.firstStep = firstStep;
  const there = firstStep === undefined ? undefined : cells.get(Number(firstStep));
  if (there !== undefined) totals.first = Number(there.value);
}

/** Returns the fields of the metadata. */
export function fieldsOf(
  { first, firstStep, last, lastStep, min, max }: ScalarTotals,
  collapsed: number,
  hasExact: boolean,
): (readonly [Key, Tree])[] {
  const step = (value: number | bigint | undefined): Tree => (value === undefined ? null : BigInt(value));
  return [
    ['first', first ?? null],
    ['first_step', step(firstStep)],
    ['last', last ?? null],
    ['last_step', step(lastStep)],
    ['min', min ?? null],
    ['max', max ?? null],
    ...(collapsed > 0 ? [[COLLAPSED_FIELD, BigInt(collapsed)] as const] : []),
    ...(hasExact ? [[EXACT_COLUMN, true] as const] : []),
  ];
}

function numberIn(fields: Tree | undefined, key: string): number | bigint | undefined {
  const value = childOf(fields, key);
  if (typeof value === 'bigint') return narrow(value);
  return typeof value === 'number' ? value : undefined;
}

function stepIn(fields: Tree | undefined, key: string): number | bigint | undefined {
  const step = numberIn(fields, key);
  return typeof step === 'number' && !Number.isSafeInteger(step) ? undefined : step;
}
