import type { FileState, RunRef } from '../model/index.ts';
import type { RunMapping, RunTree } from '../route/index.ts';
import type { LaneNames } from './lane-names.ts';
import type { LaneRouting } from './lane-options.ts';

/** Where a run goes in a lane, asked of who decides nothing. */
export interface RunTarget {
  /** The run whose tracker run it goes into. */
  readonly target: RunRef;
  /** Stands before its tags there. */
  readonly prefix: string;
  /**
   * What was decided when the first of it was sent: it holds, whatever the configuration says now. Undefined: nothing
   * was sent.
   */
  readonly kept: RunMapping | undefined;
}

/** `files`: how the lane is in them. */
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
