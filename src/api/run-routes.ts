/** The resources about roots, runs and tags. */
import { z } from 'zod';
import { VISIBILITIES } from '../backends/local/index.ts';
import { isPending, keyOfRun } from '../model/index.ts';
import type { DamagedRange, MetricSummary, RunSummary, SeriesDetails, StoredFile } from '../query/index.ts';
import { type anyJson, byName, count, exactNumber, named, ofRun, runJson, step } from './components.ts';
import {
  cursor,
  cursorOf,
  flag,
  integer,
  oneRun,
  oneText,
  order,
  orderOf,
  pageOf,
  params,
  runIn,
  selection,
  selectionOf,
  tags,
  unknownRun,
} from './parameters.ts';
import { type Route, type RouteContext, route } from './route.ts';
import { laneOfRun, lanesJson } from './run-lanes.ts';

const MOST_PAGE = 10_000;

const metricFields = { count, last: exactNumber.nullable(), min: exactNumber.nullable(), max: exactNumber.nullable() };
const METRIC = 'MetricSummary';
named(METRIC, z.object(metricFields));

const PARAM = 'AnyJson';
const runParams = byName<z.input<typeof anyJson>>(PARAM);

const runSummary = named(
  'Run',
  z.object({
    ...ofRun,
    points: count,
    tags: count,
    files: count,
    bytes: count.meta({ description: 'The bytes of its event files.' }),
    last_step: step.nullable(),
    first_wall_time: exactNumber.nullable(),
    last_wall_time: exactNumber.nullable(),
    damaged: z.boolean().meta({ description: 'True if part of its files cannot be read, or is pending.' }),
    visibility: z.enum(VISIBILITIES).meta({ description: '`hidden` or `archived` if a user chose so, see POST /runs/visibility.' }),
    metrics: byName<MetricSummary>(METRIC).meta({ description: 'The metrics that the request names.' }),
    params: runParams.meta({ description: 'The params that the request names.' }),
    lanes: z.array(laneOfRun).optional().meta({ description: 'The lanes, if the request asks for them.' }),
  }),
);

const series = named(
  'Series',
  z.object({
    tag: z.string(),
    plugin: z.string(),
    data_class: z.string(),
    display_name: z.string(),
    description: z.string(),
    first_step: step.nullable(),
    last_step: step.nullable(),
    last_wall_time: exactNumber.nullable(),
    ...metricFields,
  }),
);

const file = named(
  'File',
  z.object({
    name: z.string(),
    bytes: count,
    good_bytes: count.meta({ description: 'Everything before this offset is settled.' }),
    records: count,
    generation: count,
  }),
);

const session = named(
  'Session',
  z.object({
    file: z.string(),
    offset: count.meta({ description: 'Of the record in the file.' }),
    step,
    wall_time: exactNumber,
  }),
);

const damage = named(
  'Damage',
  z.object({
    ...ofRun,
    file: z.string(),
    start: count,
    end: count,
    reason: z.string(),
    detail: z.string().nullable(),
    pending: z.boolean().meta({ description: 'True for the normal end of a file that is still written.' }),
  }),
);

function summaryJson({ run, points, tags: series, files, bytes, ...summary }: RunSummary): z.input<typeof runSummary> {
  return {
    ...runJson(run),
    points,
    tags: series,
    files,
    bytes,
    last_step: summary.lastStep,
    first_wall_time: summary.firstWallTime,
    last_wall_time: summary.lastWallTime,
    damaged: summary.isDamaged,
    visibility: summary.visibility,
    metrics: summary.metrics,
    params: summary.params,
  };
}

/** Adds the lanes to runs. */
async function withLanes(
  answer: readonly z.input<typeof runSummary>[],
  runs: readonly RunSummary[],
  { store, lanes, signal }: RouteContext,
): Promise<z.input<typeof runSummary>[]> {
  const refs = runs.map(({ run }) => run);
  const stored = new Map((await store.ask({ kind: 'progress', runs: refs }, signal)).map((each) => [keyOfRun(each.run), each]));
  const facts = await lanes.ofRuns(refs);
  return answer.map((each, i) => {
    const { run, points } = runs[i] as RunSummary;
    const progress = stored.get(keyOfRun(run));
    return { ...each, lanes: lanesJson(facts[i] ?? [], progress === undefined ? undefined : { ...progress, points }) };
  });
}

function seriesJson({ dataClass, displayName, firstStep, lastStep, lastWallTime, ...rest }: SeriesDetails): z.input<typeof series> {
  return {
    ...rest,
    data_class: dataClass,
    display_name: displayName,
    first_step: firstStep,
    last_step: lastStep,
    last_wall_time: lastWallTime,
  };
}

function fileJson({ readBytes, ...rest }: StoredFile): z.input<typeof file> {
  return { ...rest, good_bytes: readBytes };
}

function damageJson({ run, file: name, start, end, reason, detail }: DamagedRange): z.input<typeof damage> {
  return { ...runJson(run), file: name, start, end, reason, detail: detail ?? null, pending: isPending({ reason }) };
}

const page = {
  limit: integer(1, MOST_PAGE).default(1000).meta({ description: 'The most runs of a page.' }),
  cursor,
};
const ofPage = {
  total: count.meta({ description: 'The number of selected runs, over all pages.' }),
  next: z.string().nullable().meta({ description: 'The cursor of the next page; null on the last one.' }),
};

/** The resource that follows the store. */
export const CHANGES: Route = route({
  path: '/changes',
  id: 'listChanges',
  summary: 'The version of the store, and the runs that changed since an earlier one.',
  query: z.strictObject({ since: oneText.optional().meta({ description: 'The field `version` of an earlier answer.' }) }),
  answer: z.object({
    version: z.string(),
    all: z.boolean().meta({ description: 'True if any run may have changed: the earlier version is unknown.' }),
    runs: z.array(z.object(ofRun)),
  }),
  changes: 'content',
  handle: async ({ store, signal }, { since }) => {
    const { version, runs } = await store.ask({ kind: 'changes', ...(since === undefined ? {} : { since }) }, signal);
    return { version, all: runs === 'all', runs: runs === 'all' ? [] : runs.map(runJson) };
  },
});

/** The resources about roots, runs and tags. */
export const RUN_ROUTES: readonly Route[] = [
  route({
    path: '/roots',
    id: 'listRoots',
    summary: 'The mirrored log directories.',
    query: z.strictObject({}),
    answer: z.object({ roots: z.array(z.object({ name: z.string(), path: z.string(), runs: count, points: count })) }),
    changes: 'content',
    handle: async ({ store, signal }) => ({ roots: [...(await store.ask({ kind: 'roots' }, signal))] }),
  }),
  route({
    path: '/plugins',
    id: 'listPlugins',
    summary: 'The plugins with data.',
    query: z.strictObject({ root: selection.root }),
    answer: z.object({ plugins: z.array(z.object({ plugin: z.string(), series: count, points: count })) }),
    changes: 'version',
    handle: async ({ store, signal }, { root }) => ({
      plugins: [...(await store.ask({ kind: 'plugins', ...(root === undefined ? {} : { root }) }, signal))],
    }),
  }),
  route({
    path: '/runs',
    id: 'listRuns',
    summary: 'A page of runs, filtered and sorted, with the metrics and params that the request names.',
    query: z.strictObject({
      ...selection,
      order,
      metric: tags.meta({ description: 'Return the count, last, smallest and largest value of this tag; repeatable.' }),
      param: params.meta({ description: 'Return this param; repeatable.' }),
      lanes: flag.meta({ description: 'Return the state of each run in each lane.' }),
      ...page,
    }),
    answer: z.object({ ...ofPage, runs: z.array(runSummary) }),
    changes: ({ lanes }) => (lanes === true ? 'content' : 'version'),
    handle: async (context, query) => {
      const { store, signal } = context;
      const select = selectionOf(query);
      const by = orderOf(query.order);
      const after = pageOf(query.cursor, [select, by]);
      const { total, runs, next } = await store.ask(
        {
          kind: 'runs',
          select,
          order: by,
          limit: query.limit,
          metrics: query.metric,
          params: query.param,
          ...(after === undefined ? {} : { after }),
        },
        signal,
      );
      const answer = runs.map(summaryJson);
      return { total, next: cursorOf(next, [select, by]), runs: query.lanes ? await withLanes(answer, runs, context) : answer };
    },
  }),
  route({
    path: '/run',
    id: 'getRun',
    summary: 'One run: its series, files, damage and hyperparameters.',
    query: z.strictObject({ run: oneRun }),
    answer: z.object({
      run: runSummary,
      series: z.array(series),
      files: z.array(file),
      damage: z.array(damage),
      sessions: z.array(session).meta({ description: 'The session starts that its writers noted, in the order of the files.' }),
      hparams: runParams,
    }),
    changes: 'content',
    handle: async (context, query) => {
      const { store, signal } = context;
      const run = runIn(query.run);
      const select = { runs: [run] };
      const [summary] = (await store.ask({ kind: 'runs', select }, signal)).runs;
      if (summary === undefined) throw unknownRun(run);
      const [ofSeries, files, damaged, sessions, hparams] = await Promise.all([
        store.ask({ kind: 'series', run }, signal),
        store.ask({ kind: 'files', run }, signal),
        store.ask({ kind: 'damage', select }, signal),
        store.ask({ kind: 'sessions', run }, signal),
        store.ask({ kind: 'hparams', select }, signal),
      ]);
      const [withItsLanes = summaryJson(summary)] = await withLanes([summaryJson(summary)], [summary], context);
      return {
        run: withItsLanes,
        series: ofSeries.map(seriesJson),
        files: files.map(fileJson),
        damage: damaged.map(damageJson),
        sessions: sessions.map(({ wallTime, ...rest }) => ({ ...rest, wall_time: wallTime })),
        hparams: hparams[0]?.params ?? {},
      };
    },
  }),
  route({
    path: '/tags',
    id: 'listTags',
    summary: 'The tags of the selected runs.',
    query: z.strictObject({ ...selection, plugin: oneText.optional().meta({ description: 'Only tags of this plugin.' }) }),
    answer: z.object({ tags: z.array(z.object({ tag: z.string(), plugin: z.string(), runs: count, points: count })) }),
    changes: 'version',
    handle: async ({ store, signal }, { plugin, ...selected }) => ({
      tags: [...(await store.ask({ kind: 'tags', select: selectionOf(selected), ...(plugin === undefined ? {} : { plugin }) }, signal))],
    }),
  }),
  route({
    path: '/hparams',
    id: 'listHparams',
    summary: 'The hyperparameters of the selected runs.',
    query: z.strictObject({ ...selection, ...page }),
    answer: z.object({
      ...ofPage,
      names: z.array(z.string()).meta({ description: 'The names of all hyperparameters of this page.' }),
      runs: z.array(z.object({ ...ofRun, params: runParams })),
    }),
    changes: 'version',
    handle: async ({ store, signal }, query) => {
      const select = selectionOf(query);
      const after = pageOf(query.cursor, ['hparams', select]);
      const listed = await store.ask({ kind: 'runs', select, limit: query.limit, ...(after === undefined ? {} : { after }) }, signal);
      const found = await store.ask({ kind: 'hparams', select: { runs: listed.runs.map(({ run }) => run) } }, signal);
      const names = new Set(found.flatMap((each) => Object.keys(each.params)));
      return {
        total: listed.total,
        next: cursorOf(listed.next, ['hparams', select]),
        names: [...names].sort(),
        runs: found.map((each) => ({ ...runJson(each.run), params: each.params })),
      };
    },
  }),
  route({
    path: '/damage',
    id: 'listDamage',
    summary: 'The bytes of the event files that cannot be read.',
    query: z.strictObject(selection),
    answer: z.object({ damage: z.array(damage) }),
    changes: 'content',
    handle: async ({ store, signal }, query) => ({
      damage: (await store.ask({ kind: 'damage', select: selectionOf(query) }, signal)).map(damageJson),
    }),
  }),
  CHANGES,
];
