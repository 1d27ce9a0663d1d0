/** The resources that return points: curves of scalars, and all other values. */
import { z } from 'zod';
import type { RunRef } from '../model/index.ts';
import type { Buckets, Curve, ExactPoints, StoredValue } from '../query/index.ts';
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
  unknownRun,
} from './parameters.ts';
import { Refusal } from './problem.ts';
import { type Route, type RouteContext, route } from './route.ts';

/** The most numbers of one answer: more would take too much memory, here and in a browser. */
const MOST_NUMBERS = 3_000_000;
const NUMBERS_PER_POINT = 3;
const NUMBERS_PER_BUCKET = 13;
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

/** Refuses an answer with too many numbers. `points`: the number of points of each series. */
function checkSize(points: readonly number[], { width, smooth }: Pick<z.output<typeof curveQuery>, 'width' | 'smooth'>): void {
  const more = smooth === undefined ? 0 : 1;
  const [perPoint, perBucket] = [NUMBERS_PER_POINT + more, NUMBERS_PER_BUCKET + more];
  const sum = points.reduce((all, each) => all + (width !== undefined && each > width ? width * perBucket : each * perPoint), 0);
  if (sum <= MOST_NUMBERS) return;
  throw new Refusal(400, 'MB5004', `the answer would have ${sum} numbers, and the most are ${MOST_NUMBERS}`, {
    hint:
      width === undefined
        ? 'Ask for fewer runs or tags, or for buckets with width=1000.'
        : 'Ask for fewer runs or tags, or a smaller width.',
  });
}

/** Returns the runs of a request for curves, with the number of points of each series. */
async function runsOf(
  { store, signal }: RouteContext,
  query: z.output<typeof curveQuery>,
): Promise<{ readonly runs: readonly RunRef[]; readonly points: readonly number[]; readonly total: number; readonly next: string | null }> {
  const select = selectionOf(query);
  const about = ['curves', select];
  const after = pageOf(query.cursor, about);
  const { runs, total, next } = await store.ask(
    { kind: 'runs', select, metrics: query.tag, limit: query.limit, ...(after === undefined ? {} : { after }) },
    signal,
  );
  if (query.root === undefined && query.filter === undefined && total < new Set(query.run).size) {
    const { runs: all } = await store.ask({ kind: 'runs', select, limit: MOST_RUNS }, signal);
    const known = new Set(all.map(({ run }) => runJson(run).id));
    const missing = query.run.map(runIn).find((run) => !known.has(runJson(run).id));
    if (missing !== undefined) throw unknownRun(missing);
  }
  return {
    runs: runs.map(({ run }) => run),
    points: runs.flatMap(({ metrics }) => Object.values(metrics).map((metric) => metric.count)),
    total,
    next: cursorOf(next, about),
  };
}

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
    handle: async (context, query) => {
      const { runs, points, total, next } = await runsOf(context, query);
      const { width, shown: rule, from, to, positions, smooth, smooth_x: by } = query;
      const isRange = from !== undefined || to !== undefined;
      if (!isRange) checkSize(points, query);
      const options = {
        tags: [...new Set(query.tag)],
        shown: rule,
        positions,
        ...(width === undefined ? {} : { width }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(smooth === undefined ? {} : { smooth: { weight: smooth, by: by === 'step' ? ('step' as const) : ('wallTime' as const) } }),
      };
      const curves: Curve[] = [];
      // A range may leave few of many points, so what comes is counted: after each run, before the next one is read.
      for (const some of isRange ? runs.map((run) => [run]) : [runs]) {
        for (const each of await context.store.ask({ kind: 'curves', runs: some, ...options }, context.signal)) curves.push(each);
        checkSize(
          curves.map((each) => each.count),
          query,
        );
      }
      return { total, next, curves: curves.map(curveJson) };
    },
  }),
  route({
    path: '/values',
    id: 'getValues',
    summary: 'The last values of a tag that holds no scalars: histograms, images, texts and all others.',
    query: z.strictObject({
      run: oneRun,
      tag: oneText.meta({ description: 'The tag.' }),
      shown,
      limit: integer(1, MOST_VALUES).default(100).meta({ description: 'The most values, the last ones.' }),
    }),
    answer: z.object({ values: z.array(storedValue) }),
    changes: 'version',
    handle: async ({ store, signal }, { run, tag, shown: rule, limit }) => ({
      values: (await store.ask({ kind: 'values', run: runIn(run), tag, shown: rule, limit }, signal)).map(valueJson),
    }),
  }),
];
