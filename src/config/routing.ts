/** Reads the routes, folding, params and artifacts of a configuration, each from the strongest layer that sets it. */

import type { ArtifactRule, ParamRule } from '../artifacts/index.ts';
import { suggestion } from '../closest-name.ts';
import { KINDS } from '../model/index.ts';
import { Pattern, patternProblem } from '../pattern/index.ts';
import { type FoldRules, NEEDS, type RouteRule } from '../route/index.ts';
import { type LayerAt, sectionsIn } from './choose.ts';
import { constantOf, templateProblem } from './expand-template.ts';
import type { Layer } from './file-schema.ts';
import { LANE_TYPES } from './lane-types.ts';
import { addProblem, type FieldPath, fieldName } from './problem.ts';
import type { LaneMaking } from './tracker-lanes.ts';

/** The routes, folding, params and artifacts of a configuration. */
interface Routing {
  readonly routes: readonly RouteRule[];
  readonly fold: FoldRules;
  readonly params: readonly ParamRule[];
  readonly artifacts: readonly ArtifactRule[];
}

/** The default tag of tracker runs that names the group that a route drew. */
const GROUP_TAG = 'ab_group';

/** Reads the routing; adds problems to those of `making`. */
export function makeRouting(making: LaneMaking): Routing {
  return new RoutingMaker(making).make();
}

class RoutingMaker {
  readonly #making: LaneMaking;
  readonly #lanes: readonly string[];

  constructor(making: LaneMaking) {
    this.#making = making;
    const { layers } = making;
    this.#lanes = [...new Set([...LANE_TYPES, ...layers.flatMap(sectionsIn).map(({ lane }) => lane)])];
  }

  make(): Routing {
    const runs = this.#strongest((layer) => layer.runs?.fold, 'runs', 'fold');
    const flat = this.#strongest((layer) => layer.runs?.fold_flat, 'runs', 'fold_flat');
    const hparams = this.#strongest((layer) => layer.runs?.fold_hparams, 'runs', 'fold_hparams');
    for (const [i, name] of (flat?.value ?? []).entries()) {
      if (runs?.value.includes(name) !== true) continue;
      this.#refuse(
        [...(flat?.path ?? []), i],
        `${JSON.stringify(name)}, which is also in fold`,
        'it in only one of the two: fold puts its name before the tags',
      );
    }
    return {
      routes: this.#each('routes', (rule, path) => this.#route(rule, path)),
      fold: { names: runs?.value ?? [], flat: flat?.value ?? [], hparams: hparams?.value ?? false },
      params: this.#each('params', ({ files = [], tag: tags = [], prefix = '', lanes }, path) => {
        this.#checkTrackers(lanes, [...path, 'lanes']);
        if (files.length > 0 === tags.length > 0)
          this.#refuse(path, tags.length > 0 ? 'files and tag' : 'neither files nor tag', 'one of the two');
        return { location: this.#making.locationOf(path), files, tags, prefix, ...only({ lanes }) };
      }),
      artifacts: this.#each('artifacts', (rule, path) => this.#artifact(rule, path)),
    };
  }

  #route(rule: NonNullable<Layer['routes']>[number], path: FieldPath): RouteRule {
    const { runs, tags, kinds, on, lanes, except, needs, base, drop, rename, every, assign } = rule;
    for (const key of ['on', 'except'] as const) this.#checkTrackers(rule[key], [...path, key]);
    this.#checkLanes(lanes, [...path, 'lanes']);
    if (base !== undefined) this.#checkLanes([base], [...path, 'base']);
    this.#checkWords(kinds, KINDS, [...path, 'kinds']);
    this.#checkWords(needs, NEEDS, [...path, 'needs']);
    this.#checkSense(rule, path);
    if (rename !== undefined) {
      const captures = (tags ?? []).map((glob) => new Pattern(glob).names);
      const shared = (captures[0] ?? []).filter((name) => captures.every((names) => names.includes(name)));
      const wrong = patternProblem(rename, [...shared, 'tag', 'run']);
      if (wrong !== undefined) this.#refuse([...path, 'rename'], wrong, 'names that occur in every pattern of tags, {tag} or {run}');
    }
    return {
      location: this.#making.locationOf(path),
      ...only({ runs, tags, kinds, on, lanes, except, needs, base, drop, rename, every }),
      ...(assign === undefined ? {} : { assign: this.#assign(assign, [...path, 'assign'], tags ?? kinds) }),
    };
  }

  /** Checks that a rule about series has an effect, and that its other settings do not undo it. */
  #checkSense(
    { on, lanes, except, needs, base, drop, rename, every, assign }: NonNullable<Layer['routes']>[number],
    path: FieldPath,
  ): void {
    const given = Object.entries({ lanes, except, needs, assign, rename, every }).flatMap(([key, value]) =>
      value === undefined ? [] : [key],
    );
    if (drop !== true && given.every((key) => key === 'every' && every === 1)) {
      const only = [...(drop === false ? ['drop: false'] : []), ...(every === 1 ? ['every: 1'] : [])];
      const found = only.length === 0 ? 'a rule without an effect' : `a rule with only ${only.join(' and ')}, which has no effect`;
      this.#refuse(path, found, 'one of lanes, except, needs, assign, drop, rename, every');
    }
    if (drop === true && given.length > 0)
      this.#refuse([...path, 'drop'], `drop together with ${given.join(', ')}`, 'drop alone: no lane gets dropped data');
    if (base !== undefined && needs === undefined) this.#refuse([...path, 'base'], 'base without needs', 'both');
    const lanesChangeNothing = lanes !== undefined && on?.every((lane) => lanes.includes(lane)) === true;
    const isExceptRedundant = except !== undefined && on !== undefined && !on.some((lane) => except.includes(lane));
    if (lanesChangeNothing || isExceptRedundant) {
      const key = lanesChangeNothing ? 'lanes' : 'except';
      this.#refuse(
        [...path, key],
        `${key} that excludes none of ${on?.join(', ')}`,
        `${key} without on, which selects the lanes of the rule`,
      );
    }
  }

  #assign(
    { by = 'run', groups, weights = {}, tag = GROUP_TAG }: NonNullable<NonNullable<Layer['routes']>[number]['assign']>,
    path: FieldPath,
    selective: unknown,
  ): NonNullable<RouteRule['assign']> {
    for (const [group, lanes] of Object.entries(groups)) this.#checkLanes(lanes, [...path, 'groups', group]);
    this.#checkWords(Object.keys(weights), Object.keys(groups), [...path, 'weights']);
    if (Object.keys(groups).every((group) => weights[group] === 0))
      this.#refuse([...path, 'weights'], 'no group with a weight', 'one above 0');
    if (selective !== undefined) this.#refuse(path, 'assign together with tags or kinds', 'a rule for whole runs');
    const wrong = by === 'run' ? undefined : templateProblem(by, { hasProject: this.#making.project !== undefined });
    if (wrong !== undefined) this.#refuse([...path, 'by'], wrong.found, wrong.expected);
    else if (by !== 'run' && constantOf(by.replaceAll('{group}', ''), '') !== undefined)
      this.#refuse(
        [...path, 'by'],
        `${JSON.stringify(by)}, which is the same for every run`,
        'run, or a template of its path, such as "{path[0]}"',
      );
    return { by, groups, weights, tag };
  }

  #artifact(rule: NonNullable<Layer['artifacts']>[number], path: FieldPath): ArtifactRule {
    const {
      files,
      to,
      most_bytes: mostBytes,
      lanes,
      runs,
      once,
      register_model: registerModel,
      alias,
      model_tags: modelTags = {},
      dataset,
    } = rule;
    this.#checkTrackers(lanes, [...path, 'lanes']);
    const captures = files.map((glob) => new Pattern(glob).names);
    const shared = (captures[0] ?? []).filter((name) => captures.every((names) => names.includes(name)));
    for (const key of ['to', 'register_model'] as const) {
      const wrong = rule[key] === undefined ? undefined : patternProblem(rule[key], [...shared, 'path', 'file']);
      if (wrong !== undefined) this.#refuse([...path, key], wrong, 'names that occur in every pattern of files, {path} or {file}');
    }
    if (to !== undefined && /^\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(to))
      this.#refuse([...path, 'to'], JSON.stringify(to), 'a path in the tracker run, without a leading /, . and ..');
    for (const key of ['alias', 'dataset'] as const) {
      if (/[{}]/.test(rule[key] ?? '')) this.#refuse([...path, key], JSON.stringify(rule[key]), `a plain text: ${key} is not a template`);
    }
    if (alias !== undefined && registerModel === undefined) this.#refuse([...path, 'alias'], 'an alias without register_model', 'both');
    if (rule.model_tags !== undefined && registerModel === undefined)
      this.#refuse([...path, 'model_tags'], 'model_tags without register_model', 'both');
    return {
      location: this.#making.locationOf(path),
      files,
      modelTags,
      ...only({ to, mostBytes, lanes, runs, once, registerModel, alias, dataset }),
    };
  }

  #checkLanes(names: readonly string[] | undefined, path: FieldPath): void {
    for (const name of names ?? []) {
      if (this.#lanes.includes(name)) continue;
      this.#refuse(path, `the lane ${JSON.stringify(name)}`, `one of ${this.#lanes.join(', ')}${suggestion(name, this.#lanes)}`);
    }
  }

  /** Checks the lanes of a rule that is about trackers: the local store has everything in any case. */
  #checkTrackers(names: readonly string[] | undefined, path: FieldPath): void {
    this.#checkLanes(names, path);
    if (names !== undefined && names.length > 0 && names.every((name) => name === 'local'))
      this.#refuse(path, 'only local', 'a tracker: the local store always gets every run in full');
  }

  #checkWords(words: readonly string[] | undefined, known: readonly string[], path: FieldPath): void {
    for (const word of words ?? []) {
      if (known.includes(word)) continue;
      this.#refuse(path, JSON.stringify(word), `one of ${known.join(', ')}${suggestion(word, known)}`);
    }
  }

  #each<Key extends 'routes' | 'params' | 'artifacts', Made>(
    key: Key,
    make: (item: NonNullable<Layer[Key]>[number], path: FieldPath) => Made,
  ): Made[] {
    const given = this.#strongest((layer) => layer[key], key);
    return ((given?.value ?? []) as NonNullable<Layer[Key]>[number][]).map((item, i) => make(item, [...(given?.path ?? []), i]));
  }

  #strongest<Value>(
    pick: (layer: LayerAt['layer']) => Value | undefined,
    ...keys: readonly string[]
  ): { value: Value; path: FieldPath } | undefined {
    const { layers, note, locationOf } = this.#making;
    for (const { path, layer } of layers.toReversed()) {
      const value = pick(layer);
      if (value === undefined) continue;
      const at = [...path, ...keys];
      note(keys.join('.'), 'file', locationOf(at));
      return { value, path: at };
    }
    return undefined;
  }

  #refuse(path: FieldPath, found: string, expected: string): void {
    const { problems, locationOf } = this.#making;
    addProblem(problems, { code: 'MB1002', location: locationOf(path), field: fieldName(path), found, expected });
  }
}

/** Returns the fields without those that are not set: an optional field is absent, rather than undefined. */
function only<Fields extends Readonly<Record<string, unknown>>>(
  fields: Fields,
): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>;
  };
}
