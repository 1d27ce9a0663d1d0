/** Selects the points of a series that are shown after restarts. Pure. */
import { compareNames } from '../model/index.ts';
import type { Shown } from './questions.ts';

/** A step, and the place of its record in the files of the run. */
export interface PlacedStep {
  readonly step: number | bigint;
  readonly file: string;
  readonly offset: number;
}

/**
 * Returns the points that are shown, in their order. Only the rule `python` asks for `starts`: the session starts of
 * the run after its first one, in the order of its files.
 */
export function shownPoints<Point extends PlacedStep>(
  points: readonly Point[],
  rule: Shown,
  starts: () => readonly PlacedStep[],
): readonly Point[] {
  switch (rule) {
    case 'all':
      return points;
    case 'tensorboard':
      return withoutOvertaken(points);
    case 'python':
      return withoutRestarted(points, starts());
    default:
      return rule satisfies never;
  }
}

/** Drops points at or after a step that is not newer: the remaining steps increase. */
export function withoutOvertaken<Point extends Pick<PlacedStep, 'step'>>(points: readonly Point[]): readonly Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    for (let last = kept.at(-1); last !== undefined && last.step >= point.step; last = kept.at(-1)) kept.pop();
    kept.push(point);
  }
  return kept;
}

/** Drops points before a session start that have its step or a later one. */
function withoutRestarted<Point extends PlacedStep>(points: readonly Point[], starts: readonly PlacedStep[]): readonly Point[] {
  let kept: Point[] = [];
  let next = 0;
  const restart = ({ step }: PlacedStep): void => {
    kept = kept.filter((point) => point.step < step);
  };
  for (const point of points) {
    for (let start = starts[next]; start !== undefined && isBefore(start, point); start = starts[next]) {
      restart(start);
      next++;
    }
    kept.push(point);
  }
  for (const start of starts.slice(next)) restart(start);
  return kept;
}

function isBefore(start: PlacedStep, point: PlacedStep): boolean {
  const order = compareNames(start.file, point.file);
  return order < 0 || (order === 0 && start.offset < point.offset);
}
