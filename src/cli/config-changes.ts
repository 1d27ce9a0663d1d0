import type { Config, TrackerLaneConfig } from '../config/index.ts';

/** The difference between two configurations, by the names of settings. */
export interface ConfigChanges {
  /** All settings that differ. */
  readonly changed: readonly string[];
  /** The differing settings that only a restart changes. */
  readonly needsRestart: readonly string[];
  /** True if lanes and roots must start again. */
  readonly isForSync: boolean;
}

/** The settings that need a restart: the logger has one form for the life of the process. */
const NEEDS_RESTART = ['log.format'];
/** The settings that take effect without a new round. */
const AT_ONCE = ['log.level', 'shutdown_grace', 'reload', 'umask'];

/** Compares two configurations. */
export function changesBetween(before: Config, after: Config): ConfigChanges {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])];
  const changed = names.filter((name) => old.get(name) !== now.get(name));
  return {
    changed,
    needsRestart: changed.filter((name) => NEEDS_RESTART.includes(name)),
    isForSync: changed.some((name) => !NEEDS_RESTART.includes(name) && !AT_ONCE.includes(name)),
  };
}

/** Returns each setting as a text that is only for comparison: it may contain secrets. */
function settingsOf(config: Config): ReadonlyMap<string, string> {
  const { rules, lanes, runs, fold, log } = config;
  const own: Readonly<Record<string, unknown>> = {
    project: config.project,
    profile: config.profile,
    roots: [config.roots, rules.roots],
    include: rules.include,
    exclude: rules.exclude,
    ignore: rules.ignore,
    moved: config.moved,
    links: config.links,
    replaced: config.replaced,
    scan_interval: config.scanIntervalMs,
    run_ended_after: config.runEndedAfterMs,
    shutdown_grace: config.shutdownGraceMs,
    reload: config.reload,
    tags: config.tags,
    runs: [runs, fold],
    routes: config.routes,
    params: config.params,
    artifacts: config.artifacts,
    umask: config.umask,
    memory: config.memory,
    'log.level': log.level,
    'log.format': log.format,
    ...(lanes.local === undefined ? {} : { 'lanes.local': lanes.local }),
    ...Object.fromEntries(lanes.trackers.map((lane) => [`lanes.${lane.name}`, laneOf(lane)])),
  };
  return new Map(Object.entries(own).map(([name, value]) => [name, JSON.stringify(value) ?? '']));
}

function laneOf({ type, section, tags, runName, parent, joins, group }: TrackerLaneConfig): unknown {
  return { type, section, tags, runName, parent, joins, group };
}
