/** The resources about what `verify` found. */
import { z } from 'zod';
import type { Json } from '../model/index.ts';
import { anyJson, count, named, ofRun, runJson, time } from './components.ts';
import { integer, oneRun, oneText, runIn } from './parameters.ts';
import { Refusal } from './problem.ts';
import { type Route, route } from './route.ts';

const MOST_LINES = 1000;

const verification = named(
  'Verification',
  z.object({
    lane: z.string(),
    where: z.string(),
    at: time,
    differences: count,
    totals: anyJson.nullable().meta({ description: '`totals` of `verify --json`; null if an older version compared the lane.' }),
    runs: z.array(z.object({ ...ofRun, differences: count })).meta({ description: 'The runs with differences, the most first.' }),
    kept: count.meta({ description: 'The number of differences that /differences has; the first ones.' }),
    left_out: count.meta({ description: 'The number of others: `verify --report` writes all.' }),
  }),
);

/** The resources about what `verify` found. */
export const VERIFY_ROUTES: readonly Route[] = [
  route({
    path: '/verifications',
    id: 'listVerifications',
    summary: 'The last result of `verify` for each lane that was verified, with the runs that differ.',
    query: z.strictObject({}),
    answer: z.object({ verifications: z.array(verification) }),
    changes: 'content',
    handle: async ({ lanes }) => ({
      verifications: lanes.verified().map(({ name, target, verdict, report }) => ({
        lane: name,
        where: target,
        at: new Date(verdict.atMs).toISOString(),
        differences: verdict.differences,
        totals: report?.totals ?? null,
        runs: (report?.runs ?? []).map(({ root, run, differences }) => ({ ...runJson({ root, path: run }), differences })),
        kept: report?.differences.length ?? 0,
        left_out: report?.leftOut ?? 0,
      })),
    }),
  }),
  route({
    path: '/differences',
    id: 'listDifferences',
    summary: 'The differences that the last `verify` found in a lane, with their places in the files.',
    query: z.strictObject({
      lane: oneText.meta({ description: 'The lane.' }),
      run: oneRun.optional().meta({ description: 'Only those of this run.' }),
      limit: integer(1, MOST_LINES).default(MOST_LINES).meta({ description: 'The most differences.' }),
    }),
    answer: z.object({
      differences: z.array(anyJson).meta({ description: 'As the lines of `verify --report`; long texts are cut, and named in `cut`.' }),
      left_out: count.meta({ description: 'The number of differences of the lane that are not kept.' }),
    }),
    changes: 'content',
    handle: async ({ lanes }, { lane, run, limit }) => {
      const found = lanes.verified().filter(({ name }) => name === lane);
      // A lane that once led elsewhere may have older ones.
      const last = found.toSorted((a, b) => b.verdict.atMs - a.verdict.atMs)[0];
      if (last === undefined)
        throw new Refusal(404, 'MB5003', `no verify of a lane ${lane} is kept`, { hint: 'GET /api/v1/verifications lists them.' });
      const wanted = run === undefined ? undefined : runIn(run);
      const isWanted = (line: Json): boolean => {
        const { root, run: path } = line as Readonly<Record<string, Json>>;
        return wanted === undefined || (root === wanted.root && path === wanted.path);
      };
      const { differences = [], leftOut = 0 } = last.report ?? {};
      return { differences: differences.filter(isWanted).slice(0, limit), left_out: leftOut };
    },
  }),
];
