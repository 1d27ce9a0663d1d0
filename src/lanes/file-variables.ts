/** Reads settings whose value is in a file that a variable names: `MIRRORBOARD_MLFLOW_TRACKING_URI_FILE`. */
import { FILE_SUFFIX, fieldName, type LocatedProblem, type TrackerLaneConfig, valueInFile } from '../config/index.ts';
import type { BackendType } from '../contract/index.ts';

const SUFFIX = FILE_SUFFIX.toLowerCase();

/** A lane with the values of such files, and the problems with them. */
interface LaneWithFiles {
  readonly lane: TrackerLaneConfig;
  readonly problems: readonly LocatedProblem[];
}

/**
 * Fills in the values of such files. A setting of the type whose own name ends with that suffix (`token_file`) stays
 * unchanged: the type reads that file again when the tracker refuses its value.
 */
export function withValueFiles(lane: TrackerLaneConfig, { fields = {} }: Pick<BackendType, 'fields'>): LaneWithFiles {
  const ownerOf = new Map(Object.entries(fields).flatMap(([key, { aliases = [] }]) => [key, ...aliases].map((name) => [name, key])));
  const isVariable = (name: string): boolean => lane.origins.get(name)?.rank === 2;
  const problems: LocatedProblem[] = [];
  const section = { ...lane.section };
  const origins = new Map(lane.origins);
  const hidden = new Set(lane.hidden);
  for (const [key, path] of Object.entries(lane.section)) {
    const base = key.slice(0, -SUFFIX.length);
    const owner = ownerOf.get(base);
    const origin = lane.origins.get(key);
    if (!key.endsWith(SUFFIX) || owner === undefined || origin?.rank !== 2) continue;
    const twin = [...ownerOf].find(([name, of]) => of === owner && isVariable(name))?.[0];
    const at = { code: 'MB1002', location: origin.location, field: fieldName(['lanes', lane.name, base]) } as const;
    if (twin !== undefined) {
      const other = lane.origins.get(twin)?.location;
      problems.push({ ...at, found: `a value in ${other} too`, expected: `${other} or ${origin.location}, not both` });
      continue;
    }
    if (ownerOf.has(key)) continue;
    const read = valueInFile(String(path));
    if (read.kind === 'problem') {
      problems.push({ ...at, found: read.found, expected: read.expected, isLocal: true });
      continue;
    }
    delete section[key];
    origins.delete(key);
    section[base] = read.value;
    origins.set(base, { ...origin, path: ['lanes', lane.name, base] });
    hidden.add(base);
  }
  return { lane: { ...lane, section, origins, hidden }, problems };
}
