import { type ChosenLanes, type LayerAt, sectionsIn } from './choose.ts';
import type { FileSettings } from './file-schema.ts';
import { expectedType, isLaneName, laneType } from './lane-types.ts';
import { type FieldPath, type Problem, shownValue } from './problem.ts';

type Found = Omit<Problem, 'line' | 'column'>;

/** What is wrong with the names and types of a file's lanes: of all of them, but for types that are not there yet only of those used. */
export function lanesProblems(settings: FileSettings, holding: readonly LayerAt[], chosen: ChosenLanes): Found[] {
  const { roots: _, profiles, log: __, ...top } = settings;
  const layers: LayerAt[] = [
    { path: [], layer: top },
    ...Object.entries(profiles ?? {}).map(([name, layer]) => ({ path: ['profiles', name], layer })),
  ];
  const topTypes = typesIn(layers.slice(0, 1));
  const names = [...new Set(layers.flatMap(sectionsIn).map(({ lane }) => lane))];
  const problems: Found[] = [];
  for (const layer of layers) {
    for (const { lane, path, section } of sectionsIn(layer)) {
      const type = laneType(lane, textOf(section['type']) ?? topTypes.get(lane));
      const problem = laneProblem(
        lane,
        type,
        path,
        names.filter((name) => name !== lane && topTypes.has(name)),
      );
      if (problem !== undefined) problems.push(problem);
    }
  }
  if (chosen.field === undefined) return problems;
  const types = typesIn(holding);
  const isList = chosen.field.at(-1) !== 'lanes';
  for (const [i, lane] of chosen.names.entries()) {
    const path = [...chosen.field, isList ? i : lane];
    const type = laneType(lane, types.get(lane));
    if (isList && type === undefined)
      problems.push({ code: 'MB1002', path, found: JSON.stringify(lane), expected: expectedType(lane, names) });
  }
  return problems;
}

/** The types that lanes say they have; the strongest layer wins. */
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
  if (type === undefined) return { code: 'MB1002', path, found: 'a lane without a type', expected: expectedType(lane, others) };
  if (!isLaneName(lane)) {
    return {
      code: 'MB1002',
      path,
      found: `${JSON.stringify(lane)} as the name of a lane`,
      expected: 'a name of letters, digits, - and _ that means nothing else here',
    };
  }
  if (type === 'local' && lane !== 'local') {
    return {
      code: 'MB1002',
      path,
      found: `${shownValue(lane)} of type local`,
      expected: 'a type of tracker: the local store is the lane called local, and there is one',
    };
  }
  return undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
