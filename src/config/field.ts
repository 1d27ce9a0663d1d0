import { z } from 'zod';
import { emptyingProblem, type GlobKind, globProblem } from '../pattern/index.ts';

/**
 * The parts of settings. In these schemas, the message of an issue contains only what was expected: `config-file`
 * adds what was found and its location. A new lane is a file like `local-lane.ts` and a line in `file-schema.ts`.
 */

/** Makes the schema of a text that is not empty; `expected` describes it. */
export function text(expected: string): z.ZodString {
  return z
    .string({ error: expected })
    .min(1, { error: `${expected}, not empty` })
    .regex(/^$|\S/, { error: `${expected}, not only blanks` });
}

/**
 * Makes the schema of a path. Only shells expand `~`: mirrorboard would make a directory of that name, which would be
 * a surprise.
 */
export function path(expected: string): z.ZodString {
  return text(expected).refine((value) => value !== '~' && !value.startsWith('~/'), {
    error: `${expected}; ~ is not expanded, write \${HOME}`,
  });
}

/**
 * Makes the schema of a list of valid globs. `isLeftOut`: matches are left out, so the globs must leave something.
 */
export function validGlobs<Schema extends z.ZodType<string[]>>(list: Schema, kind: GlobKind, isLeftOut = false) {
  return list.superRefine((globs, { addIssue }) => {
    for (const [i, glob] of globs.entries()) {
      const broken = glob === '' ? undefined : globProblem(glob, kind, globs.length > 1);
      const wrong = broken ?? (isLeftOut ? emptyingProblem(glob) : undefined);
      if (wrong !== undefined) addIssue({ code: 'custom', path: [i], message: wrong.expected, params: { hint: wrong.hint } });
    }
  });
}

/** Makes the schema of one word out of a few. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/**
 * Makes the schema of named settings that belong together. Any other key is an error, whose message lists the valid
 * keys.
 */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a mapping with ${keys}`) });
}

/** Makes the schema of a section that may be empty, for example if all its lines are commented out. */
export function maybeEmpty<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => value ?? {}, schema);
}
