import type { RunRef } from '../../model/index.ts';
import type { PointDifference } from './difference.ts';
import type { Matches } from './match-points.ts';
import type { PointTable } from './point-table.ts';

/** Yields the differences of two tables in report order: by row, and last those that only the right side has. */
export function* pointDifferences(
  run: RunRef,
  tags: readonly string[],
  left: PointTable,
  right: PointTable,
  { missing, extra, changed }: Matches,
): Generator<PointDifference, void, void> {
  const at = (table: PointTable, row: number): Pick<PointDifference, 'run' | 'tag' | 'step' | 'wallTime' | 'position'> => ({
    run,
    tag: tags[table.slot[row] as number] ?? '',
    step: table.stepAt(row),
    wallTime: table.wallTime[row] as number,
    position: table.positionAt(row),
  });
  for (const row of missing) yield { kind: 'missing', ...at(left, row), mine: left.valueAt(row), theirs: undefined };
  for (const [row, other] of changed) {
    const [here, there] = [at(left, row), at(right, other)];
    yield {
      kind: 'changed',
      ...here,
      mine: left.valueAt(row),
      theirs: right.valueAt(other),
      ...(there.step === here.step ? {} : { theirStep: there.step }),
      ...(Object.is(there.wallTime, here.wallTime) ? {} : { theirWallTime: there.wallTime }),
    };
  }
  for (const row of extra) yield { kind: 'extra', ...at(right, row), mine: undefined, theirs: right.valueAt(row) };
}
