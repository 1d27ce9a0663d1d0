/** The lanes of a configuration that lead to trackers, with their backends made. */

import { whoseRun } from '../backend-kit/identity/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import { closestName } from '../closest-name.ts';
import { type Config, expandTemplate, fillIn, replacedOf } from '../config/index.ts';
import type { Backend } from '../contract/index.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import { pluginOf, type RunRef } from '../model/index.ts';
import { type Random, systemRandom } from '../random.ts';
import { Fold, type LaneFacts, LaneRoute } from '../route/index.ts';
import { closeLanes } from './close-lanes.ts';
import type { LaneRouting, TrackerLaneOptions } from './lane-options.ts';
import { type ResolvedLane, resolveLanes } from './resolve-lanes.ts';
import { parentKey } from './run-source.ts';

/** A call that reports a fact about a lane to the operator. */
export type LaneWarning = (lane: string, message: string, facts: Readonly<Record<string, string | number>>) => void;

/** The options of making lanes: what a pass changes about their runs, and the time and chance of their backends. */
export interface MakeLanesOptions {
  /** True to mirror runs again that would now get another name, fold or place. Default false. */
  readonly remap?: boolean;
  /** True to mirror runs again whose tracker run no longer accepts data. Default false. */
  readonly rebuild?: boolean;
  /** The clock of the backends. Default: the system's. */
  readonly clock?: Clock;
  /** The random values of the backends. Default: the system's. */
  readonly random?: Random;
}

/**
 * Makes every tracker's lane, or only those of some names. Leaves out lanes that are switched off, and reports that;
 * if the caller names such a lane, that is an error. The caller closes the backends. Connects to nothing yet. Throws
 * MB1002 with every problem of their sections, MB4009 for a type that can't be loaded, MB4010 for a name that no lane
 * has.
 */
export async function makeTrackerLanes(
  config: Config,
  env: Environment,
  only: readonly string[] | undefined,
  warn: LaneWarning,
  wishes: MakeLanesOptions = {},
): Promise<TrackerLaneOptions[]> {
  const resolved = await resolveLanes(config, env);
  checkNames(config, only ?? []);
  const wanted = only === undefined ? resolved.filter((lane) => isOn(lane, warn)) : resolved.filter(({ name }) => only.includes(name));
  const made: { lane: ResolvedLane; backend: Backend }[] = [];
  try {
    for (const lane of wanted) made.push({ lane, backend: await makeBackend(lane, env, warn, wishes) });
  } catch (error) {
    await closeLanes(made.map(({ lane: { name }, backend }) => ({ name, backend })));
    throw error;
  }
  return made.map(({ lane, backend }) => {
    const { name, type, target } = lane;
    const warnLane = (message: string, facts: Readonly<Record<string, string | number>>): void => warn(name, message, facts);
    const routing = routingOf(config, lane, backend, wishes, warnLane);
    return { name, type: type.type, target, backend, namesOf: namesOf(lane, config.project), routing };
  });
}

function isOn({ name, type, settings }: ResolvedLane, warn: LaneWarning): boolean {
  if (type.isOff?.(settings) !== true) return true;
  warn(name, 'the settings switch this lane off: nothing is sent; it resumes when you switch it on again', {});
  return false;
}

function makeBackend(
  { name, type, settings }: ResolvedLane,
  env: Environment,
  warn: LaneWarning,
  { clock = systemClock, random = systemRandom }: MakeLanesOptions,
): Promise<Backend> {
  return type.create(settings, { lane: name, env, warn: (message, facts = {}) => warn(name, message, facts), whoseRun, clock, random });
}

/**
 * Returns the routing of a lane. The lane's rules need only the facts of that lane: the facts of other lanes decide
 * about the others.
 */
function routingOf(
  config: Config,
  { name, joins, parent }: ResolvedLane,
  backend: Backend,
  { remap = false, rebuild = false }: MakeLanesOptions,
  warn: LaneRouting['warn'],
): LaneRouting {
  const { routes, fold, params, artifacts, project, lanes } = config;
  const base = lanes.local === undefined ? (lanes.trackers[0]?.name ?? name) : 'local';
  const expand = (template: string, run: RunRef): string => expandTemplate(template, { ...run, project });
  return {
    route: new LaneRoute({
      rules: routes,
      lane: name,
      lanes: [factsOf(name, backend)],
      base,
      expand,
    }),
    fold: new Fold(fold),
    artifacts: { params: forLane(params, name), artifacts: forLane(artifacts, name) },
    joins,
    isNested: parent !== undefined,
    expand,
    isRemapping: remap,
    isRebuilding: rebuild,
    replacedOf: replacedOf(config),
    warn,
  };
}

function factsOf(name: string, backend: Backend): LaneFacts {
  const { holds, features = [] } = backend.describe();
  return { name, features, holds: (kind) => (holds[pluginOf(kind)] ?? holds['other'] ?? 'none') !== 'none' };
}

function forLane<Rule extends { readonly lanes?: readonly string[] }>(rules: readonly Rule[], lane: string): Rule[] {
  return rules.filter(({ lanes }) => lanes === undefined || lanes.includes(lane));
}

/** Checks names of lanes. Throws MB4010 for a name that no lane has. */
export function checkNames({ lanes }: Config, names: readonly string[]): void {
  const known = [...(lanes.local === undefined ? [] : ['local']), ...lanes.trackers.map(({ name }) => name)];
  for (const name of names) {
    if (known.includes(name)) continue;
    const guess = closestName(name, known);
    throw new MirrorError('MB4010', `no such lane: ${name}; the configuration lists ${known.join(', ')}`, {
      ...(guess === undefined ? {} : { hint: `Did you mean ${guess}?` }),
      context: { lane: name },
    });
  }
}

function namesOf({ runName, group, tags, parent }: ResolvedLane, project: string | undefined): TrackerLaneOptions['namesOf'] {
  return ({ root, path }, assignment) => {
    const run = { root, path, project, group: assignment?.group };
    const above = parent === undefined ? '' : fillIn(parent, run);
    const own = filledTags(tags, run);
    const ofAbove = above === '' ? {} : filledTags(tags, { root, path: above === root ? '.' : above, project, group: assignment?.group });
    // A tag that describes a run does not describe its parent: only equal tags are shared.
    const shared = Object.fromEntries(Object.entries(ofAbove).filter(([name, value]) => own[name] === value));
    return {
      name: expandTemplate(runName, run),
      group: group === undefined ? '' : expandTemplate(group, run),
      tags: {
        ...own,
        ...(assignment === undefined ? {} : { [assignment.tag]: assignment.group }),
      },
      ...(above === '' ? {} : { parent: { key: parentKey(root, above), name: above, tags: shared } }),
      ...(parent === undefined ? {} : { holderKey: parentKey(root, path === '.' ? root : path) }),
    };
  };
}

/**
 * Fills in templates of tags. Drops a tag whose result is empty, because it does not describe this run. Keeps a tag
 * that was written empty: it is a mark.
 */
function filledTags(tags: Readonly<Record<string, string>>, run: Parameters<typeof fillIn>[1]): Record<string, string> {
  const filled = Object.entries(tags).map(([name, value]) => [name, value, fillIn(value, run)] as const);
  return Object.fromEntries(filled.flatMap(([name, value, text]) => (text === '' && value !== '' ? [] : [[name, text]])));
}
