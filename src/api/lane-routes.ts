/** The resources about lanes: their state, and the status of `watch`. */
import { z } from 'zod';
import { isWholePaused, type Json } from '../model/index.ts';
import { pausedJson } from '../status/index.ts';
import { anyJson, count, named, time } from './components.ts';
import type { LaneFact } from './lane-facts.ts';
import { type Route, route } from './route.ts';

/** The form of a pause. */
export const pause = z.object({ root: z.string().nullable(), since: time });
const lane = named(
  'Lane',
  z.object({
    name: z.string(),
    where: z.string(),
    state: z.string().meta({ description: '`active`, `waiting`, `parked` or `paused`; `idle` if no process drives it.' }),
    driven: z.boolean().meta({ description: 'True if a process drives it now.' }),
    code: z.string().nullable(),
    reason: z.string().nullable(),
    remedy: z.string().nullable(),
    paused: z.array(pause).nullable(),
    points: count.nullable().meta({ description: 'The points that it accepted; null for the local store, see /roots.' }),
    refused: count,
    unsupported: count,
    lag_bytes: z.number().nullable().meta({ description: 'null if it is unknown.' }),
    lag_seconds: z.number().nullable(),
    lag_since: time.nullable(),
    points_per_second: z.number().nullable(),
    catch_up_seconds: z.number().nullable(),
    requests: count.nullable().meta({
      description:
        'The requests to its tracker that ended since the process started; null if no process drives it, and for the local store.',
    }),
    requests_failed: count.nullable().meta({ description: 'Those without an answer, or with one from 400 on.' }),
    requests_per_second: z.number().nullable().meta({ description: 'Over the last minute.' }),
    next_try_at: time.nullable(),
    stopped_runs: z.array(anyJson).meta({ description: 'The runs that the tracker accepts no more, with the reason and a remedy.' }),
    written_at: time.nullable().meta({ description: 'When the process that drives or drove it last wrote its state.' }),
    written_by: z.string().nullable(),
    verified_at: time.nullable(),
    verify_differences: count.nullable(),
  }),
);

function laneJson(fact: LaneFact, nowMs: number): z.input<typeof lane> {
  const { name, target, snapshot, isDriven, pauses, verdict } = fact;
  const stated = <Value>(key: string, type: 'string' | 'number'): Value | null => {
    const value = snapshot?.lane[key];
    return typeof value === type ? (value as Value) : null;
  };
  const running = <Value>(key: string, type: 'string' | 'number'): Value | null => (isDriven ? stated<Value>(key, type) : null);
  const asked = (key: string): number | null => (fact.ownsPositions ? null : running<number>(key, 'number'));
  const stopped = snapshot?.lane['stopped_runs'];
  const since = running<string>('lag_since', 'string');
  return {
    name,
    where: target,
    state: isWholePaused(pauses) ? 'paused' : isDriven ? (stated<string>('state', 'string') ?? 'active') : 'idle',
    driven: isDriven,
    code: stated('code', 'string'),
    reason: stated('reason', 'string'),
    remedy: stated('remedy', 'string'),
    paused: pausedJson(pauses) as z.input<typeof pause>[] | null,
    points: fact.ownsPositions ? null : fact.points,
    refused: fact.refused,
    unsupported: fact.unsupported,
    lag_bytes: isDriven ? stated<number>('lag_bytes', 'number') : fact.ownsPositions ? null : fact.bytesAhead,
    lag_seconds: since === null ? running<number>('lag_seconds', 'number') : Math.max(0, nowMs - Date.parse(since)) / 1000,
    lag_since: since,
    points_per_second: running('points_per_second', 'number'),
    catch_up_seconds: running('catch_up_seconds', 'number'),
    requests: asked('requests'),
    requests_failed: asked('requests_failed'),
    requests_per_second: asked('requests_per_second'),
    next_try_at: running('next_try_at', 'string'),
    stopped_runs: Array.isArray(stopped) ? (stopped as Json[]) : [],
    written_at: snapshot === undefined ? null : iso(snapshot.written_ms),
    written_by: snapshot?.by ?? null,
    verified_at: verdict === undefined ? null : iso(verdict.atMs),
    verify_differences: verdict?.differences ?? null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** The resource that lists the lanes. */
export const LANES: Route = route({
  path: '/lanes',
  id: 'listLanes',
  summary: 'The lanes that the state file knows, and how far each is.',
  query: z.strictObject({}),
  answer: z.object({ lanes: z.array(lane) }),
  changes: 'content',
  handle: async ({ lanes }) => ({ lanes: lanes.lanes().map((fact) => laneJson(fact, lanes.nowMs)) }),
});

/** The resources about lanes. */
export const LANE_ROUTES: readonly Route[] = [
  LANES,
  route({
    path: '/status',
    id: 'getStatus',
    summary: 'The lanes, the roots, the version of the store, and the last status document of `watch`.',
    query: z.strictObject({}),
    answer: z.object({
      version: z.string().meta({ description: 'The version of the store, see /changes.' }),
      lanes: z.array(lane),
      roots: z.array(z.object({ name: z.string(), path: z.string(), runs: count, points: count })),
      watch: z
        .object({ running: z.boolean(), written_at: time, status: anyJson.meta({ description: 'As `/status` of `watch --listen`.' }) })
        .nullable(),
    }),
    changes: 'content',
    handle: async ({ lanes, store, signal }) => {
      const { version } = await store.ask({ kind: 'changes' }, signal);
      const roots = await store.ask({ kind: 'roots' }, signal);
      const watch = lanes.watch();
      return {
        version,
        lanes: lanes.lanes().map((fact) => laneJson(fact, lanes.nowMs)),
        roots: [...roots],
        watch: watch === undefined ? null : { running: watch.isRunning, written_at: iso(watch.writtenMs), status: watch.document as Json },
      };
    },
  }),
];
