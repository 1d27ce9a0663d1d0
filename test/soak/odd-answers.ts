// Honest trackers whose answers are bent at random, and then are honest again: nothing may be thrown that is a bug of
// ours, no point may be refused, and in the end each point is there once.

import { pack, type Tree } from '../../src/backends/aim/tree.ts';
import type { Backend } from '../../src/contract/index.ts';
import { MirrorError, messageOf } from '../../src/errors.ts';
import { useMemory } from '../../src/memory/index.ts';
import { type Draft, GrowingRun } from '../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../src/testing/read-back.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { connectAim } from '../contract/aim-harness.ts';
import { ACCESS_KEY, connectClearml, SECRET_KEY, sectionOf } from '../contract/clearml-harness.ts';
import { connectMlflow, mlflowType } from '../contract/mlflow-harness.ts';
import { connectTrackio } from '../contract/trackio-harness.ts';
import { connectWandb } from '../contract/wandb-harness.ts';
import { seededRandom } from '../crash/backfill-kill.ts';
import { AimStub } from '../support/aim-stub/index.ts';
import { type BendingOptions, startBendingProxy } from '../support/bending-proxy.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { event, simpleValue, text } from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { TrackioStub } from '../support/trackio-stub.ts';
import { WandbStub } from '../support/wandb-stub/index.ts';
import { oddBucketRound } from './odd-bucket.ts';

export interface OddAnswersOptions {
  readonly seed: number;
  /** No round begins later, once each tracker has had one. */
  readonly forMs: number;
  readonly say?: (line: string) => void;
}

interface Tracker {
  readonly url: string;
  connect(url: string): Promise<Backend>;
  close(): Promise<void>;
  readonly bending?: Partial<BendingOptions>;
}

const SECONDS = 5;

export const TRACKERS: Readonly<Record<string, () => Promise<Tracker>>> = {
  async mlflow() {
    const stub = await MlflowStub.start();
    const type = await mlflowType();
    if (type === undefined) throw new Error('there is no MLflow backend');
    return { url: stub.url, connect: (url) => connectMlflow(type, { tracking_uri: url }), close: () => stub.close() };
  },
  async wandb() {
    const stub = await WandbStub.start();
    return {
      url: stub.url,
      connect: (url) => connectWandb({ base_url: url, api_key: stub.key, dir: '/nonexistent', request_timeout: SECONDS }),
      close: () => stub.close(),
      // A file that has nowhere to go is refused for good.
      bending: { kept: ['uploadUrl', 'uploadHeaders', 'files'] },
    };
  },
  async clearml() {
    const stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
    return { url: stub.url, connect: (url) => connectClearml(sectionOf(url)), close: () => stub.close() };
  },
  async aim() {
    const stub = await AimStub.start();
    return {
      url: stub.url,
      connect: (url) => connectAim({ server: url }),
      close: () => stub.close(),
      bending: { bendBytes: anotherTree },
    };
  },
  async trackio() {
    const stub = await TrackioStub.start();
    return {
      url: stub.url,
      connect: (url) => connectTrackio({ url, write_token: 'stub-token', request_timeout: SECONDS }),
      close: () => stub.close(),
    };
  },
};

/**
 * Aim's answers are packed trees. An empty one could be an honest answer, and so could one that ends between two
 * nodes.
 */
function anotherTree(random: () => number, path: string, body: Buffer): Buffer | undefined {
  if (!path.includes('/read-instruction/') || body.length < 12) return undefined;
  const trees: readonly Tree[] = [7n, true, 'a text', 0.5, Buffer.from('bytes'), [7n, 'a', true]];
  const pick = Math.floor(random() * (trees.length + 2));
  if (pick >= trees.length) return body.subarray(0, body.length - 1 - Math.floor(random() * 3));
  return pack(trees[pick] as Tree);
}

export async function soakOddAnswers({ seed, forMs, say = () => {} }: OddAnswersOptions): Promise<number> {
  const end = Date.now() + forMs;
  const names = Object.keys(TRACKERS);
  let rounds = 0;
  do {
    await oddAnswersRound(names[rounds % names.length] as string, seed + rounds, say);
    if (rounds % names.length === 0) await oddBucketRound(seed + rounds, say);
    rounds++;
  } while (rounds < names.length || Date.now() < end);
  return rounds;
}

/** Long answers are not long with it. */
const MEMORY = 128 * 1024 * 1024;
const PARCELS = 10;
const PER_PARCEL = 8;

/** Starts of a process that bent answers may cost: each bend costs one at most. */
const STARTS_PER_BEND = 2;
/** Requests for each bend, and for each parcel that is delivered. */
const REQUESTS_PER_BEND = 60;
const REQUESTS_PER_PARCEL = 60;

/** `mostBends`: more of them take longer. */
export async function oddAnswersRound(name: string, seed: number, say: (line: string) => void, mostBends = 40): Promise<void> {
  const what = `${name}, MIRRORBOARD_TEST_SEED=${seed}`;
  const random = seededRandom(seed);
  const start = TRACKERS[name];
  if (start === undefined) throw new Error(`there is no tracker ${name}`);
  const tracker = await start();
  const bends = 5 + Math.floor(random() * (mostBends - 5));
  useMemory({ limit: MEMORY, trackers: 1 });
  const proxy = await startBendingProxy(tracker.url, { random, probability: 0.1 + random() * 0.5, bends, ...tracker.bending });
  const run = new GrowingRun();
  try {
    const drafts = Array.from({ length: PARCELS }, (_, i) => run.append(events(i * PER_PARCEL, PER_PARCEL))).flat();
    const ledger = newLedger();
    let starts = 0;
    for (; ; starts++) {
      const failure = await life(() => tracker.connect(proxy.url), run, ledger, drafts);
      if (failure === undefined) break;
      if (!(failure instanceof MirrorError) || failure.code === 'MB9001') throw new Error(`${what}: ${stackOf(failure)}`);
      if (starts > bends * STARTS_PER_BEND) throw new Error(`${what}: it does not come through: ${failure.code} ${failure.message}`);
    }
    const refused = ledger.refusals.map(({ reason }) => reason.slice(0, 300));
    if (refused.length > 0) throw new Error(`${what}: ${refused.length} points were refused: ${refused[0]}`);
    const most = REQUESTS_PER_BEND * bends + REQUESTS_PER_PARCEL * drafts.length;
    if (proxy.asked > most) throw new Error(`${what}: ${proxy.asked} requests, expected ${most} at most`);
    proxy.heal();
    const backend = await tracker.connect(proxy.url);
    try {
      const found = ledger.handle === undefined ? new Map<string, number>() : await readHeld(backend, ledger.handle);
      const wrong = differences(backend, expectedOf(backend, drafts), found);
      if (wrong.length > 0) throw new Error(`${what}: ${wrong.length} differences: ${wrong.slice(0, 5).join('; ')}`);
    } finally {
      await backend.close();
    }
    const kinds = [...proxy.bent].map(([kind, times]) => `${times} × ${kind}`).join(', ');
    say(`${what}: ${proxy.asked} requests, ${starts} starts, ${kinds}`);
  } finally {
    await proxy.close();
    await tracker.close();
    run.remove();
  }
}

/** One life of a process; what ended it, where that was not the end of its work. */
async function life(
  connect: () => Promise<Backend>,
  run: GrowingRun,
  ledger: ReturnType<typeof newLedger>,
  drafts: readonly Draft[],
): Promise<unknown> {
  const backend = await connect();
  try {
    const delivery = new SmallDelivery(backend, ledger, run.source());
    const handle = await delivery.open();
    await delivery.deliver(drafts);
    // What is read back may be bent as well: it ends with an error that says so, or is what it is.
    await readHeld(backend, handle);
    await backend.finish(handle, { status: 'finished', endedAt: 1_700_000_100 }, new AbortController().signal);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await backend.close();
  }
}

/** Scalars, some steps twice, and texts. */
function events(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const step = (from + i) % 37;
    const values = [simpleValue('loss', (from + i) / 3), simpleValue('lr', 0.1), text('note', `step ${from + i}`)];
    return event({ wallTime: 1_700_000_000 + from + i, step, summary: values });
  });
}

function stackOf(error: unknown): string {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error && causes.length < 5; at = at.cause) causes.push(at.stack ?? messageOf(at));
  return causes.length === 0 ? messageOf(error) : causes.join('\n');
}
