/** The lanes of a configuration that lead to trackers, with their backends made. */
import { type Config, expandTemplate } from './config/index.ts';
import { MirrorError } from './errors.ts';
import type { TrackerLaneOptions } from './lane-options.ts';
import { type ResolvedLane, resolveLanes } from './resolve-lanes.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reports what an operator should know of a lane. */
export type LaneWarning = (lane: string, message: string, facts: Readonly<Record<string, string | number>>) => void;

/** Every tracker's lane, or only those of some names. Whoever gets them closes their backends. */
export async function makeTrackerLanes(
  config: Config,
  env: Environment,
  only: readonly string[] | undefined,
  warn: LaneWarning,
): Promise<TrackerLaneOptions[]> {
  const resolved = await resolveLanes(config, env);
  const wanted = only === undefined ? resolved : resolved.filter(({ name }) => only.includes(name));
  checkNames(config, only ?? []);
  const lanes: TrackerLaneOptions[] = [];
  try {
    for (const lane of wanted) lanes.push(await makeLane(lane, config.project, env, warn));
  } catch (error) {
    for (const { backend } of lanes) await backend.close();
    throw error;
  }
  return lanes;
}

/** Throws MB4010 for a name that no lane has. */
export function checkNames({ lanes }: Config, names: readonly string[]): void {
  const known = [...(lanes.local === undefined ? [] : ['local']), ...lanes.trackers.map(({ name }) => name)];
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new MirrorError('MB4010', `there is no lane ${name}: the configuration lists ${known.join(', ')}`, { context: { lane: name } });
  }
}

async function makeLane(lane: ResolvedLane, project: string | undefined, env: Environment, warn: LaneWarning): Promise<TrackerLaneOptions> {
  const { name, type, target, settings, runName, group, tags } = lane;
  const backend = await type.create(settings, { lane: name, env, warn: (message, facts = {}) => warn(name, message, facts) });
  return {
    name,
    type: type.type,
    target,
    backend,
    namesOf: ({ root, path }) => {
      const run = { root, path, ...(project === undefined ? {} : { project }) };
      return { name: expandTemplate(runName, run), group: group === undefined ? '' : expandTemplate(group, run), tags };
    },
  };
}
