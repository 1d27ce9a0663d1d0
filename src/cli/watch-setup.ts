import { existsSync } from 'node:fs';
import { type Config, linksOf, parseRoot, runEndedAfterOf } from '../config/index.ts';
import { type RootRequest, unseenRoots } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { closeLanes, makeTrackerLanes, type TrackerLaneOptions } from '../lanes/index.ts';
import { memoryOf, useMemory } from '../memory/index.ts';
import { checkRoots } from '../moves/index.ts';
import { setOwnUmask } from '../own-files/index.ts';
import type { Logger } from '../status/index.ts';
import type { WatchOptions } from '../sync/index.ts';
import type { CommandContext } from './context.ts';
import type { WatchFlags } from './watch-flags.ts';

/** A checked configuration, with everything that a watch needs for it. */
export interface WatchSetup {
  readonly config: Config;
  readonly roots: readonly RootRequest[];
  readonly trackers: readonly TrackerLaneOptions[];
}

/** The inputs of a setup. */
export interface SetupContext extends Pick<CommandContext, 'env'> {
  /** The roots of the command line. */
  readonly roots: readonly string[];
  readonly flags: WatchFlags;
  readonly log: Logger;
}

/** Returns the log directories of a watch: those of the command line, else those of the configuration. */
export function rootsOf(roots: readonly string[], config: Config): readonly RootRequest[] {
  const requests = roots.length > 0 ? roots.map((root) => parseRoot(root, existsSync)) : config.roots;
  if (requests.length > 0) return requests;
  throw new MirrorError('MB1001', 'nothing to watch: no log directory given', { command: 'mirrorboard watch LOGDIR' });
}

/**
 * Validates everything in a configuration that can be validated while a watch runs, and makes its lanes. Connects to
 * nothing.
 */
export async function setUp(config: Config, { roots, flags, env, log }: SetupContext): Promise<WatchSetup> {
  const requests = rootsOf(roots, config);
  checkRoots(requests, { store: config.lanes.local?.path, state: config.state.path }, await unseenRoots(requests, { isPatient: true }));
  const wishes = { remap: flags.remap === true, rebuild: flags.rebuild === true };
  const trackers =
    config.lanes.trackers.length === 0
      ? []
      : await makeTrackerLanes(config, env, undefined, (lane, message, facts) => log.warn({ lane, ...facts }, message), wishes);
  return { config, roots: requests, trackers };
}

/** Closes the lanes of a setup that is not used. */
export async function dropSetup({ trackers }: WatchSetup): Promise<void> {
  await closeLanes(trackers);
}

/** Returns the options of a watch from a setup. Sets those that belong to the whole process at once. */
export function optionsOf({ config, roots, trackers }: WatchSetup, { flags, log }: SetupContext): Omit<WatchOptions, 'signal'> {
  setOwnUmask(config.umask);
  useMemory({ limit: memoryOf(config.memory), trackers: config.lanes.trackers.length });
  return {
    roots,
    linksOf: linksOf(config),
    store: config.lanes.local,
    trackers,
    statePath: config.state.path,
    rules: config.rules,
    moved: config.moved,
    scanIntervalMs: config.scanIntervalMs,
    runEndedAfterOf: runEndedAfterOf(config),
    notify: flags.poll !== true,
    log,
  };
}
