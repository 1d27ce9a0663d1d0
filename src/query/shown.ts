/** Selects the points of a series that are shown after restarts. Pure. */
import type { Shown } from './questions.ts';

/** A session start of a run, in the order of its files. */
export interface SessionStart {
  /** The file's index among those of the run. */
  readonly file: number;
  readonly offset: number;
  readonly step: number;
}

/** The places of the points of a series: the file's index among those of the run, and the record's offset. */
export interface Positions {
  readonly file: ArrayLike<number>;
  readonly offset: ArrayLike<number>;
}

/**
 * Returns the indexes of the points that are shown, in order. Only the rule `python` uses `positions` and `starts`
 * (those after the run's first one).
 */
export function shownPoints(
  steps: ArrayLike<number>,
  rule: Shown,
  positions: () => Positions,
  starts: () => readonly SessionStart[],
): Uint32Array {
  switch (rule) {
    case 'all':
      return Uint32Array.from(steps, (_, i) => i);
    case 'tensorboard':
      return withoutOvertaken(steps);
    case 'python':
      return withoutRestarted(steps, positions(), starts());
    default:
      return rule satisfies never;
  }
}

/** Drops points at or after a step that is not newer: the remaining steps increase. */
function withoutOvertaken(steps: ArrayLike<number>): Uint32Array {
  const kept = new Uint32Array(steps.length);
  let count = 0;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as number;
    while (count > 0 && (steps[kept[count - 1] as number] as number) >= step) count--;
    kept[count++] = i;
  }
  return kept.subarray(0, count);
}

/** Drops earlier points with a step at or after that of a session start. */
function withoutRestarted(steps: ArrayLike<number>, { file, offset }: Positions, starts: readonly SessionStart[]): Uint32Array {
  let kept: number[] = [];
  let next = 0;
  const restart = ({ step }: SessionStart): void => {
    kept = kept.filter((i) => (steps[i] as number) < step);
  };
  for (let i = 0; i < steps.length; i++) {
    for (let start = starts[next]; start !== undefined && isBefore(start, file[i] as number, offset[i] as number); start = starts[next]) {
      restart(start);
      next++;
    }
    kept.push(i);
  }
  for (const start of starts.slice(next)) restart(start);
  return Uint32Array.from(kept);
}

function isBefore(start: SessionStart, file: number, offset: number): boolean {
  return start.file < file || (start.file === file && start.offset < offset);
}
