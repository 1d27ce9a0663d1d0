/** Turns the trackers' lanes of a configuration into settings that their types have checked. */

import { closestName } from '../closest-name.ts';
import {
  type Config,
  constantOf,
  fieldName,
  isSecretName,
  literalTemplate,
  type PlacedProblem,
  problemsError,
  type TrackerLaneConfig,
  templateProblem,
  withoutUserInfo,
} from '../config/index.ts';
import type { BackendType, ParsedSettings, SettingProblem } from '../contract/index.ts';
import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import { type BackendTypeLoader, backendType } from './backend-types.ts';

type Section = Readonly<Record<string, unknown>>;

/** What every tracker's lane can say, whatever its type. */
const COMMON_SETTINGS = ['type', 'run_name', 'experiment', 'tags', 'join'];

/** A tracker's lane, ready to be made: `type.create(settings, …)`. */
export interface ResolvedLane {
  readonly name: string;
  readonly type: BackendType;
  readonly settings: unknown;
  /** Where it leads, without secrets. */
  readonly target: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Templates, see `expandTemplate`: of a tracker run's name, and of its experiment or project. */
  readonly runName: string;
  /** Undefined: the tracker's own default. */
  readonly group: string | undefined;
  /** A template of the run above it. */
  readonly parent: string | undefined;
  /** Where the tracker's own id of a run is found that something else opened. */
  readonly joins: TrackerLaneConfig['joins'];
  /** Each setting as it may be shown, and where it was said: a variable's name, a place in the file, `default`. */
  readonly shown: readonly ShownSetting[];
}

export interface ShownSetting {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

export interface ResolveOptions {
  /** Where packages are looked for. Default: the working directory. */
  readonly cwd?: string;
  /** Default: `backendType`. */
  readonly load?: BackendTypeLoader;
}

/** Which experiment or project is meant, and who says so. */
interface Group {
  /** The setting it stands in. */
  readonly key: string;
  readonly template: string;
  readonly place: string | undefined;
  /** One of the tracker's own variables says it: the type takes it from there. */
  readonly isTheirs: boolean;
}

/** Checks every tracker's lane by its type. Throws one error for all that is wrong with them. */
export async function resolveLanes(config: Config, env: Environment, options: ResolveOptions = {}): Promise<readonly ResolvedLane[]> {
  const places = { cwd: options.cwd ?? process.cwd(), configFile: config.file };
  const load = options.load ?? backendType;
  const problems: PlacedProblem[] = [];
  const resolved: ResolvedLane[] = [];
  for (const lane of config.lanes.trackers) {
    const type = await load(lane.type, places).catch((error: unknown) => {
      throw placedAt(config.places.get(`lanes.${lane.name}.type`), error);
    });
    const isAlone = config.lanes.trackers.every((other) => other === lane || other.type !== lane.type);
    const result = new LaneResolver(lane, type, config, isAlone).resolve(env);
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

/** An error about the type of a lane, with the place where the type is said. */
function placedAt(place: string | undefined, error: unknown): unknown {
  if (!(error instanceof MirrorError) || place === undefined) return error;
  const { code, message, hint, cause, context } = error;
  return new MirrorError(code, `${place}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause, context: { ...context, place } });
}

function sameTarget(lane: ResolvedLane, twin: ResolvedLane, { places, lanes }: Config): PlacedProblem {
  const said = lanes.trackers
    .find(({ name }) => name === lane.name)
    ?.said.values()
    .next().value;
  return {
    code: 'MB1002',
    place: said?.place ?? places.get('lanes'),
    field: `lanes.${lane.name}`,
    found: `${lane.target}, where the lane ${twin.name} leads too`,
    expected: 'a target of its own: every run would be there twice',
  };
}

/** One lane on its way through its type. */
class LaneResolver {
  readonly #lane: TrackerLaneConfig;
  readonly #type: BackendType;
  readonly #config: Config;
  readonly #isAlone: boolean;

  /** `isAlone`: no other lane has this type, so that the tracker's own variables can only mean this one. */
  constructor(lane: TrackerLaneConfig, type: BackendType, config: Config, isAlone: boolean) {
    this.#lane = lane;
    this.#type = type;
    this.#config = config;
    this.#isAlone = isAlone;
  }

  resolve(env: Environment): ResolvedLane | PlacedProblem[] {
    const lane = this.#lane;
    const plain = this.#withoutWeakerNames(lane.section, env);
    const own = this.#ownEnvironment(plain, env);
    const group = this.#group(shownOf(this.#type.parse(plain, own)));
    const wrong = group === undefined ? undefined : templateProblem(group.template, { hasProject: this.#config.project !== undefined });
    if (group !== undefined && wrong !== undefined) return [{ code: 'MB1002', ...this.#where([group.key]), ...wrong }];
    const parsed = this.#type.parse(this.#filled(plain, own, group), own);
    if (parsed.kind === 'problems') return parsed.problems.map((problem) => this.#placed(problem));
    const shown = parsed.shown.map((setting) => this.#shown(setting, group, plain, own));
    // A template that differs from run to run was held back from the type; to a person it is a setting all the same.
    if (group?.key === this.#type.groupKeys?.[0] && group !== undefined && !shown.some(({ key }) => key === group.key)) {
      shown.push({ key: group.key, value: group.template, source: group.place ?? 'default' });
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

  /** The template for the experiment or project: what the lane says in the tracker's words, else what holds for all lanes. */
  #group(shown: readonly ShownSetting[]): Group | undefined {
    const lane = this.#lane;
    const keys = this.#type.groupKeys ?? [];
    const [key] = keys;
    const said = shown.filter((setting) => keys.includes(setting.key) && setting.source !== 'default');
    const named = said.find((setting) => setting.key === key);
    if (key !== undefined && named !== undefined) {
      const isOurs = named.source === 'file';
      const template = isOurs ? String(named.value) : literalTemplate(String(named.value));
      return { key, template, place: isOurs ? lane.said.get(key)?.place : named.source, isTheirs: !isOurs };
    }
    if (said.length > 0 || lane.group === undefined) return undefined;
    return { key: key ?? 'experiment', template: lane.group, place: this.#groupPlace(), isTheirs: false };
  }

  /** The section with the experiment in it where it is the same for all runs, and without it where it is not. */
  #filled(section: Section, env: Environment, group: Group | undefined): Section {
    const key = this.#type.groupKeys?.[0];
    if (key === undefined || group === undefined || group.isTheirs) return section;
    const constant = constantOf(group.template, this.#config.project);
    if (constant !== undefined) return { ...section, [key]: constant };
    const names = Object.keys(section).filter((name) => {
      if (name === key) return true;
      const shown = shownOf(this.#type.parse(without(section, name), env));
      return shown.length > 0 && shown.every((setting) => setting.key !== key || setting.source !== 'file');
    });
    return names.reduce(without, section);
  }

  /**
   * The environment without those of the tracker's variables that stand behind something said to us: a variable of ours always,
   * the file where several lanes have this type: one variable can't mean them all.
   */
  #ownEnvironment(section: Section, env: Environment): Environment {
    const hasOverrides = [...this.#lane.said.values()].some(({ rank }) => rank === 2);
    if (!hasOverrides && this.#isAlone) return env;
    let left = env;
    for (const { key, source } of shownOf(this.#type.parse(section, env))) {
      if (env[source] === undefined) continue;
      const rest = { ...left, [source]: undefined };
      const said = shownOf(this.#type.parse(section, rest)).find((setting) => setting.key === key);
      if (said?.source !== 'file') continue;
      const name = this.#nameOf(key, said.value, section, rest);
      if (!this.#isAlone || this.#lane.said.get(name)?.rank === 2) left = rest;
    }
    return left;
  }

  /**
   * Leaves out what a stronger layer says under another name of the same setting (`backend_url` and `tracking_uri`). Names that mean
   * the same are a problem that goes away whichever of the two is left out.
   */
  #withoutWeakerNames(section: Section, env: Environment): Section {
    const { said } = this.#lane;
    let left = section;
    const rank = (key: string): number => said.get(key)?.rank ?? 0;
    for (const weak of Object.keys(section)) {
      const stronger = Object.keys(left).filter((key) => rank(key) > rank(weak));
      if (stronger.length === 0) continue;
      const before = this.#problems(left, env);
      const withoutWeak = this.#problems(without(left, weak), env);
      const cured = before.filter((problem) => !withoutWeak.includes(problem));
      const isPair = cured.some((problem) => stronger.some((key) => !this.#problems(without(left, key), env).includes(problem)));
      if (isPair) left = without(left, weak);
    }
    return left;
  }

  #problems(section: Section, env: Environment): string[] {
    const parsed = this.#type.parse(section, env);
    return parsed.kind === 'problems' ? parsed.problems.map(({ path, found }) => JSON.stringify([path, found])) : [];
  }

  #placed(problem: SettingProblem): PlacedProblem {
    const { path, found, expected, hint = this.#commonHint(problem), isLocal } = problem;
    const isHidden = path.some((part) => typeof part === 'string' && (isSecretName(part) || this.#lane.hidden.has(part)));
    return {
      code: 'MB1002',
      ...this.#where(path),
      found: isHidden && found !== 'nothing' ? 'a value that is not shown' : withoutUserInfo(found),
      expected,
      ...(hint === undefined ? {} : { hint }),
      ...(isLocal === true ? { isLocal } : {}),
    };
  }

  /** What every lane can say is none of the type's settings: it does not know what was meant. */
  #commonHint({ path: [key], found }: SettingProblem): string | undefined {
    const isUnknown = typeof key === 'string' && found === `the key ${JSON.stringify(key)}`;
    const near = isUnknown ? closestName(key, COMMON_SETTINGS) : undefined;
    return near === undefined ? undefined : `Did you mean ${near}?`;
  }

  #where(path: readonly (string | number)[]): { readonly place: string | undefined; readonly field: string } {
    const [key, ...below] = path;
    const said = this.#lane.said.get(String(key));
    return { place: said?.place, field: fieldName(said === undefined ? ['lanes', this.#lane.name, ...path] : [...said.path, ...below]) };
  }

  #shown({ key, value, source }: ShownSetting, group: Group | undefined, section: Section, env: Environment): ShownSetting {
    const { said, hidden } = this.#lane;
    const isFilled = key === group?.key && !group.isTheirs && !said.has(key);
    const name = source === 'file' && !isFilled ? this.#nameOf(key, value, section, env) : undefined;
    const isHidden = isSecretName(key) || (name !== undefined && hidden.has(name));
    const place = isFilled ? group.place : name === undefined ? undefined : said.get(name)?.place;
    return {
      key,
      value: isHidden ? '[redacted]' : typeof value === 'string' ? withoutUserInfo(value) : value,
      source: source === 'file' ? (place ?? this.#config.file ?? 'file') : source,
    };
  }

  /** Under which name a setting was said, where the type knows several: without that one it is not there, or has another value. */
  #nameOf(key: string, value: unknown, section: Section, env: Environment): string {
    if (Object.hasOwn(section, key)) return key;
    const name = Object.keys(section).find((candidate) => {
      const shown = shownOf(this.#type.parse(without(section, candidate), env));
      // Nothing can be shown where a setting is missing that has to be there: then it was this one, or one that says the same.
      return shown.length > 0 ? shown.every((setting) => setting.key !== key || setting.value !== value) : section[candidate] === value;
    });
    return name ?? key;
  }

  /** Where the experiment that all lanes share was said. */
  #groupPlace(): string | undefined {
    const { places } = this.#config;
    return places.get(`lanes.${this.#lane.name}.experiment`) ?? places.get('runs.experiment') ?? places.get('project');
  }
}

function without(section: Section, key: string): Section {
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== key));
}

function shownOf(parsed: ParsedSettings<unknown>): readonly ShownSetting[] {
  return parsed.kind === 'settings' ? parsed.shown : [];
}
