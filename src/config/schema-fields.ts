/** Lists the locations of all settings of a schema. */
import type { z } from 'zod';

/** The keys of a setting: `[]` is any item of a list, `*` any name of a mapping (a lane, a profile, a tag). */
export type SchemaField = readonly string[];

/** Returns every setting that has no further settings below it, in the order of the schema. */
export function schemaFields(schema: z.core.$ZodType, path: SchemaField = []): SchemaField[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'optional':
      return schemaFields(def.innerType, path);
    case 'pipe':
      // A preprocessed schema checks the output, a transformed one the input.
      return schemaFields((def.in as z.core.$ZodTypes)._zod.def.type === 'transform' ? def.out : def.in, path);
    case 'array':
      return schemaFields(def.element, [...path, '[]']);
    case 'record':
      return schemaFields(def.valueType, [...path, '*']);
    case 'object': {
      const own = Object.entries(def.shape).flatMap(([key, below]) => schemaFields(below, [...path, key]));
      const isOpen = def.catchall !== undefined && !['never', 'unknown'].includes((def.catchall as z.core.$ZodTypes)._zod.def.type);
      return isOpen && def.catchall !== undefined ? [...own, ...schemaFields(def.catchall, [...path, '*'])] : own;
    }
    default:
      return [path];
  }
}

/**
 * Returns the settings that contain a key somewhere in a schema, except those that contain lanes again (profiles,
 * `config`).
 */
export function homesOf(key: string, fields: readonly SchemaField[]): SchemaField[] {
  const homes = new Map<string, SchemaField>();
  for (const field of fields) {
    if (field[0] === 'profiles' || field[0] === 'config') continue;
    const at = field.indexOf(key);
    if (at > 0) homes.set(field.slice(0, at).join(), field.slice(0, at));
  }
  return [...homes.values()];
}
