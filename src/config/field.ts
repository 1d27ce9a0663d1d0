import { z } from 'zod';
import { emptyingProblem, type GlobKind, globProblem } from '../pattern/index.ts';

/**
 * The parts of settings. In these schemas, the message of an issue is only what was expected: `config-file` adds what
 * was found, and where. A new lane is a file like `local-lane.ts` and a line in `file-schema.ts`.
 */

/** A text that is not empty; `expected` says what it is. */
export function text(expected: string): z.ZodString {
  return z
    .string({ error: expected })
    .min(1, { error: `${expected}, not empty` })
    .regex(/^$|\S/, { error: `${expected}, not only blanks` });
}

/** A path. `~` is a matter of shells: made into a directory of that name, it would be a surprise. */
export function path(expected: string): z.ZodString {
  return text(expected).refine((value) => value !== '~' && !value.startsWith('~/'), {
    error: `${expected}; ~ is not expanded, write \${HOME}`,
  });
}

/**
 * A list of globs, none of which is broken; `isLeftOut`: what they match is left out, so that something must be left.
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

/** One of a few words. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** Named settings that belong together; any other key is an error, whose message is the keys there are. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a mapping with ${keys}`) });
}

/** A section that may be there with nothing in it, as when all its lines are commented out. */
export function maybeEmpty<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => value ?? {}, schema);
}
