import { KINDS, type Kind, kindOf, type RunRef } from '../model/index.ts';
import { matcher, Pattern } from '../pattern/index.ts';
import { assignedGroup } from './assign.ts';
import type { Rename } from './rename.ts';
import type { RouteRule } from './rule.ts';

/** The facts about a lane that a rule may choose. */
export interface LaneFacts {
  readonly name: string;
  /** True if it can hold a kind, in any way. */
  readonly holds: (kind: Kind) => boolean;
  readonly features: readonly string[];
}

/**
 * The part of one series that a lane gets. `every`: 1 every point, 0 none, else the points whose step is a multiple.
 */
export interface SeriesRoute {
  readonly every: number;
  /** The locations of the rules that decided this. */
  readonly why: readonly string[];
}

/** The result of the rules for one run and one lane. */
export interface RunRoute {
  readonly isIncluded: boolean;
  /** The locations of the rules that narrowed it, and the effect of each. */
  readonly why: readonly string[];
  /** The group that was drawn at random; undefined if none was. */
  readonly group: string | undefined;
  readonly groupTag: string | undefined;
  /** The changes of names, in the order of the rules. */
  readonly renames: readonly Rename[];
  /** True if no rule is about single series. */
  readonly isWhole: boolean;
  series(tag: string, plugin: string): SeriesRoute;
}

interface CompiledRule {
  readonly rule: RouteRule;
  readonly isRun: (path: string) => boolean;
  readonly isTag: (tag: string) => boolean;
  readonly isAboutSeries: boolean;
}

/** The rules of a configuration, and the lane they are applied to. */
export interface LaneRouteOptions {
  readonly rules: readonly RouteRule[];
  readonly lane: string;
  readonly lanes: readonly LaneFacts[];
  /** The base lane that a rule with `needs` means if it has no `base`. */
  readonly base: string;
  /** Expands a template for a run. */
  readonly expand: (template: string, run: RunRef) => string;
}

/** The rules as they apply to one lane. */
export class LaneRoute {
  readonly #options: LaneRouteOptions;
  readonly #rules: readonly CompiledRule[];

  constructor(options: LaneRouteOptions) {
    this.#options = options;
    this.#rules = options.rules.filter(({ on }) => on === undefined || on.includes(options.lane)).map(compiled);
  }

  /**
   * Returns the route of a run. `run`: where the points come from. `target`: the run of their tracker run, which
   * decides the random group.
   */
  run(run: RunRef, target: RunRef): RunRoute {
    const rules = this.#rules.filter(({ isRun }) => isRun(run.path));
    const why: string[] = [];
    let isIncluded = true;
    let group: string | undefined;
    let groupTag: string | undefined;
    for (const { rule, isAboutSeries } of rules) {
      if (isAboutSeries) continue;
      if (rule.assign !== undefined) {
        const { by, tag } = rule.assign;
        group = assignedGroup(rule.assign, JSON.stringify([run.root, by === 'run' ? target.path : this.#options.expand(by, target)]));
        groupTag = tag;
      }
      const reason = this.#against(rule, group);
      if (reason === undefined) continue;
      isIncluded = false;
      why.push(`${rule.location}: ${reason}`);
    }
    const renames = rules.flatMap(({ rule: { tags, kinds, rename } }): Rename[] =>
      rename === undefined ? [] : [{ rename, ...(tags === undefined ? {} : { tags }), ...(kinds === undefined ? {} : { kinds }) }],
    );
    const selective = rules.filter(({ rule, isAboutSeries }) => rule.every !== undefined || (isAboutSeries && isNarrowing(rule)));
    return {
      isIncluded,
      why,
      group,
      groupTag,
      renames,
      isWhole: selective.length === 0,
      series: (tag, plugin) => this.#series(selective, tag, plugin),
    };
  }

  #series(rules: readonly CompiledRule[], tag: string, plugin: string): SeriesRoute {
    let every = 1;
    const why: string[] = [];
    for (const { rule, isTag, isAboutSeries } of rules) {
      if (isAboutSeries && (!isTag(tag) || (rule.kinds !== undefined && !rule.kinds.includes(kindOf(plugin))))) continue;
      const reason = isAboutSeries ? this.#against(rule, undefined) : undefined;
      if (reason !== undefined) return { every: 0, why: [...why, `${rule.location}: ${reason}`] };
      if (rule.every === undefined || rule.every === 1) continue;
      every = rule.every;
      why.push(`${rule.location}: only steps that are multiples of ${rule.every}`);
    }
    return { every, why };
  }

  /** Returns why a rule excludes something from the lane; undefined if the lane gets it. */
  #against({ lanes, except, needs, base = this.#options.base, assign, drop }: RouteRule, group: string | undefined): string | undefined {
    const { lane } = this.#options;
    if (drop === true) return 'dropped';
    if (lanes !== undefined && !lanes.includes(lane)) return `only ${lanes.join(', ')}`;
    if (except?.includes(lane) === true) return `not ${except.join(', ')}`;
    if (assign !== undefined && group !== undefined && assign.groups[group]?.includes(lane) !== true) {
      return `in group ${group}: ${assign.groups[group]?.join(', ') ?? 'no lane'}`;
    }
    if (needs === undefined || lane === base) return undefined;
    const missing = needs.filter((need) => !this.#has(need));
    return missing.length === 0 ? undefined : `has no ${missing.join(', ')}`;
  }

  #has(need: string): boolean {
    const facts = this.#options.lanes.find(({ name }) => name === this.#options.lane);
    if (facts === undefined) return false;
    return isKind(need) ? facts.holds(need) : facts.features.includes(need);
  }
}

function isKind(need: string): need is Kind {
  return (KINDS as readonly string[]).includes(need);
}

function isNarrowing({ lanes, except, needs, drop }: RouteRule): boolean {
  return lanes !== undefined || except !== undefined || needs !== undefined || drop === true;
}

function compiled(rule: RouteRule): CompiledRule {
  const { runs, tags, kinds } = rule;
  const patterns = tags?.map((glob) => new Pattern(glob));
  return {
    rule,
    isRun: runs === undefined ? () => true : matcher(runs),
    isTag: patterns === undefined ? () => true : (tag) => patterns.some((pattern) => pattern.match(tag) !== undefined),
    isAboutSeries: tags !== undefined || kinds !== undefined,
  };
}
