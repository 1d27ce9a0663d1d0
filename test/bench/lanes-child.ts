// A backfill into trackers in memory, in a process of its own: its peak memory is that of these lanes alone.
// The plan is JSON on the command line; the answer is a line of JSON on the standard output.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome, TrackerParcel } from '../../src/contract/index.ts';
import { MirrorError } from '../../src/errors.ts';
import { pointCount } from '../../src/model/index.ts';
import { backfill } from '../../src/sync/backfill.ts';
import { untilAborted } from '../../src/testing/fault.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';

/** A tracker of the plan. */
export interface PlannedLane {
  readonly name: string;
  /** How long every call takes. */
  readonly latencyMs: number;
  /** Default `up`. */
  readonly is?: 'up' | 'down' | 'hanging';
}

export interface LanesPlan {
  readonly logs: string;
  /** Working folder: the state file goes there. */
  readonly folder: string;
  /** Points of the logs: a lane that has taken them is done. */
  readonly points: number;
  readonly lanes: readonly PlannedLane[];
  /** True if the local store is a lane, too. */
  readonly hasStore?: boolean;
}

export interface LanesAnswer {
  /** By lane that is up: from the start of the backfill until it had every point, seconds. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Until the backfill had ended, seconds. */
  readonly whole: number;
  /** What the other lanes took; nothing. */
  readonly others: number;
}

/**
 * Counts points instead of keeping them: neither the memory nor the processor time of a tracker is to be measured.
 * Latency, being down and hanging are those of the tracker it is made for.
 */
class CountingBackend extends MemoryBackend {
  readonly #there: MemoryTracker;
  readonly #takes: (points: number) => void;

  constructor(there: MemoryTracker, takes: (points: number) => void) {
    super(there);
    this.#there = there;
    this.#takes = takes;
  }

  override async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const { latencyMs, isDown, isHanging, name } = this.#there;
    if (isHanging) await untilAborted(signal);
    else if (latencyMs > 0) await sleep(latencyMs);
    if (isDown || isHanging) {
      const error = new MirrorError('MB4001', `${name}: nobody answers`, { retry: 'later' });
      return parcels.map(() => ({ kind: 'retry', error }));
    }
    return parcels.map(({ batch }) => {
      const points = pointCount(batch);
      this.#takes(points);
      return { kind: 'accepted', points, refusals: [] };
    });
  }
}

const [, , text = ''] = process.argv;
const { logs, folder, points, lanes, hasStore = false } = JSON.parse(text) as LanesPlan;
const done = new AbortController();
const taken = new Map(lanes.map(({ name }) => [name, 0]));
const seconds: Record<string, number> = {};
const healthy = lanes.filter(({ is = 'up' }) => is === 'up');
const began = performance.now();

function takes(name: string, more: number): void {
  const all = (taken.get(name) ?? 0) + more;
  taken.set(name, all);
  if (all !== points) return;
  seconds[name] = (performance.now() - began) / 1000;
  // Lanes that are not up are neither given up before the others are done nor waited for afterwards.
  if (Object.keys(seconds).length === healthy.length && healthy.length < lanes.length) done.abort();
}

const trackers = lanes.map(({ name, latencyMs, is = 'up' }) => {
  const tracker = new MemoryTracker(name);
  Object.assign(tracker, { latencyMs, isDown: is === 'down', isHanging: is === 'hanging' });
  return {
    name,
    type: 'memory',
    target: `memory:${name}`,
    backend: new CountingBackend(tracker, (more) => takes(name, more)),
    namesOf: ({ path }: { readonly path: string }) => ({ name: path, group: '', tags: {} }),
  };
});
const store = hasStore ? { path: join(folder, 'mirrorboard.db'), mediaPath: join(folder, 'media') } : undefined;
await backfill({ roots: [{ path: logs }], store, trackers, statePath: join(folder, 'state.db'), signal: done.signal });
const whole = (performance.now() - began) / 1000;
for (const { name } of healthy) {
  if (taken.get(name) !== points) throw new Error(`lane ${name} took ${taken.get(name)} points, expected ${points}`);
}
const others = lanes.filter(({ is = 'up' }) => is !== 'up').reduce((sum, { name }) => sum + (taken.get(name) ?? 0), 0);
process.stdout.write(`${JSON.stringify({ seconds, whole, others } satisfies LanesAnswer)}\n`);
