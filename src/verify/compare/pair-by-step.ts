import type { PointTable } from './point-table.ts';

/**
 * Pairs one missing and one extra point of a step as one changed point, for a tracker that does not know the origin
 * of its points.
 */
export function pairByStep(
  missing: readonly number[],
  extra: readonly number[],
  left: PointTable,
  right: PointTable,
  changed: (readonly [number, number])[],
): [missing: readonly number[], extra: readonly number[]] {
  const keyOf = (table: PointTable, row: number): string => `${table.slot[row]} ${table.stepAt(row)}`;
  const withoutPosition = new Map<string, number[]>();
  for (const row of extra) {
    if (right.fileAt(row) !== undefined) continue;
    const key = keyOf(right, row);
    withoutPosition.set(key, [...(withoutPosition.get(key) ?? []), row]);
  }
  if (withoutPosition.size === 0) return [missing, extra];
  const paired = new Set<number>();
  const alone = missing.filter((row) => {
    const other = withoutPosition.get(keyOf(left, row))?.shift();
    if (other === undefined) return true;
    paired.add(other);
    changed.push([row, other]);
    return false;
  });
  return [alone, extra.filter((row) => !paired.has(row))];
}
