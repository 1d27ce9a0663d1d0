import type { FileState, RunRef } from '../model/index.ts';
import type { RunMapping, RunTree } from '../route/index.ts';
import type { LaneNames } from './lane-names.ts';
import type { LaneRouting } from './lane-options.ts';

/** The target of a run in a lane. */
export interface RunTarget {
  /** The run whose tracker run the run goes into. */
  readonly target: RunRef;
  /** The prefix of its tags there. */
  readonly prefix: string;
  /**
   * The mapping from when its first part was sent: it stays, whatever the configuration contains now. Undefined:
   * nothing was sent.
   */
  readonly kept: RunMapping | undefined;
}

/** Returns the target of a run, without deciding anything. `files`: the lane's progress in them. */
export function runTarget(
  { fold }: Pick<LaneRouting, 'fold'>,
  tree: RunTree,
  names: LaneNames | undefined,
  run: RunRef,
  files: readonly FileState[],
): RunTarget {
  const { root } = run;
  const kept = files.some(({ position }) => position.watermark > 0) ? names?.mappingOf(run) : undefined;
  const { path, prefix } =
    kept === undefined
      ? fold.apply(run.path, { directoriesBelow: (below) => tree.directoriesBelow({ root, path: below }), isFirst: () => false })
      : { path: kept.target, prefix: kept.prefix };
  return { target: { root, path }, prefix, kept };
}
