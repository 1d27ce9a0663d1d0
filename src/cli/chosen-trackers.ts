import type { Config } from '../config/index.ts';
import type { LaneWarning, TrackerLaneOptions } from '../lanes/index.ts';

/** The trackers among some lanes, made. Loaded only where there are any: nobody else waits for their clients. */
export async function trackersOf(
  config: Config,
  env: NodeJS.ProcessEnv,
  wanted: readonly string[],
  warn: LaneWarning,
): Promise<TrackerLaneOptions[]> {
  if (wanted.every((name) => name === 'local')) return [];
  const { makeTrackerLanes } = await import('../lanes/index.ts');
  return makeTrackerLanes(config, env, wanted, warn);
}
