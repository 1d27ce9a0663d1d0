import { closestName, suggestion } from '../closest-name.ts';
import { DURATION_WORDS, parseWait } from '../duration.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import { type CONFIGURATION_FLAGS, environmentName, flagName } from '../flag-names.ts';
import { emptyingProblem, globProblem } from '../pattern/index.ts';
import { REPLACED, type Replaced } from '../route/index.ts';
import { DEFAULT_LINKS, LINK_RULES } from '../untrusted/index.ts';
import { chosenLanes, chosenProfile, type LayerAt, layersOf, sectionsIn } from './choose.ts';
import { askedMemory } from './chosen-memory.ts';
import {
  type Config,
  type ConfiguredRunRules,
  defaultMediaPath,
  type Flags,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogLevel,
  type Moved,
  type Reload,
  type Root,
  type ValueSource,
} from './config.ts';
import type { FileSettings } from './file-schema.ts';
import { isLaneName, LANE_TYPES, laneType } from './lane-types.ts';
import { typesIn } from './lanes-problems.ts';
import { openFile } from './open-file.ts';
import { isUmask, parseUmask } from './parse-umask.ts';
import { type FieldPath, type LocatedProblem, problemsError } from './problem.ts';
import { makeRouting } from './routing.ts';
import { givenShard, withShard } from './shard.ts';
import { tagNotice, tagNotices } from './tag-notices.ts';
import { checkTemplates, type LaneMaking, makeTrackerLane, sharedTags, sharedTemplates, typeVariable } from './tracker-lanes.ts';
import { unknownVariables } from './unknown-variables.ts';
import { unusedSettings } from './unused-settings.ts';

/** The variables that choose the lanes in use. */
export const LANES_VARIABLES = ['MIRRORBOARD_LANES', 'MIRRORBOARD_BACKEND', 'TRACELET_BACKEND'] as const;
const DEFAULT_STORE = './mirrorboard.db';
const DEFAULT_STATE = './mirrorboard.state';
const DEFAULT_UMASK = '077';
const SCAN_INTERVAL_MS = 60_000;
const RUN_ENDED_AFTER_MS = 30 * 60_000;
/** The default of `shutdown_grace`: less than the 30 s after which Kubernetes kills by default. */
const SHUTDOWN_GRACE_MS = 25_000;
/** An older name of the variable of `shutdown_grace`. */
const OLD_GRACE = 'MIRRORBOARD_GRACE';

/** The inputs of a configuration. */
export interface Surroundings {
  readonly flags: Flags;
  readonly env: Environment;
  /** The working directory, in which the file is searched. */
  readonly cwd: string;
  /** Reads a text; fails with a system code (ENOENT). Default: from disk, as UTF-8. */
  readonly readFile?: (path: string) => Promise<string> | string;
  /** The level of the log. Default: `warn`, for a command that ends; services pass `info`. */
  readonly defaultLogLevel?: LogLevel;
}

interface Chosen<T> {
  readonly value: T;
  readonly source: ValueSource;
  /** The location of the value: a flag, a variable, a location in the file. */
  readonly location?: string;
}

/**
 * Loads the configuration of one command: a flag wins over the environment, the environment over the file, the file
 * over the default. Throws MB1002 with every problem of the file, MB1003 if it can't be read, MB1004 for variables
 * that it refers to and that are not set.
 */
export async function loadConfig(surroundings: Surroundings): Promise<Config> {
  const { flags, env } = surroundings;
  const named = given(surroundings, 'config');
  const asked = askedProfile(surroundings);
  const wanted = askedLanes(surroundings);
  const parsed = await openFile(surroundings, named?.value, { profile: asked?.value, lanes: wanted?.value });
  const settings = parsed?.settings;
  const file = parsed?.file;
  const sources = new Map<string, ValueSource>();
  const locations = new Map<string, string>();
  const hiddenLocations = new Set<string>();
  const note = <T>(field: string, { value, source, location }: Chosen<T>): T => {
    sources.set(field, source);
    if (location !== undefined) locations.set(field, location);
    else locations.delete(field);
    return value;
  };
  const locationOf = (path: FieldPath): string => {
    const { line, column } = parsed?.positionOf(path) ?? { line: 1, column: 1 };
    const location = `${file}:${line}:${column}`;
    if (parsed?.isHidden(path) === true) hiddenLocations.add(location);
    return location;
  };
  const inFile = <T>(value: T | undefined, path: FieldPath): Chosen<T> | undefined =>
    value === undefined ? undefined : { value, source: 'file', location: locationOf(path) };

  note('config', named ?? byDefault(file));
  const profile = chosenProfile(settings, asked?.value);
  const notices = [...(parsed?.notices ?? []), ...profileNotices(settings, asked, profile, file)];
  note('profile', profile === undefined || profile !== asked?.value ? byDefault(profile) : asked);
  const layers = layersOf(settings, profile);
  const lanes = chosenLanes(layers, wanted?.value);
  if (wanted !== undefined) checkAskedLanes(wanted, layers, env);
  note(
    'lanes',
    wanted ??
      (lanes.field === undefined ? byDefault(lanes.names) : { value: lanes.names, source: 'file', location: locationOf(lanes.field) }),
  );

  const project =
    variable(env, 'MIRRORBOARD_PROJECT', 'TRACELET_PROJECT') ??
    fromLayers(layers, (layer, path) => inFile(layer.project, [...path, 'project']));
  if (project !== undefined) note('project', project);

  // A media folder named in the file belongs to the file's store, not to another store that a flag names.
  const store = given(surroundings, 'store') ?? localSetting(layers, 'path', inFile) ?? byDefault(DEFAULT_STORE);
  const isFilesStore = store.source === 'file' || store.source === 'default';
  const media = (isFilesStore ? localSetting(layers, 'media_path', inFile) : undefined) ?? byDefault(defaultMediaPath(store.value));
  const local = { path: note('lanes.local.path', store), mediaPath: note('lanes.local.media_path', media) };

  const roots = note('roots', chosenRoots(flags, settings, locationOf));
  if (sources.get('roots') === 'file') for (const i of roots.keys()) note(`roots[${i}]`, inFile(true, ['roots', i]) ?? byDefault(true));

  checkGlobs(flags);
  const rules = rulesOf(flags, settings);
  for (const key of ['include', 'exclude'] as const) {
    const isGiven = (flags[key] ?? []).length > 0;
    note(
      key,
      isGiven ? { value: rules[key], source: 'flag', location: flagName(key) } : (inFile(settings?.[key], [key]) ?? byDefault(rules[key])),
    );
  }

  note('ignore', inFile(settings?.ignore, ['ignore']) ?? byDefault(rules.ignore));

  const problems: LocatedProblem[] = [];
  const making: LaneMaking = {
    layers,
    env,
    project: project?.value,
    locationOf,
    isHidden: (path) => parsed?.isHidden(path) === true,
    note: (field, source, location) => note(field, { value: undefined, source, location }),
    problems,
  };
  const tags = sharedTags(making);
  const runs = sharedTemplates(making);
  const trackers = lanes.names.filter((name) => name !== 'local').map((name) => makeTrackerLane(name, making));
  const chosen = new Set(notices);
  for (const { name, tags: own } of trackers) {
    const variable = locations.get(`lanes.${name}.tags`);
    if (variable === undefined) continue;
    for (const [tag, value] of Object.entries(own)) {
      if (locations.has(`lanes.${name}.tags.${tag}`) || locations.has(`tags.${tag}`)) continue;
      chosen.add(tagNotice(tag, value, () => variable) ?? '');
    }
  }
  const routing = makeRouting(making);
  const shard = given(surroundings, 'shard');
  note('shard', shard ?? byDefault(undefined));
  for (const name of new Set([undefined, ...Object.keys(settings?.profiles ?? {})])) {
    const other = { ...making, layers: layersOf(settings, name), note: () => undefined };
    for (const notice of tagNotices(other.layers, locationOf)) chosen.add(notice);
    checkTemplates(other);
    if (name !== profile) makeRouting({ ...other, project: '' });
  }
  if (problems.length > 0) throw problemsError(file ?? 'the environment', problems);

  const replaced =
    givenWord(surroundings, 'replaced', REPLACED) ?? inFile(settings?.replaced, ['replaced']) ?? byDefault<Replaced>('new_run');
  const links = givenWord(surroundings, 'links', LINK_RULES) ?? inFile(settings?.links, ['links']) ?? byDefault(DEFAULT_LINKS);
  const memory: Chosen<number | undefined> = askedMemory(flags.memory, env) ?? inFile(settings?.memory, ['memory']) ?? byDefault(undefined);
  const umask = umaskVariable(env) ?? inFile(settings?.umask, ['umask']) ?? byDefault(DEFAULT_UMASK);
  const grace = givenTime(surroundings, 'shutdownGrace', OLD_GRACE);
  const level = givenWord(surroundings, 'logLevel', LOG_LEVELS) ?? inFile(settings?.log?.level, ['log', 'level']);
  const format = givenWord(surroundings, 'logFormat', LOG_FORMATS) ?? inFile(settings?.log?.format, ['log', 'format']);
  const config: Config = {
    file,
    hasSettings: parsed?.isEmpty === false,
    profile,
    ...(project === undefined ? {} : { project: project.value }),
    roots,
    rules,
    moved: note('moved', inFile(settings?.moved, ['moved']) ?? byDefault<Moved>('follow')),
    links: note('links', links),
    reload: note('reload', inFile(settings?.reload, ['reload']) ?? byDefault<Reload>('file')),
    tags,
    runs,
    profiles: note('profiles', inFile(settings?.profiles && Object.keys(settings.profiles), ['profiles']) ?? byDefault([])),
    written: unusedSettings(settings, { profile, lanes: lanes.names, locationOf }),
    unusedLanes: [...new Set(layers.flatMap(sectionsIn).map(({ lane }) => lane))].filter((lane) => !lanes.names.includes(lane)),
    replaced: note('replaced', replaced),
    scanIntervalMs: note(
      'scan_interval',
      givenTime(surroundings, 'scanInterval') ?? inFile(settings?.scan_interval, ['scan_interval']) ?? byDefault(SCAN_INTERVAL_MS),
    ),
    runEndedAfterMs: note(
      'run_ended_after',
      givenTime(surroundings, 'runEndedAfter') ?? inFile(settings?.run_ended_after, ['run_ended_after']) ?? byDefault(RUN_ENDED_AFTER_MS),
    ),
    shutdownGraceMs: note('shutdown_grace', grace ?? inFile(settings?.shutdown_grace, ['shutdown_grace']) ?? byDefault(SHUTDOWN_GRACE_MS)),
    ...routing,
    lanes: { ...(lanes.names.includes('local') ? { local } : {}), trackers },
    store: local,
    state: { path: note('state', given(surroundings, 'state') ?? byDefault(DEFAULT_STATE)) },
    umask: parseUmask(note('umask', umask)),
    memory: note('memory', memory),
    log: {
      level: note('log.level', level ?? byDefault(surroundings.defaultLogLevel ?? 'warn')),
      format: note('log.format', format ?? byDefault(undefined)),
    },
    sources,
    locations,
    hiddenLocations,
    notices: [...chosen].filter((notice) => notice !== ''),
    unknownVariables: unknownVariables(env, lanesIn(settings, lanes.names), parsed?.variables),
  };
  if (shard === undefined) return config;
  const isFlag = shard.source === 'flag';
  return withShard(config, givenShard(shard.value, shard.location ?? 'shard', isFlag ? 'flag' : 'environment'));
}

/**
 * Returns the profile that was asked for: by the flag, by our variable, or by the variable that tells whole
 * environments apart.
 */
function askedProfile(surroundings: Surroundings): Chosen<string> | undefined {
  return given(surroundings, 'profile') ?? variable(surroundings.env, 'ENVIRONMENT');
}

/**
 * Returns a notice if ENVIRONMENT names a missing profile. If our own flag or variable names one, that is an error.
 */
function profileNotices(
  settings: FileSettings | undefined,
  asked: Chosen<string> | undefined,
  profile: string | undefined,
  file: string | undefined,
): string[] {
  if (asked === undefined || asked.value === profile) return [];
  const names = Object.keys(settings?.profiles ?? {});
  const there = names.length === 0 ? 'none are defined' : `known profiles: ${names.join(', ')}`;
  const known = `${file === undefined ? 'there is no configuration file' : there}`;
  const missing = `no such profile: ${JSON.stringify(asked.value)}`;
  if (asked.location !== 'ENVIRONMENT') {
    const location = asked.location ?? '';
    const guess = closestName(asked.value, names);
    throw new MirrorError('MB1030', `${location}: ${missing}; ${known}`, {
      hint: guess === undefined ? `Define it below profiles, or omit ${location}.` : `Did you mean ${guess}?`,
      context: { field: location, profile: asked.value },
    });
  }
  // ENVIRONMENT also serves other programs: without profiles, it is not about ours.
  if (names.length === 0) return [];
  const instead = profile === undefined ? 'using the settings outside of profiles' : `using the profile ${profile}`;
  return [`${missing} (${asked.location}); ${instead}; ${known}${suggestion(asked.value, names)}`];
}

/**
 * Returns the lanes that a flag or a variable asks for: a list with commas, or in brackets as in Tracelet's settings.
 */
function askedLanes({ flags, env }: Surroundings): Chosen<readonly string[]> | undefined {
  if (flags.lanes !== undefined && flags.lanes.length > 0) return { value: flags.lanes, source: 'flag', location: '--to' };
  const chosen = firstSet(env, LANES_VARIABLES);
  if (chosen === undefined) return undefined;
  const names = chosen.value
    .replace(/^\s*\[(.*)\]\s*$/s, '$1')
    .split(',')
    .map((name) => name.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .filter((name) => name !== '');
  return names.length === 0 ? undefined : { ...chosen, value: names };
}

function checkAskedLanes({ value: names, location = '' }: Chosen<readonly string[]>, layers: readonly LayerAt[], env: Environment): void {
  const types = typesIn(layers);
  const known = [...new Set([...LANE_TYPES, ...layers.flatMap(sectionsIn).map(({ lane }) => lane)])];
  for (const name of names) {
    const type = laneType(name, typeVariable(name, env)?.value ?? types.get(name));
    if (type !== undefined && isLaneName(name)) continue;
    throw new MirrorError('MB4010', `${location}: no such lane: ${JSON.stringify(name)}; known lanes: ${known.join(', ')}`, {
      hint: laneHint(name, known),
      context: { field: location, lane: name },
    });
  }
}

function laneHint(name: string, known: readonly string[]): string {
  const guess = closestName(name, known);
  return guess === undefined
    ? `Add the lane to the configuration, with its type (${LANE_TYPES.join(', ')} or a package).`
    : `Did you mean ${guess}?`;
}

function variable(env: Environment, ...names: readonly string[]): Chosen<string> | undefined {
  return firstSet(env, names);
}

/** Returns the first of some variables that is set; an empty one counts as unset. */
function firstSet(env: Environment, names: readonly string[]): Chosen<string> | undefined {
  for (const name of names) {
    const value = env[name];
    if (value !== undefined && value !== '') return { value, source: 'environment', location: name };
  }
  return undefined;
}

/** Returns every lane that appears anywhere: used or not, in any profile. */
function lanesIn(settings: FileSettings | undefined, used: readonly string[]): string[] {
  const layers = [undefined, ...Object.keys(settings?.profiles ?? {})].flatMap((profile) => layersOf(settings, profile));
  const listed = layers.flatMap(({ layer }) => [...(layer.backend ?? []), ...(layer.backends ?? [])]);
  return [...new Set([...used, ...listed, ...layers.flatMap(sectionsIn).map(({ lane }) => lane)])];
}

/** Returns the value of the strongest layer that has one. */
function fromLayers<T>(layers: readonly LayerAt[], pick: (layer: LayerAt['layer'], path: FieldPath) => T | undefined): T | undefined {
  for (const { layer, path } of layers.toReversed()) {
    const found = pick(layer, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function localSetting(
  layers: readonly LayerAt[],
  key: 'path' | 'media_path',
  inFile: (value: string | undefined, path: FieldPath) => Chosen<string> | undefined,
): Chosen<string> | undefined {
  const sections = layers.flatMap(sectionsIn).filter(({ lane }) => lane === 'local');
  for (const { path, section } of sections.toReversed()) {
    const value = section[key];
    if (typeof value === 'string') return inFile(value, [...path, key]);
  }
  return undefined;
}

/**
 * Returns the value of the command line or the environment. An empty variable counts as unset, as everywhere; an
 * empty flag is a mistake.
 */
function given({ flags, env }: Surroundings, name: Exclude<(typeof CONFIGURATION_FLAGS)[number], 'memory'>): Chosen<string> | undefined {
  const flag = flags[name];
  if (flag === '')
    throw new MirrorError('MB1001', `${flagName(name)}: found an empty text, expected a value`, { context: { flag: flagName(name) } });
  if (flag !== undefined) return { value: flag, source: 'flag', location: flagName(name) };
  return variable(env, environmentName(name));
}

function givenWord<Word extends string>(
  from: Surroundings,
  name: 'links' | 'replaced' | 'logLevel' | 'logFormat',
  words: readonly Word[],
): Chosen<Word> | undefined {
  const chosen = given(from, name);
  if (chosen === undefined) return undefined;
  const value = words.find((word) => word === chosen.value);
  if (value !== undefined) return { ...chosen, value };
  const [code, location] = chosen.source === 'flag' ? (['MB1001', flagName(name)] as const) : (['MB1002', environmentName(name)] as const);
  const found = JSON.stringify(chosen.value);
  throw new MirrorError(code, `${location}: found ${found}, expected one of ${words.join(', ')}${suggestion(chosen.value, words)}`, {
    context: { field: location, found: chosen.value, expected: words.join(', ') },
  });
}

function givenTime(
  from: Surroundings,
  name: 'scanInterval' | 'runEndedAfter' | 'shutdownGrace',
  olderName?: string,
): Chosen<number> | undefined {
  const chosen = given(from, name) ?? (olderName === undefined ? undefined : variable(from.env, olderName));
  if (chosen === undefined) return undefined;
  const value = parseWait(chosen.value);
  if (value !== undefined) return { ...chosen, value };
  const code = chosen.source === 'flag' ? 'MB1001' : 'MB1002';
  throw new MirrorError(code, `${chosen.location}: found ${JSON.stringify(chosen.value)}, expected ${DURATION_WORDS}`, {
    context: { field: chosen.location ?? name, found: chosen.value },
  });
}

function umaskVariable(env: Environment): Chosen<string> | undefined {
  const chosen = variable(env, 'MIRRORBOARD_UMASK');
  if (chosen === undefined || isUmask(chosen.value)) return chosen;
  const found = JSON.stringify(chosen.value);
  throw new MirrorError(
    'MB1002',
    `MIRRORBOARD_UMASK: found ${found}, expected octal digits that keep all permissions of the owner, such as 027`,
    {
      context: { field: 'MIRRORBOARD_UMASK', found: chosen.value },
    },
  );
}

function chosenRoots(flags: Flags, settings: FileSettings | undefined, locationOf: (path: FieldPath) => string): Chosen<readonly Root[]> {
  if (flags.roots !== undefined && flags.roots.length > 0) return { value: flags.roots, source: 'flag', location: 'the command line' };
  if (settings?.roots === undefined) return byDefault([]);
  const roots = settings.roots.map(rootOf);
  return { value: roots, source: 'file', location: locationOf(['roots']) };
}

/** Checks the globs of the command line; those of a file are checked with it. */
function checkGlobs(flags: Flags): void {
  for (const key of ['include', 'exclude'] as const) {
    const globs = flags[key] ?? [];
    for (const glob of globs) {
      if (glob === '') throw new MirrorError('MB1001', `${flagName(key)}: it is empty, expected a glob`);
      const wrong = globProblem(glob, 'path', globs.length > 1) ?? (key === 'exclude' ? emptyingProblem(glob) : undefined);
      if (wrong === undefined) continue;
      throw new MirrorError('MB1001', `${flagName(key)}: found ${JSON.stringify(glob)}, expected ${wrong.expected}`, {
        hint: wrong.hint,
        context: { flag: flagName(key), found: glob },
      });
    }
  }
}

/**
 * Returns the rules for runs. An include of the command line replaces all includes of the file, also those of single
 * roots; its excludes are added.
 */
function rulesOf({ include = [], exclude = [] }: Flags, settings: FileSettings | undefined): ConfiguredRunRules {
  const roots = (settings?.roots ?? []).map(rootOf);
  return {
    include: include.length > 0 ? include : (settings?.include ?? []),
    exclude: [...(settings?.exclude ?? []), ...exclude],
    ignore: settings?.ignore ?? [],
    roots: include.length === 0 ? roots : roots.map(({ include: _, ...root }) => root),
  };
}

function rootOf({
  path,
  name,
  links,
  replaced,
  run_ended_after: endedMs,
  include,
  exclude,
  ignore,
}: NonNullable<FileSettings['roots']>[number]): Root {
  return {
    path,
    ...(name === undefined ? {} : { name }),
    ...(links === undefined ? {} : { links }),
    ...(replaced === undefined ? {} : { replaced }),
    ...(endedMs === undefined ? {} : { runEndedAfterMs: endedMs }),
    ...(include === undefined ? {} : { include }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(ignore === undefined ? {} : { ignore }),
  };
}

function byDefault<T>(value: T): Chosen<T> {
  return { value, source: 'default' };
}
