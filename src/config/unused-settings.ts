import { sectionsIn } from './choose.ts';
import type { FileSettings } from './file-schema.ts';
import { type FieldPath, fieldName } from './problem.ts';
import type { WrittenSetting } from './written-setting.ts';

/** Returns the file's settings of profiles and of unused lanes, down to single values and lists of them. */
export function unusedSettings(
  settings: FileSettings | undefined,
  {
    profile,
    lanes,
    locationOf,
  }: { readonly profile: string | undefined; readonly lanes: readonly string[]; readonly locationOf: (path: FieldPath) => string },
): WrittenSetting[] {
  if (settings === undefined) return [];
  const { profiles, ...top } = settings;
  const written = (value: unknown, path: FieldPath, isInUse: boolean): WrittenSetting[] =>
    leaves(value, path).map((leaf) => ({ key: fieldName(leaf.path), value: leaf.value, location: locationOf(leaf.path), isInUse }));
  return [
    ...sectionsIn({ path: [], layer: top })
      .filter(({ lane }) => !lanes.includes(lane))
      .flatMap(({ path, section }) => written(section, path, false)),
    ...Object.entries(profiles ?? {}).flatMap(([name, own]) => written(own, ['profiles', name], name === profile)),
  ];
}

interface Leaf {
  readonly path: FieldPath;
  readonly value: unknown;
}

function leaves(value: unknown, path: FieldPath): Leaf[] {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object' && item !== null)) {
    return value.flatMap((item, i) => leaves(item, [...path, i]));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ path, value }];
  const below = Object.entries(value).filter(([, item]) => item !== undefined);
  if (below.length === 0) return [{ path, value: undefined }];
  // A list of lanes has become a mapping of lanes without settings.
  const listed =
    path.at(-1) === 'lanes' ? below.filter(([, item]) => typeof item === 'object' && Object.keys(item ?? {}).length === 0) : [];
  const names = listed.length === 0 ? [] : [{ path, value: below.map(([key]) => key) }];
  return [...names, ...below.filter((one) => !listed.includes(one)).flatMap(([key, item]) => leaves(item, [...path, key]))];
}
