/** The parts of answers that several resources share, by their names in the OpenAPI document. */
import { z } from 'zod';
import { type Json, type RunRef, runLabel } from '../model/index.ts';

/** The named schemas of the OpenAPI document. */
export const components = z.registry<{ readonly id: string }>();

/** Gives a schema a name in the OpenAPI document. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  components.add(schema, { id });
  return schema;
}

/** Returns the place of a named schema in the OpenAPI document. */
export function placeOf(id: string): string {
  return `#/components/schemas/${id}`;
}

const DIGITS = { type: 'string', pattern: '^-?[0-9]+$' };

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** A number that reads back exactly: `jsonText` writes what JSON has no number for as a text. */
export const exactNumber = named(
  'ExactNumber',
  z.custom<number | bigint>(isNumber).meta({
    description: 'A number. NaN and the infinities are texts, and so are integers beyond 2^53.',
    anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }, DIGITS],
  }),
);

/** A step: an integer of 64 bits. */
export const step = named(
  'Step',
  z.custom<number | bigint>(isNumber).meta({
    description: 'An integer. Beyond 2^53, a text of its digits.',
    anyOf: [{ type: 'integer' }, DIGITS],
  }),
);

/** A value in the form of the truth format. */
export const anyJson = named(
  'AnyJson',
  z.custom<Json>((value) => value !== undefined).meta({ description: 'Any value, in the form of the truth format.' }),
);

/** A number of things. */
export const count = z.int().nonnegative();
/** A time in UTC. */
export const time = z.string().meta({ format: 'date-time' });

/** A list with an item for each point or bucket. Only its type is checked: it may have a million items. */
export function column<Item extends number | bigint | string>(items: object): z.ZodType<readonly Item[]> {
  return z.custom<readonly Item[]>(Array.isArray).meta({ type: 'array', items });
}

/** An object whose keys are names from log directories: any text can be one, also `__proto__`. */
export function byName<Value>(id: string): z.ZodType<Readonly<Record<string, Value>>> {
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
  return z.custom<Readonly<Record<string, Value>>>(isObject).meta({ type: 'object', additionalProperties: { $ref: placeOf(id) } });
}

/** The fields that name a run. */
export const ofRun = {
  id: z.string().meta({ description: 'The run as the parameter `run` takes it: ROOT/PATH.' }),
  root: z.string(),
  run: z.string().meta({ description: 'The path below the root; `.` is the root itself.' }),
};

/** Returns the fields that name a run. */
export function runJson(run: RunRef): { readonly id: string; readonly root: string; readonly run: string } {
  return { id: runLabel(run), root: run.root, run: run.path };
}
