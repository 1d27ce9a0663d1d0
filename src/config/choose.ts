import type { FileSettings, Layer } from './file-schema.ts';
import type { FieldPath } from './problem.ts';

/** The profile and lanes that flags and environment choose, before the file is read. */
export interface Choice {
  readonly profile?: string | undefined;
  readonly lanes?: readonly string[] | undefined;
}

/** The settings at the top of a file or in a profile, and their location. */
export interface LayerAt {
  readonly path: FieldPath;
  readonly layer: Layer;
}

/** The lanes in use, and the field that lists them; undefined if it was a flag, a variable or nothing. */
interface ChosenLanes {
  readonly names: readonly string[];
  readonly field: FieldPath | undefined;
}

/** The keys of a layer that are not lanes. */
const NO_LANES = ['project', 'lanes', 'backend', 'backends', 'tags', 'shared_tags', 'runs', 'config', 'routes', 'params', 'artifacts'];

/** Returns the profile in use: the one asked for, else `default`, else none. */
export function chosenProfile(settings: FileSettings | undefined, asked: string | undefined): string | undefined {
  const names = Object.keys(settings?.profiles ?? {});
  if (asked !== undefined && names.includes(asked)) return asked;
  return names.find((name) => name === 'default');
}

/** Returns the layers in use, the weakest first: the top of the file, then the profile. */
export function layersOf(settings: FileSettings | undefined, profile: string | undefined): LayerAt[] {
  if (settings === undefined) return [];
  const { roots: _, profiles, log: __, umask: ___, memory: ____, links: _____, replaced: ______, ...top } = settings;
  const chosen = profile === undefined ? undefined : Object.entries(profiles ?? {}).find(([name]) => name === profile)?.[1];
  return [
    { path: [], layer: top },
    ...(chosen === undefined || profile === undefined ? [] : [{ path: ['profiles', profile], layer: chosen }]),
  ];
}

/** Returns the lanes in use: those asked for, else those that the strongest layer lists, else only `local`. */
export function chosenLanes(layers: readonly LayerAt[], asked: readonly string[] | undefined): ChosenLanes {
  if (asked !== undefined) return { names: unique(asked), field: undefined };
  for (const { path, layer } of layers.toReversed()) {
    for (const key of ['backend', 'backends'] as const) {
      const names = layer[key];
      if (names !== undefined) return { names: unique(names), field: [...path, key] };
    }
    const names = Object.keys(layer.lanes ?? {});
    if (names.length > 0) return { names, field: [...path, 'lanes'] };
  }
  return { names: ['local'], field: undefined };
}

/** Returns every location of a layer that has settings of a lane, the weakest first. */
export function sectionsIn({
  path,
  layer,
}: LayerAt): { readonly lane: string; readonly path: FieldPath; readonly section: Record<string, unknown> }[] {
  const groups = [
    { path: [...path, 'lanes'], entries: Object.entries(layer.lanes ?? {}) },
    { path: [...path, 'config'], entries: Object.entries(layer.config ?? {}).filter(([key]) => !NO_LANES.includes(key)) },
    { path, entries: path.length === 0 ? [] : Object.entries(layer).filter(([key]) => !NO_LANES.includes(key)) },
  ];
  return groups.flatMap((group) =>
    group.entries.flatMap(([lane, section]) =>
      typeof section === 'object' && section !== null
        ? [{ lane, path: [...group.path, lane], section: section as Record<string, unknown> }]
        : [],
    ),
  );
}

/** True if a field belongs to a profile or a lane that is not used: variables there need not be set. */
export function isUnused(field: FieldPath, profile: string | undefined, lanes: readonly string[]): boolean {
  let rest = field;
  const isInProfile = rest[0] === 'profiles' && rest.length > 1;
  if (isInProfile) {
    if (rest[1] !== profile) return true;
    rest = rest.slice(2);
  }
  const [first, second] = rest;
  const lane = (first === 'lanes' || first === 'config') && rest.length > 2 ? second : isInProfile && rest.length > 1 ? first : undefined;
  return typeof lane === 'string' && !NO_LANES.includes(lane) && !lanes.includes(lane);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
