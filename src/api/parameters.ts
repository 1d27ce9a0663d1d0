/** The parameters of requests: their forms, and what they mean to the store. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { VISIBILITIES, type Visibility } from '../backends/local/index.ts';
import { suggestion } from '../closest-name.ts';
import { type RunRef, runLabel } from '../model/index.ts';
import type { RunOrder, RunSelection } from '../query/index.ts';
import { Refusal, wrongParameter } from './problem.ts';

/** The most runs and tags that one request names. */
const MOST_RUNS = 1000;
const MOST_TAGS = 100;
const MOST_TEXT = 4096;
/** A cursor holds the path of a run. */
const MOST_CURSOR = 32_768;

const text = z.string({ error: 'expected one text' }).max(MOST_TEXT, { error: `expected at most ${MOST_TEXT} characters` });

/** Returns the form of an integer in a range. */
export function integer(least: number, most: number): z.ZodType<number> {
  const error = `expected an integer from ${least} to ${most}`;
  const read = (given: unknown): unknown => (typeof given === 'string' && /^-?\d{1,16}$/.test(given) ? Number(given) : given);
  return z.preprocess(read, z.int({ error }).min(least, { error }).max(most, { error }));
}

const FRACTION = 'expected a number between 0 and 1';
/** A number between 0 and 1, both excluded. */
export const fraction: z.ZodType<number> = z.preprocess(
  (given) => (typeof given === 'string' && /^[\d.eE-]{1,30}$/.test(given) ? Number(given) : given),
  z.number({ error: FRACTION }).gt(0, { error: FRACTION }).lt(1, { error: FRACTION }),
);

/** Returns the form of a repeatable parameter. */
function list(most: number): z.ZodType<string[]> {
  const read = (given: unknown): unknown => (typeof given === 'string' ? [given] : given);
  const error = `expected at most ${most} of them`;
  return z.preprocess(read, z.array(text).max(most, { error })).default([]);
}

/** `true` or `false`. */
export const flag: z.ZodType<boolean> = z
  .preprocess((given) => (given === 'true' ? true : given === 'false' ? false : given), z.boolean({ error: 'expected true or false' }))
  .default(false);

/** A run in a body, as ROOT/PATH. */
export const runText = text.min(1, { error: 'expected ROOT/PATH' });

const visibilities = z.preprocess(
  (given) => (typeof given === 'string' ? [given] : given),
  z.array(z.enum(VISIBILITIES, { error: `expected ${VISIBILITIES.join(', ')}` })).max(VISIBILITIES.length),
);

/** The parameters that select runs. */
export const selection = {
  root: text.optional().meta({ description: 'Only runs of this root.' }),
  run: list(MOST_RUNS).meta({ description: 'Only these runs, as ROOT/PATH; repeatable.' }),
  filter: text.optional().meta({ description: 'Only runs that meet this filter, such as `lr>1e-4 max:val/acc>=0.9`.' }),
  visibility: visibilities.optional().meta({
    description: 'Only such runs; repeatable. Default: all that `run` names, otherwise all that are not archived.',
  }),
};

/** The parameter that names one run. */
export const oneRun = text.min(1, { error: 'expected ROOT/PATH' }).meta({ description: 'The run, as ROOT/PATH.' });

/** The names of tags. */
export const tags = list(MOST_TAGS);
/** The names of params. */
export const params = list(MOST_TAGS);
/** One text. */
export const oneText = text;

/** The points of a restarted run that are shown. */
export const shown = z
  .enum(['tensorboard', 'python', 'all'], { error: 'expected tensorboard, python or all' })
  .default('tensorboard')
  .meta({ description: 'The points of a restarted run to return, see docs/library.md.' });

/** The field `next` of the previous page. */
export const cursor = z.string().max(MOST_CURSOR).optional().meta({ description: 'The field `next` of the previous page.' });

/** The order of runs. */
export const order = text.default('run').meta({
  description:
    '`run`, `points`, `first_wall_time`, `last_wall_time`, `last_step`, `last:TAG`, `min:TAG`, `max:TAG` or `param:NAME`; ' +
    'with a `-` before it, descending.',
});

/** Checks the parameters of a request. Throws MB5001 with every problem. */
export function checked<Query extends z.ZodType>(schema: Query, given: unknown): z.output<Query> {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const values = new Map(Object.entries(given ?? {}));
  const parameters = error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((parameter) => ({ parameter, detail: `no such parameter${suggestion(parameter, known)}` }));
    const parameter = String(issue.path[0]);
    const value = values.get(parameter);
    const found = value === undefined ? 'it is missing' : `found ${JSON.stringify(value).slice(0, 100)}`;
    return [{ parameter, detail: `${found}, ${issue.message}` }];
  });
  const message = parameters.map(({ parameter, detail }) => `${parameter}: ${detail}`).join('; ');
  throw new Refusal(400, 'MB5001', message, { parameters, hint: 'GET /api/v1/openapi.json describes every parameter.' });
}

/** Returns the run of a text: a name of a root has no slash, so the first slash ends it. */
export function runIn(id: string): RunRef {
  const slash = id.indexOf('/');
  return slash < 0 ? { root: id, path: '.' } : { root: id.slice(0, slash), path: id.slice(slash + 1) };
}

/** The values of the parameters that select runs. */
interface Selected {
  readonly root?: string | undefined;
  readonly run: readonly string[];
  readonly filter?: string | undefined;
  readonly visibility?: readonly Visibility[] | undefined;
}

/** Archived runs are out of the way. */
const LISTED: readonly Visibility[] = ['visible', 'hidden'];

/** Returns the selection of runs that parameters describe. */
export function selectionOf({ root, run, filter, visibility = run.length > 0 ? undefined : LISTED }: Selected): RunSelection {
  return {
    ...(visibility === undefined ? {} : { visibility }),
    ...(root === undefined ? {} : { root }),
    ...(run.length === 0 ? {} : { runs: run.map(runIn) }),
    ...(filter === undefined ? {} : { filter }),
  };
}

const BY = {
  run: 'run',
  points: 'points',
  first_wall_time: 'firstWallTime',
  last_wall_time: 'lastWallTime',
  last_step: 'lastStep',
} as const;

/** Returns the order that a text describes. Throws MB5001. */
export function orderOf(given: string): RunOrder {
  const descending = given.startsWith('-');
  const words = descending ? given.slice(1) : given;
  if (Object.hasOwn(BY, words)) return { by: BY[words as keyof typeof BY], descending };
  const colon = words.indexOf(':');
  const [kind, name] = [words.slice(0, Math.max(0, colon)), words.slice(colon + 1)];
  if (name !== '' && kind === 'param') return { by: 'param', name, descending };
  if (name !== '' && (kind === 'last' || kind === 'min' || kind === 'max')) return { by: 'metric', tag: name, of: kind, descending };
  throw wrongParameter(
    'order',
    `found ${JSON.stringify(given)}, expected ${Object.keys(BY).join(', ')}, last:TAG, min:TAG, max:TAG or param:NAME`,
  );
}

/** Returns the cursor of a page. It belongs to one selection and order: `about` describes them. */
export function cursorOf(next: string | undefined, about: unknown): string | null {
  return next === undefined ? null : Buffer.from(`${markOf(about)}${next}`).toString('base64url');
}

/** Returns the page that a cursor names. Throws MB5001 if it is not a cursor of the same listing. */
export function pageOf(given: string | undefined, about: unknown): string | undefined {
  if (given === undefined) return undefined;
  const text = Buffer.from(given, 'base64url').toString();
  const mark = markOf(about);
  if (text.startsWith(mark) && text.length > mark.length) return text.slice(mark.length);
  throw wrongParameter('cursor', 'expected the field `next` of an answer to the same request');
}

function markOf(about: unknown): string {
  return createHash('sha256').update(JSON.stringify(about)).digest('base64url').slice(0, 12);
}

/** Returns the refusal for a run that the store does not have. */
export function unknownRun(run: RunRef): Refusal {
  return new Refusal(404, 'MB3021', `the store has no run ${runLabel(run)}`, { hint: 'GET /api/v1/runs lists the runs.' });
}
