/** Finds the runs of the first of two lanes that were not compared. */
import { ALL_RUNS, filterOf, type RunRules } from '../discover/index.ts';
import { keyOfRun } from '../model/index.ts';
import type { Obstacle, UncomparedRun } from './compare/index.ts';
import type { LaneSource } from './lane-source.ts';

/** Two lanes that are compared, and the keys of the runs that are. */
interface ComparedLanes {
  readonly source: Pick<LaneSource, 'roots' | 'runs' | 'points'>;
  readonly other: Pick<LaneSource, 'isMeant'>;
  readonly rules: RunRules | undefined;
  readonly compared: ReadonlySet<string>;
}

/**
 * Yields the runs that the first lane has in addition to those compared. Skips missing roots: they are reported
 * already.
 */
export function* uncomparedRuns(
  { source, other, rules = ALL_RUNS, compared }: ComparedLanes,
  obstacles: readonly Obstacle[],
): Generator<UncomparedRun, void, void> {
  for (const { name, path } of source.roots()) {
    if (obstacles.some(({ what }) => what === path)) continue;
    const filter = filterOf(rules, { name, path });
    for (const run of source.runs(name)) {
      const points = compared.has(keyOfRun(run)) ? 0 : source.points(run);
      if (points === 0) continue;
      const why = filter?.accepts(run.path) === false ? 'rules' : other.isMeant(run) ? 'elsewhere' : 'routes';
      yield { run, root: path, points, why };
    }
  }
}
