import type { Config } from '../config/index.ts';
import type { LaneWarning, TrackerLaneOptions } from '../lanes/index.ts';

/**
 * Creates the trackers of the named lanes; of all lanes, without those that are switched off, if none is named.
 * Loaded only if there are any, so other commands do not wait for their clients.
 */
export async function trackersOf(
  config: Config,
  env: NodeJS.ProcessEnv,
  wanted: readonly string[] | 'all',
  warn: LaneWarning,
): Promise<TrackerLaneOptions[]> {
  const { trackers } = config.lanes;
  if (wanted === 'all' ? trackers.length === 0 : wanted.every((name) => name === 'local')) return [];
  const { makeTrackerLanes } = await import('../lanes/index.ts');
  return makeTrackerLanes(config, env, wanted === 'all' ? undefined : wanted, warn);
}
