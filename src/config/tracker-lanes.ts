import type { Environment } from '../environment.ts';
import { environmentName } from '../flag-names.ts';
import { type LayerAt, sectionsIn } from './choose.ts';
import type { SettingOrigin, TrackerLaneConfig } from './config.ts';
import { templateProblem } from './expand-template.ts';
import { GROUP_TEMPLATES, laneType } from './lane-types.ts';
import { typesIn } from './lanes-problems.ts';
import { addProblem, type FieldPath, fieldName, type LocatedProblem } from './problem.ts';
import type { Tags } from './tags.ts';

/** The inputs for making lanes, and the calls that note the origin of each value. */
export interface LaneMaking {
  readonly layers: readonly LayerAt[];
  readonly env: Environment;
  readonly project: string | undefined;
  /** Returns the location of a field of the file, as people write it. */
  readonly locationOf: (path: FieldPath) => string;
  readonly isHidden: (path: FieldPath) => boolean;
  readonly note: (field: string, source: 'file' | 'environment', location: string) => void;
  readonly problems: LocatedProblem[];
}

/** A value, and its location. */
interface Given<Value> {
  readonly value: Value;
  readonly location: string;
  readonly field: string;
}

/** The variables that are not a setting of a lane: those of flags, and some of the program. */
export const TAKEN: ReadonlySet<string> = new Set(
  [
    ...[
      'config',
      'profile',
      'store',
      'state',
      'memory',
      'links',
      'replaced',
      'shard',
      'logLevel',
      'logFormat',
      'include',
      'exclude',
      'json',
      'color',
      'quiet',
    ],
    ...[
      'dryRun',
      'strict',
      'jobs',
      'to',
      'restarts',
      'dataPort',
      'serveOnly',
      'printWrapper',
      'tensorboardPort',
      'patience',
      'remap',
      'rebuild',
      'poll',
      'page',
      'listen',
      'listenHost',
      'tokenFile',
      'withoutToken',
      'scanInterval',
      'runEndedAfter',
      'shutdownGrace',
      'watch',
    ],
    ...['metricsFile', 'lane', 'between', 'report', 'repair', 'sample', 'seed', 'from', 'acceptLosses', 'shards', 'maxLag'],
    ...['gone', 'inState', 'keepPoints', 'removeFrom'],
    ...['format', 'kind', 'out', 'root', 'safe', 'online', 'timeout', 'write', 'force', 'yes'],
    ...['media', 'logdir', 'port', 'portFile', 'errorFile', 'dieAfterStdin'],
    ...['project', 'lanes', 'backend', 'umask', 'grace', 'debug', 'self', 'installTimeout'],
  ].map(environmentName),
);

/** The variables of a cluster: it puts the addresses of its services into the environment of every container. */
export const SERVICE = /(^|_)(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_.*)?)$/;

/**
 * Returns a tracker's lane from all layers: a variable of ours wins over the profile, the profile over the top of the
 * file.
 */
export function makeTrackerLane(name: string, making: LaneMaking): TrackerLaneConfig {
  const { layers, note, locationOf, isHidden } = making;
  const section: Record<string, unknown> = {};
  const hidden = new Set<string>();
  const origins = new Map<string, SettingOrigin>();
  let tags: Record<string, string> = { ...sharedTags(making) };
  for (const { path, section: given } of layers.flatMap(sectionsIn).filter(({ lane }) => lane === name)) {
    for (const [key, value] of Object.entries(given)) {
      const location = locationOf([...path, key]);
      if (value === undefined) continue;
      if (key === 'tags') {
        tags = { ...tags, ...(value as Tags) };
        for (const tag of Object.keys(value as Tags)) note(`lanes.${name}.tags.${tag}`, 'file', locationOf([...path, key, tag]));
        continue;
      }
      section[key] = value;
      origins.set(key, { path: [...path, key], location, rank: path[0] === 'profiles' ? 1 : 0 });
      if (isHidden([...path, key])) hidden.add(key);
      else hidden.delete(key);
      note(`lanes.${name}.${key}`, 'file', location);
    }
  }
  for (const [key, { value, variable }] of variablesOf(name, making.env)) {
    note(`lanes.${name}.${key}`, 'environment', variable);
    if (key === 'tags') {
      const own = tagsOfText(value);
      const wrong = Object.keys(own).find((tag) => tag.startsWith('='));
      const found = JSON.stringify(wrong);
      if (wrong !== undefined)
        refuse(making, { location: variable, field: `lanes.${name}.tags` }, found, 'tags such as team=vision,nightly');
      tags = { ...tags, ...own };
      continue;
    }
    if (key === 'join' && /^[/~]/.test(value))
      refuse(making, { location: variable, field: `lanes.${name}.join` }, JSON.stringify(value), 'a path below the run');
    // A variable can set only the file of `join`; its other settings are in the configuration file.
    section[key] = key === 'join' ? [{ file: value }] : plainValue(value);
    origins.set(key, { path: ['lanes', name, key], location: variable, rank: 2 });
    hidden.delete(key);
  }
  const type = laneType(name, typeVariable(name, making.env)?.value ?? typesIn(layers).get(name)) ?? name;
  const { type: _, run_name: runName, experiment, join, ...rest } = section;
  const own = (key: string, value: unknown): Given<string> | undefined =>
    ['string', 'number', 'boolean'].includes(typeof value)
      ? {
          value: String(value),
          location: origins.get(key)?.location ?? '',
          field: fieldName(origins.get(key)?.path ?? ['lanes', name, key]),
        }
      : undefined;
  for (const key of GROUP_TEMPLATES[type] ?? []) checkedWord(own(key, section[key]), making);
  const group = own('experiment', experiment) ?? sharedTemplate('experiment', making);
  return {
    name,
    type,
    section: rest,
    origins: new Map([...origins].filter(([key]) => Object.hasOwn(rest, key))),
    hidden,
    tags,
    parent: checked(sharedTemplate('parent', making), making),
    joins: joinRules(join as Joins),
    runName: checked(own('run_name', runName) ?? sharedTemplate('name', making), making) ?? '{path}',
    group: checked(group, making) ?? (making.project === undefined ? undefined : '{project}'),
  };
}

/** Returns the tags of every lane: `shared_tags` is another word for `tags`, and Tracelet's `config` has them too. */
export function sharedTags({ layers, note, locationOf }: Pick<LaneMaking, 'layers' | 'note' | 'locationOf'>): Tags {
  let tags: Record<string, string> = {};
  for (const { path, layer } of layers) {
    const groups = [
      { at: [...path, 'config', 'shared_tags'], tags: layer.config?.shared_tags },
      { at: [...path, 'config', 'tags'], tags: layer.config?.tags },
      { at: [...path, 'shared_tags'], tags: layer.shared_tags },
      { at: [...path, 'tags'], tags: layer.tags },
    ];
    for (const { at, tags: more } of groups) {
      tags = { ...tags, ...more };
      for (const tag of Object.keys(more ?? {})) note(`tags.${tag}`, 'file', locationOf([...at, tag]));
    }
  }
  return tags;
}

type Joins = readonly { runs?: string[]; file?: string; key?: string; id?: string; wait?: number; prefix?: string }[] | undefined;

/** The time that a lane waits for a file with the id of a run, unless the configuration sets another. */
const WAIT_SECONDS = 60;

function joinRules(joins: Joins = []): TrackerLaneConfig['joins'] {
  return joins.map(({ wait = WAIT_SECONDS, ...rule }) => ({ ...rule, waitMs: wait * 1000 }));
}

/** Returns the templates of `runs`. */
export function sharedTemplates(making: LaneMaking): Record<'experiment' | 'name' | 'parent', string | undefined> {
  const of = (key: 'experiment' | 'name' | 'parent'): string | undefined => sharedTemplate(key, making)?.value;
  return { experiment: of('experiment'), name: of('name'), parent: of('parent') };
}

/** Returns one template of `runs`. */
function sharedTemplate(key: 'experiment' | 'name' | 'parent', { layers, locationOf, note }: LaneMaking): Given<string> | undefined {
  for (const { path, layer } of layers.toReversed()) {
    const value = layer.runs?.[key];
    if (value === undefined) continue;
    const location = locationOf([...path, 'runs', key]);
    note(`runs.${key}`, 'file', location);
    return { value, location, field: fieldName([...path, 'runs', key]) };
  }
  return undefined;
}

function checked(given: Given<string> | undefined, making: LaneMaking): string | undefined {
  if (given === undefined) return undefined;
  const problem = templateProblem(given.value, { hasProject: making.project !== undefined });
  if (problem !== undefined) refuse(making, given, problem.found, problem.expected);
  return given.value;
}

function refuse(
  { problems }: Pick<LaneMaking, 'problems'>,
  { location, field }: Pick<Given<unknown>, 'location' | 'field'>,
  found: string,
  expected: string,
): void {
  addProblem(problems, { code: 'MB1002', location, field, found, expected });
}

/**
 * Checks a template in a tracker's own setting. It skips the check that {project} is set: that shows only after the
 * type has read it.
 */
function checkedWord(given: Given<string> | undefined, making: LaneMaking): void {
  checked(given, { ...making, project: '' });
}

/**
 * Checks the templates of lanes and runs in layers that are not in use: those of other profiles, of lanes that are
 * not used. It skips the check that {project} is set: that shows only when they are in use.
 */
export function checkTemplates(making: LaneMaking): void {
  const loose = { ...making, project: '' };
  for (const key of ['experiment', 'name', 'parent'] as const) checked(sharedTemplate(key, loose), loose);
  for (const name of new Set(making.layers.flatMap(sectionsIn).map(({ lane }) => lane))) if (name !== 'local') makeTrackerLane(name, loose);
}

/** Returns a lane's name as a part of variables. */
export function laneWord(lane: string): string {
  return lane.replaceAll('-', '_').toUpperCase();
}

/** Returns the variable that sets the type of a lane. */
export function typeVariable(lane: string, env: Environment): { readonly value: string; readonly variable: string } | undefined {
  return variablesOf(lane, env).get('type');
}

/**
 * Returns the settings of a lane in the environment: `MIRRORBOARD_MLFLOW_TRACKING_URI`, or the same with `TRACELET_`.
 * Ignores empty ones.
 */
function variablesOf(lane: string, env: Environment): Map<string, { readonly value: string; readonly variable: string }> {
  const found = new Map<string, { readonly value: string; readonly variable: string }>();
  const word = laneWord(lane);
  for (const prefix of ['TRACELET', 'MIRRORBOARD']) {
    for (const variable of Object.keys(env)) {
      const value = env[variable];
      if (!variable.startsWith(`${prefix}_${word}_`) || value === undefined || value === '' || TAKEN.has(variable)) continue;
      const key = variable.slice(prefix.length + word.length + 2);
      if (key !== '' && !SERVICE.test(key)) found.set(key.toLowerCase(), { value, variable });
    }
  }
  return found;
}

/** Converts a variable's text as YAML would: words and whole numbers; any other text stays as it is. */
function plainValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}$/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** Parses the tags in a variable: `team=vision,nightly`. */
function tagsOfText(text: string): Tags {
  const items = text.split(',').map((item) => item.trim());
  return Object.fromEntries(
    items
      .filter((item) => item !== '')
      .map((item) => {
        const [, name = item, value = ''] = /^([^=]+)=(.*)$/.exec(item) ?? [];
        return [name.trim(), value.trim()];
      }),
  );
}
