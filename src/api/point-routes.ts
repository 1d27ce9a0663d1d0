/** The resources that return points: curves of scalars, and all other values. */
import { z } from 'zod';
import type { Buckets, Curve, ExactPoints, PointPosition, StoredValue } from '../query/index.ts';
import { anyJson, column, count, exactNumber, ofRun, placeOf, runJson, step } from './components.ts';
import {
  cursor,
  cursorOf,
  flag,
  fraction,
  integer,
  oneRun,
  oneText,
  pageOf,
  runIn,
  selection,
  selectionOf,
  shown,
  tags,
} from './parameters.ts';
import { wrongParameter } from './problem.ts';
import { type Route, route } from './route.ts';

/** The most numbers of one answer: more would take too much memory, here and in a browser. */
const MOST_NUMBERS = 3_000_000;
/** The most bytes of the values of one answer, as JSON. */
const MOST_VALUE_BYTES = 16 * 1024 * 1024;
const MOST_WIDTH = 10_000;
const MOST_RUNS = 1000;
const MOST_VALUES = 10_000;

const steps = column<number | bigint>({ $ref: placeOf('Step') });
const numbers = column<number | bigint>({ $ref: placeOf('ExactNumber') });
const counts = column<number>({ type: 'integer' });

const exact = z.object({
  kind: z.literal('exact'),
  step: steps,
  wall_time: numbers,
  value: numbers,
  file: column<string>({ type: 'string' }).optional(),
  offset: counts.optional(),
  index: counts.optional(),
  smoothed: numbers.optional(),
});
const buckets = z.object({
  kind: z.literal('buckets'),
  count: counts,
  first_step: steps,
  last_step: steps,
  first_wall_time: numbers,
  last_wall_time: numbers,
  min: numbers,
  min_step: numbers,
  max: numbers,
  max_step: numbers,
  last: numbers,
  nan: counts,
  mean: numbers,
  finite: counts,
  smoothed: numbers.optional(),
});
const curve = z.object({
  ...ofRun,
  tag: z.string(),
  count: count.meta({ description: 'The number of points, also if they come as buckets.' }),
  data: z.discriminatedUnion('kind', [exact, buckets]),
});

function exactJson({ kind, step: at, wallTime, value, position, smoothed }: ExactPoints): z.input<typeof exact> {
  const places =
    position === undefined
      ? {}
      : {
          file: position.map(({ file }) => file),
          offset: position.map(({ offset }) => offset),
          index: position.map(({ index }) => index),
        };
  return { kind, step: at, wall_time: wallTime, value, ...places, ...(smoothed === undefined ? {} : { smoothed }) };
}

function bucketsJson({ firstStep, lastStep, firstWallTime, lastWallTime, minStep, maxStep, ...rest }: Buckets): z.input<typeof buckets> {
  return {
    ...rest,
    first_step: firstStep,
    last_step: lastStep,
    first_wall_time: firstWallTime,
    last_wall_time: lastWallTime,
    min_step: minStep,
    max_step: maxStep,
  };
}

function curveJson({ run, tag, count: points, data }: Curve): z.input<typeof curve> {
  return { ...runJson(run), tag, count: points, data: data.kind === 'exact' ? exactJson(data) : bucketsJson(data) };
}

const media = z.object({
  sha256: z.string(),
  bytes: count,
  format: z.string(),
  label: z.string(),
  url: z.string().meta({ description: 'The path of its bytes on this server.' }),
});
const storedValue = z.object({
  step,
  wall_time: exactNumber,
  kind: z.string(),
  value: anyJson,
  media: z.array(media),
  file: z.string(),
  offset: count,
  index: count,
});

function valueJson({ step: at, wallTime, kind, value, media: parts, position }: StoredValue): z.input<typeof storedValue> {
  return {
    step: at,
    wall_time: wallTime,
    kind,
    value,
    media: parts.map(({ sha256, bytes, format, label }) => ({ sha256, bytes, format, label, url: `/api/v1/media/${sha256}` })),
    ...position,
  };
}

const place = z.strictObject({ file: z.string(), offset: count, index: count });

const safe = Number.MAX_SAFE_INTEGER;
const curveQuery = z.strictObject({
  ...selection,
  tag: tags
    .refine((given) => given.length > 0, { error: 'expected at least one tag' })
    .meta({ description: 'The tags of the curves; repeatable.' }),
  width: integer(1, MOST_WIDTH).optional().meta({
    description: 'The width in pixels: a series with more points comes as at most this many buckets. Without it, every point comes.',
  }),
  shown,
  from: integer(-safe, safe).optional().meta({ description: 'The first step.' }),
  to: integer(-safe, safe).optional().meta({ description: 'The last step.' }),
  smooth: fraction.optional().meta({
    description: 'Also return averages of all points, between 0 and 1: the weight of a point at the next one, see docs/api.md.',
  }),
  smooth_x: z
    .enum(['step', 'wall_time'], { error: 'expected step or wall_time' })
    .default('step')
    .meta({ description: 'The distances that count in averages.' }),
  positions: flag.meta({ description: 'Also return the place of exact points in the files.' }),
  limit: integer(1, MOST_RUNS).default(100).meta({ description: 'The most runs of a page.' }),
  cursor,
});

/** The resources that return points. */
export const POINT_ROUTES: readonly Route[] = [
  route({
    path: '/curves',
    id: 'getCurves',
    summary: 'The scalars of some runs and tags: all points, or buckets with the smallest and largest value.',
    query: curveQuery,
    answer: z.object({ total: count, next: z.string().nullable(), curves: z.array(curve) }),
    changes: 'version',
    handle: async ({ store, signal }, query) => {
      const { width, shown: rule, from, to, positions, smooth, smooth_x: by } = query;
      const select = selectionOf(query);
      const about = ['curves', select];
      const after = pageOf(query.cursor, about);
      const { total, next, curves } = await store.ask(
        {
          kind: 'curvePage',
          select,
          limit: query.limit,
          mostNumbers: MOST_NUMBERS,
          tags: [...new Set(query.tag)],
          shown: rule,
          positions,
          ...(after === undefined ? {} : { after }),
          ...(width === undefined ? {} : { width }),
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
          ...(smooth === undefined ? {} : { smooth: { weight: smooth, by: by === 'step' ? 'step' : 'wallTime' } }),
        },
        signal,
      );
      return { total, next: cursorOf(next, about), curves: curves.map(curveJson) };
    },
  }),
  route({
    path: '/values',
    id: 'getValues',
    summary: 'A page of the values of a tag that holds no scalars, the last ones first: histograms, images, texts and all others.',
    query: z.strictObject({
      run: oneRun,
      tag: oneText.meta({ description: 'The tag.' }),
      shown,
      limit: integer(1, MOST_VALUES).default(100).meta({ description: 'The most values of a page. The first page has the last ones.' }),
      cursor,
    }),
    answer: z.object({
      total: count.meta({ description: 'The number of shown values, over all pages.' }),
      next: z.string().nullable().meta({ description: 'The cursor of the page with the values before these; null if there are none.' }),
      values: z.array(storedValue),
    }),
    changes: 'version',
    handle: async ({ store, signal }, { run, tag, shown: rule, limit, cursor: given }) => {
      const about = ['values', run, tag, rule];
      const before = placeIn(pageOf(given, about));
      const page = await store.ask(
        {
          kind: 'valuePage',
          run: runIn(run),
          tag,
          shown: rule,
          limit,
          mostBytes: MOST_VALUE_BYTES,
          ...(before === undefined ? {} : { before }),
        },
        signal,
      );
      const { next, total, values } = page;
      return { total, next: cursorOf(next === undefined ? undefined : JSON.stringify(next), about), values: values.map(valueJson) };
    },
  }),
];

/** Returns the place that a cursor of values names. */
function placeIn(page: string | undefined): PointPosition | undefined {
  if (page === undefined) return undefined;
  const { success, data } = place.safeParse(jsonIn(page));
  if (!success) throw wrongParameter('cursor', 'expected the field `next` of an answer to the same request');
  return data;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
