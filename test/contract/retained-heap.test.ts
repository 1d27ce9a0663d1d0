// Memory is bounded by configuration: what a lane retains does not grow with the points of a live run.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AimStub } from '../support/aim-stub/index.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { type Feed, POINTS_PER_PARCEL } from '../support/retained-heap.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { TrackioStub } from '../support/trackio-stub.ts';
import { WandbStub } from '../support/wandb-stub/index.ts';
import { ACCESS_KEY, SECRET_KEY, sectionOf } from './clearml-harness.ts';

/** Everything is loaded and compiled after the first; the last has 200 times the points of a run of two parcels. */
const PARCELS = [60, 400] as const;
/** An object of a point takes more than this: columns of numbers in caches that are bounded, less. */
const BYTES_PER_POINT = 100;

interface Server {
  readonly section: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly complaints?: () => readonly string[];
  readonly close: () => Promise<void> | void;
}

const LANES: readonly (readonly [string, Feed['lane'], () => Promise<Server>])[] = [
  [
    'Aim',
    'aim',
    async () => {
      const stub = await AimStub.start();
      return { section: { server: stub.url }, complaints: () => stub.complaints(), close: () => stub.close() };
    },
  ],
  [
    'MLflow',
    'mlflow',
    async () => {
      const stub = await MlflowStub.start();
      return { section: { tracking_uri: stub.url }, complaints: () => stub.violations, close: () => stub.close() };
    },
  ],
  [
    'Trackio',
    'trackio',
    async () => {
      const stub = await TrackioStub.start();
      return { section: { url: stub.url, write_token: 'stub-token' }, complaints: () => stub.server.complaints, close: () => stub.close() };
    },
  ],
  [
    'W&B',
    'wandb',
    async () => {
      const stub = await WandbStub.start();
      const dir = temporaryFolder();
      return {
        section: { base_url: stub.url, dir, api_key: stub.key },
        env: { HOME: '/nowhere' },
        complaints: () => stub.violations,
        close: () => stub.close(),
      };
    },
  ],
  [
    'W&B offline',
    'wandb',
    async () => {
      const dir = temporaryFolder();
      return {
        section: { mode: 'offline', dir },
        env: { HOME: '/nowhere' },
        close: () => rmSync(dir, { recursive: true, force: true }),
      };
    },
  ],
  [
    'ClearML',
    'clearml',
    async () => {
      const stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
      const env = { CLEARML_CONFIG_FILE: '/dev/null' };
      return { section: sectionOf(stub.url), env, complaints: () => stub.violations, close: () => stub.close() };
    },
  ],
  [
    'ClearML offline',
    'clearml',
    async () => {
      const dir = temporaryFolder();
      return {
        section: { mode: 'offline', cache_dir: dir },
        env: { CLEARML_CONFIG_FILE: '/dev/null' },
        close: () => rmSync(dir, { recursive: true, force: true }),
      };
    },
  ],
];

describe('the memory that a lane retains', () => {
  it.each(LANES)('does not grow with the points of a live run: %s', async (_, lane, start) => {
    const server = await start();
    const answer = await feed({ lane, section: server.section, env: server.env ?? {}, parcels: PARCELS });
    const complaints = server.complaints?.() ?? [];
    await server.close();
    const [early = 0, late = 0] = answer.bytes ?? [];
    const points = (PARCELS[1] - PARCELS[0]) * POINTS_PER_PARCEL;
    expect(answer.error).toBeUndefined();
    expect(complaints).toEqual([]);
    expect(early).toBeGreaterThan(0);
    expect((late - early) / points).toBeLessThan(BYTES_PER_POINT);
  });
});

async function feed(plan: Feed): Promise<{ readonly bytes?: readonly number[]; readonly error?: string }> {
  const child = fork(new URL('../support/retained-heap.js', import.meta.url), { execArgv: ['--expose-gc'] });
  child.send(plan);
  const [answer] = (await once(child, 'message')) as [{ readonly bytes?: readonly number[]; readonly error?: string }];
  return answer;
}
