/** Turns the trackers' lanes of a configuration into settings that their types have checked. */

import { closestName } from '../closest-name.ts';
import {
  type Config,
  constantOf,
  fieldName,
  isSecretName,
  type LocatedProblem,
  literalTemplate,
  problemsError,
  type TrackerLaneConfig,
  templateProblem,
  withoutUserInfo,
} from '../config/index.ts';
import type { BackendType, SettingProblem } from '../contract/index.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import { type BackendTypeLoader, backendType } from './backend-types.ts';
import { withValueFiles } from './file-variables.ts';

type Section = Readonly<Record<string, unknown>>;

/** The settings that every tracker's lane has, whatever its type. */
export const COMMON_SETTINGS: readonly string[] = ['type', 'run_name', 'experiment', 'tags', 'join'];

/** A tracker's lane, ready to be made: `type.create(settings, …)`. */
export interface ResolvedLane {
  readonly name: string;
  readonly type: BackendType;
  readonly settings: unknown;
  /** The target of the lane, without secrets. */
  readonly target: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The template of a tracker run's name, see `expandTemplate`. */
  readonly runName: string;
  /** The template of the experiment or project; undefined: the tracker's own default. */
  readonly group: string | undefined;
  /** The template of the parent run. */
  readonly parent: string | undefined;
  /** The rules that find the tracker's own id of a run that another program opened. */
  readonly joins: TrackerLaneConfig['joins'];
  /** Each setting as it may be shown, and its source: a variable's name, a location in the file, `default`. */
  readonly shown: readonly ShownSetting[];
}

/** A setting as it may be shown. */
interface ShownSetting {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

/** The options of `resolveLanes`. */
interface ResolveOptions {
  /** The folder in which packages are searched. Default: the working directory. */
  readonly cwd?: string;
  /** The loader of backend types. Default: `backendType`. */
  readonly load?: BackendTypeLoader;
}

/** The experiment or project, and its origin. */
interface Group {
  /** The setting that has it, and the setting's name there. */
  readonly key: string;
  readonly name: string;
  readonly template: string;
  readonly location: string | undefined;
  /** True if one of the tracker's own variables sets it: the type takes it from there. */
  readonly isTheirs: boolean;
}

/** Checks every tracker's lane by its type. Throws one error for all problems. */
export async function resolveLanes(config: Config, env: Environment, options: ResolveOptions = {}): Promise<readonly ResolvedLane[]> {
  const locations = { cwd: options.cwd ?? process.cwd(), configFile: config.file };
  const load = options.load ?? backendType;
  const problems: LocatedProblem[] = [];
  const resolved: ResolvedLane[] = [];
  for (const lane of config.lanes.trackers) {
    const type = await load(lane.type, locations).catch((error: unknown) => {
      throw locatedAt(config.locations.get(`lanes.${lane.name}.type`), error);
    });
    const isAlone = config.lanes.trackers.every((other) => other === lane || other.type !== lane.type);
    const filled = withValueFiles(lane, type);
    for (const problem of filled.problems) problems.push(problem);
    if (filled.problems.length > 0) continue;
    const result = new LaneResolver(filled.lane, type, config, isAlone).resolve(env);
    if (Array.isArray(result)) for (const problem of result) problems.push(problem);
    else resolved.push(result);
  }
  for (const [i, lane] of resolved.entries()) {
    const twin = resolved.slice(0, i).find((other) => other.type.type === lane.type.type && other.target === lane.target);
    if (twin !== undefined) problems.push(sameTarget(lane, twin, config));
  }
  if (problems.length > 0) throw problemsError(config.file ?? 'the configuration', problems);
  return resolved;
}

/** Adds the location of a lane's type to an error about that type. */
function locatedAt(location: string | undefined, error: unknown): unknown {
  if (!(error instanceof MirrorError) || location === undefined) return error;
  const { code, message, hint, cause, context } = error;
  return new MirrorError(code, `${location}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
    context: { ...context, place: location },
  });
}

function sameTarget(lane: ResolvedLane, twin: ResolvedLane, { locations, lanes }: Config): LocatedProblem {
  const given = lanes.trackers
    .find(({ name }) => name === lane.name)
    ?.origins.values()
    .next().value;
  return {
    code: 'MB1002',
    location: given?.location ?? locations.get('lanes'),
    field: `lanes.${lane.name}`,
    found: `${lane.target}, which is also the target of the lane ${twin.name}`,
    expected: 'a different target: otherwise mirrorboard mirrors every run there twice',
  };
}

/** The resolver of one lane, through its type. */
class LaneResolver {
  readonly #lane: TrackerLaneConfig;
  readonly #type: BackendType;
  readonly #config: Config;
  readonly #isAlone: boolean;

  /** `isAlone`: no other lane has this type, so the tracker's own variables can only mean this one. */
  constructor(lane: TrackerLaneConfig, type: BackendType, config: Config, isAlone: boolean) {
    this.#lane = lane;
    this.#type = type;
    this.#config = config;
    this.#isAlone = isAlone;
  }

  resolve(env: Environment): ResolvedLane | LocatedProblem[] {
    const lane = this.#lane;
    const given = this.#strongest(lane.section);
    const own = this.#ownEnvironment(given, env);
    const group = this.#group(given, own);
    const wrong = group === undefined ? undefined : templateProblem(group.template, { hasProject: this.#config.project !== undefined });
    if (group !== undefined && wrong !== undefined) return [{ code: 'MB1002', ...this.#where([group.name]), ...wrong }];
    const parsed = this.#type.parse(this.#filled(given, group), own);
    if (parsed.kind === 'problems') return parsed.problems.map((problem) => this.#located(problem));
    const shown = parsed.shown.map((setting) => this.#shown(setting, group, given));
    // The type does not get a template that differs from run to run; for a person it is a setting nevertheless.
    if (group?.key === this.#type.groupKeys?.[0] && group !== undefined && !shown.some(({ key }) => key === group.key)) {
      shown.push({ key: group.key, value: group.template, source: group.location ?? 'default' });
    }
    const byDefault = parsed.shown.find(({ key }) => key === this.#type.groupKeys?.[0])?.value;
    return {
      name: lane.name,
      type: this.#type,
      settings: parsed.settings,
      target: withoutUserInfo(this.#type.target(parsed.settings)),
      tags: lane.tags,
      runName: lane.runName,
      parent: lane.parent,
      joins: lane.joins,
      group: group?.template ?? (typeof byDefault === 'string' && byDefault !== '' ? literalTemplate(byDefault) : undefined),
      shown,
    };
  }

  /** Returns a setting's names, its own first. */
  #names(key: string): readonly string[] {
    return [key, ...(this.#type.fields?.[key]?.aliases ?? [])];
  }

  /** Returns the name under which a section has a setting. */
  #nameIn(section: Section, key: string): string | undefined {
    return this.#names(key).find((name) => (section[name] ?? undefined) !== undefined);
  }

  /** Returns the tracker's own variable that sets a setting. */
  #variableOf(key: string, env: Environment): string | undefined {
    return this.#type.fields?.[key]?.env?.find((name) => (env[name] ?? '') !== '');
  }

  /**
   * Returns the template for the experiment or project: the lane's own in the tracker's words, else the one for all
   * lanes.
   */
  #group(section: Section, env: Environment): Group | undefined {
    const lane = this.#lane;
    const keys = this.#type.groupKeys ?? [];
    const [key] = keys;
    if (key !== undefined) {
      const variable = this.#variableOf(key, env);
      if (variable !== undefined) {
        return { key, name: key, template: literalTemplate(String(env[variable])), location: variable, isTheirs: true };
      }
      const name = this.#nameIn(section, key);
      const value = name === undefined ? undefined : section[name];
      if (name !== undefined && (typeof value === 'string' || typeof value === 'number')) {
        return { key, name, template: String(value), location: lane.origins.get(name)?.location, isTheirs: false };
      }
    }
    const isGiven = keys.some((one) => this.#variableOf(one, env) !== undefined || this.#nameIn(section, one) !== undefined);
    if (isGiven || lane.group === undefined) return undefined;
    const name = key ?? 'experiment';
    return { key: name, name, template: lane.group, location: this.#groupLocation(), isTheirs: false };
  }

  /** Returns the section with the experiment if it is the same for all runs, and without it otherwise. */
  #filled(section: Section, group: Group | undefined): Section {
    const key = this.#type.groupKeys?.[0];
    if (key === undefined || group === undefined || group.isTheirs) return section;
    const constant = constantOf(group.template, this.#config.project);
    if (constant !== undefined) return { ...section, [group.name]: constant };
    return this.#names(key).reduce(without, section);
  }

  /**
   * Returns the environment without the tracker's variables that something else overrides. A variable of ours always
   * overrides them. The file does if several lanes have this type, because one variable cannot apply to all of them.
   */
  #ownEnvironment(section: Section, env: Environment): Environment {
    const weaker = Object.entries(this.#type.fields ?? {}).flatMap(([key, { excludes = [] }]) => {
      const name = this.#nameIn(section, key);
      const isStronger = name !== undefined && (!this.#isAlone || this.#lane.origins.get(name)?.rank === 2);
      return isStronger ? [key, ...excludes].flatMap((one) => this.#type.fields?.[one]?.env ?? []) : [];
    });
    return weaker.length === 0 ? env : { ...env, ...Object.fromEntries(weaker.map((name) => [name, undefined])) };
  }

  /**
   * Leaves out settings that a stronger layer sets under another name (`backend_url` and `tracking_uri`), or in
   * another way.
   */
  #strongest(section: Section): Section {
    const rank = (name: string): number => this.#lane.origins.get(name)?.rank ?? 0;
    const fields = Object.entries(this.#type.fields ?? {});
    const weaker = fields.flatMap(([key, { excludes = [] }]) => {
      const same = [key, ...excludes].flatMap((one) => this.#names(one)).filter((name) => Object.hasOwn(section, name));
      return same.filter((name) => same.some((other) => rank(other) > rank(name)));
    });
    return weaker.reduce(without, section);
  }

  #located(problem: SettingProblem): LocatedProblem {
    const { path, found, expected, hint = this.#commonHint(problem), isLocal } = problem;
    const isHidden = path.some((part) => typeof part === 'string' && (isSecretName(part) || this.#lane.hidden.has(part)));
    return {
      code: 'MB1002',
      ...this.#where(path),
      found: isHidden && found !== 'nothing' ? 'a hidden value' : withoutUserInfo(found),
      expected,
      ...(hint === undefined ? {} : { hint }),
      ...(isLocal === true ? { isLocal } : {}),
    };
  }

  /** Returns a hint if an unknown key resembles a setting of every lane: the type does not know those. */
  #commonHint({ path: [key], found }: SettingProblem): string | undefined {
    const isUnknown = typeof key === 'string' && found === `the key ${JSON.stringify(key)}`;
    const near = isUnknown ? closestName(key, COMMON_SETTINGS) : undefined;
    return near === undefined ? undefined : `Did you mean ${near}?`;
  }

  #where(path: readonly (string | number)[]): { readonly location: string | undefined; readonly field: string } {
    const [key, ...below] = path;
    const given = this.#lane.origins.get(String(key));
    return {
      location: given?.location,
      field: fieldName(given === undefined ? ['lanes', this.#lane.name, ...path] : [...given.path, ...below]),
    };
  }

  #shown({ key, value, source }: ShownSetting, group: Group | undefined, section: Section): ShownSetting {
    const { origins, hidden } = this.#lane;
    const isFilled = key === group?.key && !group.isTheirs && !origins.has(group.name);
    const name = source === 'file' && !isFilled ? (this.#nameIn(section, key) ?? key) : undefined;
    const isHidden = isSecretName(key) || (name !== undefined && hidden.has(name));
    const location = isFilled ? group.location : name === undefined ? undefined : origins.get(name)?.location;
    return {
      key,
      value: isHidden ? '[redacted]' : typeof value === 'string' ? withoutUserInfo(value) : value,
      source: source === 'file' ? (location ?? this.#config.file ?? 'file') : source,
    };
  }

  /** Returns the location of the experiment that all lanes share. */
  #groupLocation(): string | undefined {
    const { locations } = this.#config;
    return locations.get(`lanes.${this.#lane.name}.experiment`) ?? locations.get('runs.experiment') ?? locations.get('project');
  }
}

function without(section: Section, key: string): Section {
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== key));
}
