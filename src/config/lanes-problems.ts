import { type LayerAt, layersOf, sectionsIn } from './choose.ts';
import type { FileSettings, Layer } from './file-schema.ts';
import { expectedType, isLaneName, laneType, RESERVED } from './lane-types.ts';
import { type FieldPath, type Problem, shownValue } from './problem.ts';

/** The settings at the top of a file that apply to all profiles. */
const TOP_ONLY = Object.keys({
  roots: 0,
  profiles: 0,
  moved: 0,
  include: 0,
  exclude: 0,
  ignore: 0,
  umask: 0,
  memory: 0,
  links: 0,
  replaced: 0,
  scan_interval: 0,
  run_ended_after: 0,
  shutdown_grace: 0,
  reload: 0,
  log: 0,
} satisfies Record<Exclude<keyof FileSettings, keyof Layer>, number>);

type Found = Omit<Problem, 'line' | 'column'>;

/**
 * Returns the problems with the names and types of a file's lanes, in every profile: a wrong one is reported before
 * it is chosen.
 */
export function lanesProblems(settings: FileSettings): Found[] {
  const [top] = layersOf(settings, undefined);
  if (top === undefined) return [];
  const layers = [top, ...Object.keys(settings.profiles ?? {}).flatMap((name) => layersOf(settings, name).slice(1))];
  const topTypes = typesIn(layers.slice(0, 1));
  const names = [...new Set(layers.flatMap(sectionsIn).map(({ lane }) => lane))];
  const problems: Found[] = [];
  for (const layer of layers) {
    const types = typesIn(layer === top ? [top] : [top, layer]);
    for (const { lane, path, section } of sectionsIn(layer)) {
      const type = laneType(lane, textOf(section['type']) ?? types.get(lane));
      const problem = laneProblem(
        lane,
        type,
        path,
        names.filter((name) => name !== lane && topTypes.has(name)),
      );
      if (problem !== undefined) problems.push(problem);
    }
    for (const key of ['backend', 'backends'] as const) {
      for (const [i, lane] of (layer.layer[key] ?? []).entries()) {
        if (laneType(lane, types.get(lane)) !== undefined) continue;
        problems.push({ code: 'MB1002', path: [...layer.path, key, i], found: JSON.stringify(lane), expected: expectedType(lane, names) });
      }
    }
  }
  return problems;
}

/** Returns the types that lanes name; the strongest layer wins. */
export function typesIn(layers: readonly LayerAt[]): Map<string, string> {
  const types = new Map<string, string>();
  for (const layer of layers) {
    for (const { lane, section } of sectionsIn(layer)) {
      const type = textOf(section['type']);
      if (type !== undefined) types.set(lane, type);
    }
  }
  return types;
}

function laneProblem(lane: string, type: string | undefined, path: FieldPath, others: readonly string[]): Found | undefined {
  if (type === undefined && TOP_ONLY.includes(lane) && path[0] === 'profiles') {
    return {
      code: 'MB1002',
      path,
      found: 'a setting of the whole file',
      expected: `it at the top level: profiles cannot have their own ${lane}`,
    };
  }
  if (type === undefined) {
    // A profile, and `config`, also have settings that are not lanes: an unknown key may be a misspelled setting.
    const mayBeSetting = path.at(-2) !== 'lanes';
    return {
      code: 'MB1002',
      path,
      found: 'a lane without a type',
      expected: expectedType(lane, mayBeSetting ? [...others, ...RESERVED] : others),
    };
  }
  if (!isLaneName(lane)) {
    return {
      code: 'MB1002',
      path,
      found: `${JSON.stringify(lane)} as the name of a lane`,
      expected: 'a name of letters, digits, - and _ that is not a setting',
    };
  }
  if (type === 'local' && lane !== 'local') {
    return {
      code: 'MB1002',
      path,
      found: `${shownValue(lane)} of type local`,
      expected: 'a type of tracker: the only local store is the lane called local',
    };
  }
  return undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
