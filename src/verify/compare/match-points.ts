import { byContent, type PointTable } from './point-table.ts';

/** The result of matching the points of two tables. */
export interface Matches {
  /** Rows of the files' table without a partner. */
  readonly missing: readonly number[];
  /** Rows of the lane's table without a partner. */
  readonly extra: readonly number[];
  /** Pairs at the same position with other contents. */
  readonly changed: readonly (readonly [mine: number, theirs: number])[];
}

/**
 * Compares two tables as multisets of contents. Points at the same position match first: if several have the same
 * content, the one left without a partner is then the one whose position is free. The lane's positions are believed
 * only there, because they may be what is wrong.
 */
export function matchPoints(mine: PointTable, theirs: PointTable): Matches {
  const isMatched = new Uint8Array(theirs.count);
  const byPosition = new Map<number, number>();
  for (let row = 0; row < theirs.count; row++) byPosition.set(theirs.positionKey(row), row);
  const atPositionOf = (row: number): number | undefined => {
    const other = byPosition.get(mine.positionKey(row));
    return other !== undefined && mine.hasSamePosition(row, theirs, other) ? other : undefined;
  };

  let alone: number[] = [];
  for (let row = 0; row < mine.count; row++) {
    const other = atPositionOf(row);
    if (other !== undefined && isMatched[other] === 0 && mine.hasSameContent(row, theirs, other)) isMatched[other] = 1;
    else alone.push(row);
  }

  const left = byContent(theirs, (row) => isMatched[row] === 0);
  alone = alone.filter((row) => {
    const rows = left.get(mine.contentKey(row));
    // Searches from the end: if contents are equal, nearly always the last one matches.
    const at = rows?.findLastIndex((other) => mine.hasSameContent(row, theirs, other)) ?? -1;
    if (rows === undefined || at < 0) return true;
    isMatched[rows[at] as number] = 1;
    rows.splice(at, 1);
    return false;
  });

  const changed: [number, number][] = [];
  const missing = alone.filter((row) => {
    const other = atPositionOf(row);
    if (other === undefined || isMatched[other] !== 0) return true;
    isMatched[other] = 1;
    changed.push([row, other]);
    return false;
  });
  const extra: number[] = [];
  for (let row = 0; row < theirs.count; row++) if (isMatched[row] === 0) extra.push(row);
  return { missing, extra, changed };
}
