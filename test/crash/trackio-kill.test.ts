import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { realTracker } from '../support/real-tracker.ts';
import { testSeed } from '../support/test-seed.ts';
import { startTrackio, type TrackioServer } from '../support/trackio-server.ts';
import { TrackioStub } from '../support/trackio-stub.ts';
import { killWithTrackio, type TrackioTarget } from './trackio-kill.ts';
import { grower } from './watch-kill.ts';

const seed = testSeed();
const server = await realTracker('Trackio server', startTrackio);

let folder: string;
beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  remove(folder);
});

const ROWS = 'select id, run_name, cast(step as text) as step, cast(metrics as text) as metrics from metrics';

interface StoredRow {
  readonly id: number;
  readonly run_name: string;
  readonly step: string;
  readonly metrics: string;
}

function textsOf(rows: readonly StoredRow[]): string[] {
  return rows.flatMap(({ run_name: run, step, metrics }) =>
    Object.entries(JSON.parse(metrics) as object).flatMap(([key, value]) =>
      key === 'mirrorboard' ? [] : [JSON.stringify([run, key, Number(step), Number(value)])],
    ),
  );
}

function realTarget({ url, writeToken, inbox, call, restart }: TrackioServer, throughInbox: boolean): TrackioTarget {
  return {
    url,
    writeToken,
    ...(throughInbox ? { inbox } : {}),
    async hit(random) {
      if (random() < 0.7) await restart();
    },
    heal: () => undefined,
    async rows(project) {
      const all: StoredRow[] = [];
      for (let last = 0; ; last = all.at(-1)?.id ?? 0) {
        const query = `${ROWS} where id > ${last} order by id limit 10000`;
        const { rows } = (await call('query_project', { project, query }).catch(() => ({ rows: [] }))) as { rows: StoredRow[] };
        all.push(...rows);
        if (rows.length < 10_000) return textsOf(all);
      }
    },
  };
}

function stubTarget(stub: TrackioStub): TrackioTarget {
  const { faults } = stub.server;
  return {
    url: stub.url,
    writeToken: 'stub-token',
    async hit(random) {
      const kinds = ['answerLost', 'connectionLost', 'partStored', 'unavailable', 'hangStored'] as const;
      faults.add({ kind: kinds[Math.floor(random() * kinds.length)] ?? 'partStored' }, 2);
      if (random() < 0.5) stub.forgets += 2;
    },
    heal() {
      faults.clear();
      stub.forgets = 0;
    },
    rows: async (project) => textsOf((stub.projects.get(project)?.prepare(ROWS).all() ?? []) as unknown as StoredRow[]),
  };
}

async function kill(target: TrackioTarget, lifeMs: number): Promise<void> {
  const said: string[] = [];
  const writer = grower({ seed, steps: 1200, rate: 200, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
  try {
    const points = await killWithTrackio({ folder, kills: 3, seed, lifeMs, writer, target, say: (line) => void said.push(line) });
    expect(points).toBeGreaterThan(1000);
  } catch (cause) {
    throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
  }
}

describe('Trackio after a watch was killed', () => {
  it('has every point once in the end, no matter how often the server fails meanwhile', async () => {
    const stub = await TrackioStub.start();
    try {
      await kill(stubTarget(stub), 2000);
      expect(stub.server.complaints).toEqual([]);
    } finally {
      await stub.close();
    }
  });

  if (server !== undefined) {
    afterAll(() => server.stop());

    it('has every point once in the end if a real server is killed too', () => kill(realTarget(server, false), 5000));

    it('has every point once in the end if they go through the inbox of a real server', async () => {
      await kill(realTarget(server, true), 8000);
    });
  }
});
