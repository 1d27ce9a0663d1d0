import { z } from 'zod';
import type { GlobKind } from '../pattern/index.ts';
import { templateProblem } from './expand-template.ts';
import { section, text, validGlobs } from './field.ts';
import { tagsField } from './tags.ts';

/** Makes the schema of one text or a list of texts. */
function several(expected: string) {
  return z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z.array(text(expected), { error: `${expected}, or a list of them` }).min(1, { error: `${expected}, or a list of them` }),
  );
}

/** Makes the schema of one glob or a list of globs. */
function globs(expected: string, kind: GlobKind) {
  return validGlobs(several(expected), kind);
}

/** The names of lanes: a list, or a text with commas. */
export const laneNames = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value),
  z
    .array(text('the name of a lane'), { error: 'the name of a lane, or a list of them' })
    .min(1, { error: 'the name of a lane, or a list of them' }),
);

const wholeNumber = z.int({ error: 'a whole number from 1' }).min(1, { error: 'a whole number from 1' });

const groups = z.record(z.string(), laneNames, { error: 'a mapping of groups to lanes' }).refine((value) => Object.keys(value).length > 0, {
  error: 'a mapping of groups to lanes, not empty',
});

const weight = z.number({ error: 'a number from 0' }).min(0, { error: 'a number from 0' });

const assign = section({
  by: text('run, or a template of its path').optional(),
  groups,
  weights: z.record(z.string(), weight, { error: 'a mapping of groups to numbers' }).optional(),
  tag: text('the name of a tag').optional(),
});

/** An entry of `routes`. */
export const routeField = section({
  runs: globs('a glob of runs', 'path').optional(),
  tags: globs('a pattern of tags', 'tag').optional(),
  kinds: several('a kind').optional(),
  on: laneNames.optional(),
  lanes: laneNames.optional(),
  except: laneNames.optional(),
  needs: several('what a lane must have').optional(),
  base: text('the name of a lane').optional(),
  drop: z.boolean({ error: 'true or false' }).optional(),
  rename: text('a template').optional(),
  every: wholeNumber.optional(),
  assign: assign.optional(),
});

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

const bytes = z.preprocess(
  (value) => {
    const found = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(value.trim()) : undefined;
    const unit = found === undefined || found === null ? undefined : UNITS[(found[2] ?? '').toUpperCase()];
    return unit === undefined ? value : Math.floor(Number(found?.[1]) * unit);
  },
  z.int({ error: 'bytes, or a size like 500 MB' }).min(1, { error: 'bytes, or a size like 500 MB' }),
);

/** An entry of `params`; a text is a pattern of files. */
export const paramsField = z.preprocess(
  (value) => (typeof value === 'string' ? { files: value } : value),
  section({
    files: globs('a pattern of files', 'file').optional(),
    tag: globs('a pattern of tags', 'tag').optional(),
    prefix: z.string({ error: 'a text' }).optional(),
    lanes: laneNames.optional(),
  }),
);

/** An entry of `artifacts`; a text is a pattern of files. */
export const artifactField = z.preprocess(
  (value) => (typeof value === 'string' ? { files: value } : value),
  section({
    files: globs('a pattern of files', 'file'),
    to: text('a path in the tracker run').optional(),
    most_bytes: bytes.optional(),
    lanes: laneNames.optional(),
    runs: globs('a glob of runs', 'path').optional(),
    once: z.boolean({ error: 'true or false' }).optional(),
    register_model: text('the name of a model').optional(),
    alias: text('an alias of a version').optional(),
    model_tags: tagsField.optional(),
    dataset: text('what a dataset was used for').optional(),
  }),
);

/** Makes the schema of a list whose single element may be written without brackets. */
export function listOf<Schema extends z.ZodType>(schema: Schema, expected: string) {
  return z.preprocess(
    (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]),
    z.array(schema, { error: expected }),
  );
}

/** The fields `runs.fold` and `runs.fold_flat`. */
export const foldField = globs('the name of a directory', 'name');

/** The place of a run that another program opened: an id, or a file that holds it. */
export const joinField = z
  .preprocess(
    (value) => (typeof value === 'string' ? [{ file: value }] : Array.isArray(value) || value === undefined ? value : [value]),
    z.array(
      section({
        runs: globs('a glob of runs', 'path').optional(),
        file: text('a path below the run').optional(),
        key: text('a key of the file').optional(),
        id: text("the tracker's id of a run").optional(),
        wait: z.number({ error: 'seconds' }).min(0, { error: 'seconds' }).optional(),
        prefix: z.string({ error: 'a text' }).optional(),
      }),
      { error: 'a file, or a list of mappings with file or id' },
    ),
  )
  .superRefine((rules, { addIssue }) => {
    const refuse = (message: string, params: { readonly found: string; readonly hint?: string }, ...path: (string | number)[]): void =>
      addIssue({ code: 'custom', message, params, path });
    for (const [i, { file, id, key, wait }] of rules.entries()) {
      if (file === undefined && id === undefined) {
        const hint = 'To only prefix names, use a route: { rename: "tb/{tag}" }';
        refuse('one of the two, to find the id of the run', { found: 'neither file nor id', hint }, i);
      }
      if (file !== undefined && id !== undefined) refuse('one of the two', { found: 'file and id' }, i);
      if (file !== undefined && /^[/~]/.test(file)) refuse('a path below the run', { found: JSON.stringify(file) }, i, 'file');
      if (id !== undefined && key !== undefined) refuse('a file too', { found: 'a key without a file' }, i, 'key');
      if (id !== undefined && wait !== undefined) refuse('a file too', { found: 'a wait without a file' }, i, 'wait');
      const wrong = id === undefined ? undefined : templateProblem(id, { hasProject: true });
      if (wrong !== undefined) refuse(wrong.expected, { found: wrong.found }, i, 'id');
      const before = rules.slice(0, i).findIndex(({ runs }) => runs === undefined);
      if (before >= 0)
        refuse('it before that one: the first match for a run applies', { found: `an entry after one for all runs (${before + 1}.)` }, i);
    }
  });
