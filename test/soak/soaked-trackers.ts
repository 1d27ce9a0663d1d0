// The five trackers of `all-at-once`, each behind a proxy: real servers if they can be had, strict stand-ins otherwise.
// They are killed, hang, are slow and start again, and say in the end which points they have.
import { toMillis } from '../../src/model/index.ts';
import { wantedOf as lastOfEachStep, realTarget, stubTarget } from '../crash/aim-kill.ts';
import { seededRandom } from '../crash/backfill-kill.ts';
import { killedClearml, killedMlflow } from '../crash/tracker-kill.ts';
import { onlinePoints, moods as wandbMoods } from '../crash/wandb-kill.ts';
import type { TruthPoints } from '../crash/watch-kill.ts';
import { startAim } from '../support/aim-server.ts';
import { AimStub } from '../support/aim-stub/index.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { startMlflow } from '../support/mlflow-server.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { TrackioStub } from '../support/trackio-stub.ts';
import { WandbStub } from '../support/wandb-stub/index.ts';

/** A tracker that suffers. */
export interface SoakedTracker {
  /** Also the name of its lane. */
  readonly name: string;
  readonly isReal: boolean;
  /** The lane in a configuration. */
  readonly lane: string;
  readonly env: Readonly<Record<string, string>>;
  readonly proxy: CuttingProxy;
  /** Ends it as a crash does: connections, and all that it only remembers. */
  kill(): Promise<void>;
  /** After a kill. */
  restart(): Promise<void>;
  /** A fault that only it has, if there is any. Returns what it was. */
  hit?(random: () => number): string;
  /** All is well from now on. */
  heal(): void;
  /** Scalars of the runs below a folder, as JSON, as often as they are there. */
  points(below: string): Promise<readonly string[]>;
  /** What `points` has to give, by what the writers have written. */
  wanted(truth: TruthPoints): ReadonlySet<string>;
  violations(): readonly string[];
  stop(): Promise<void>;
}

type Parts = Omit<SoakedTracker, 'proxy' | 'stop' | 'heal'> & { heal?(): void; stop(): Promise<void> };

/** Of each piece that a proxy passes on, that the connection is cut instead. */
const CUT = 0.001;

/** Starts all of them. `isReal`: real servers if they can be had, and `say` hears why one can't. */
export async function startTrackers(seed: number, isReal: boolean, say: (line: string) => void): Promise<readonly SoakedTracker[]> {
  const real = async <T>(what: string, start: () => Promise<T>): Promise<T | undefined> => {
    if (!isReal) return undefined;
    return start().catch((error: Error) => {
      say(`a stand-in for ${what}, since no real server can be had: ${error.message}`);
      return undefined;
    });
  };
  const behind = async (url: string, at: number, make: (proxy: CuttingProxy) => Parts): Promise<SoakedTracker> => {
    const proxy = await startCuttingProxy(url, seededRandom(seed + at), CUT);
    const parts = make(proxy);
    return {
      ...parts,
      proxy,
      heal() {
        proxy.heal();
        parts.heal?.();
      },
      async stop() {
        await proxy.close();
        await parts.stop();
      },
    };
  };
  const mlflow = await real('MLflow', startMlflow);
  const aim = await real('Aim', startAim);
  return [
    mlflow === undefined ? await mlflowStub(seed, behind) : await behind(mlflow.url, 1, (proxy) => realMlflow(mlflow, proxy)),
    await wandbStub(seed, behind),
    await clearmlStub(seed, behind),
    aim === undefined ? await aimStub(behind) : await behind(aim.url, 4, (proxy) => realAim(aim, proxy)),
    await trackioStub(behind),
  ];
}

type Behind = (url: string, at: number, make: (proxy: CuttingProxy) => Parts) => Promise<SoakedTracker>;

/** A stand-in lives in this process: its death is that of its connections. */
const diesByProxy = (proxy: CuttingProxy, forget: () => void = () => undefined): Pick<Parts, 'kill' | 'restart'> => ({
  async kill() {
    proxy.be('down');
    forget();
  },
  async restart() {
    proxy.be('well');
  },
});

const isBelow = (below: string) => (point: string) => (JSON.parse(point) as [string])[0].startsWith(below);

/** Points by run and tag as a tracker that rounds times to milliseconds holds them. */
const byMillis = (truth: TruthPoints): ReadonlySet<string> => textsOf(truth, toMillis);
const bySeconds = (truth: TruthPoints): ReadonlySet<string> => textsOf(truth, (seconds) => seconds);

function textsOf(truth: TruthPoints, time: (seconds: number) => number): ReadonlySet<string> {
  const texts = new Set<string>();
  for (const [run, tags] of Object.entries(truth)) {
    for (const [tag, points] of Object.entries(tags))
      for (const [step, wallTime, value] of points) texts.add(JSON.stringify([run, tag, step, time(wallTime), value]));
  }
  return texts;
}

async function mlflowStub(seed: number, behind: Behind): Promise<SoakedTracker> {
  const stub = await MlflowStub.start();
  return behind(stub.url, 1, (proxy) => {
    const killed = killedMlflow(stub, seed, proxy.url);
    return {
      ...killed,
      ...diesByProxy(proxy),
      name: 'mlflow',
      isReal: false,
      points: async (below) => killed.points().filter(isBelow(below)),
      wanted: byMillis,
      stop: () => stub.close(),
    };
  });
}

const EXPERIMENT = 'all at once';

function realMlflow(server: Awaited<ReturnType<typeof startMlflow>>, proxy: CuttingProxy): Parts {
  return {
    name: 'mlflow',
    isReal: true,
    lane: `mlflow: { tracking_uri: "${proxy.url}", experiment_name: "${EXPERIMENT}" }`,
    env: {},
    kill: () => server.kill(),
    restart: () => server.restart(),
    points: async (below) =>
      (await server.readBack(EXPERIMENT))
        .filter(({ name }) => name.startsWith(below))
        .flatMap(({ name, metrics }) =>
          Object.entries(metrics).flatMap(([tag, points]) => points.map((point) => JSON.stringify([name, tag, ...point.map(Number)]))),
        ),
    wanted: byMillis,
    violations: () => [],
    stop: () => server.stop(),
  };
}

async function wandbStub(seed: number, behind: Behind): Promise<SoakedTracker> {
  const stub = await WandbStub.start({ lateCountMs: 500 });
  wandbMoods(stub, seed);
  return behind(stub.url, 2, (proxy) => ({
    ...diesByProxy(proxy),
    name: 'wandb',
    isReal: false,
    lane: `wandb: { base_url: "${proxy.url}", project: soak, log_interval: 1 }`,
    env: { WANDB_API_KEY: stub.key },
    heal: () => stub.heal(),
    // Histograms are objects there.
    points: async (below) => onlinePoints(stub, below).filter((point) => typeof (JSON.parse(point) as unknown[])[4] === 'number'),
    wanted: bySeconds,
    violations: () => stub.violations,
    stop: () => stub.close(),
  }));
}

async function clearmlStub(seed: number, behind: Behind): Promise<SoakedTracker> {
  const keys = { access: 'ACCESSKEY00', secret: 'secret-of-the-soaked' };
  const stub = await ClearmlStub.start({ accessKey: keys.access, secretKey: keys.secret });
  return behind(stub.url, 3, (proxy) => {
    const killed = killedClearml(stub, seed, keys, proxy.url);
    return {
      ...killed,
      ...diesByProxy(proxy, () => stub.forgetTokens()),
      name: 'clearml',
      isReal: false,
      hit() {
        stub.forgetTokens();
        return 'its tokens expire';
      },
      points: async (below) => killed.points().filter(isBelow(below)),
      wanted: byMillis,
      stop: () => stub.close(),
    };
  });
}

async function aimStub(behind: Behind): Promise<SoakedTracker> {
  const stub = await AimStub.start();
  const target = stubTarget(stub);
  return behind(stub.url, 4, (proxy) => ({
    ...diesByProxy(proxy, () => stub.forget()),
    name: 'aim',
    isReal: false,
    lane: `aim: { server: "${proxy.url}" }`,
    env: {},
    hit(random) {
      void target.hit(random);
      return 'it forgets its clients, or its next answers fail';
    },
    heal: () => target.heal(),
    points: async (below) => aimPoints(await target.points(), below),
    wanted: (truth) => new Set(lastOfEachStep(truth).values()),
    violations: () => stub.complaints(),
    stop: () => stub.close(),
  }));
}

function realAim(server: Awaited<ReturnType<typeof startAim>>, proxy: CuttingProxy): Parts {
  return {
    name: 'aim',
    isReal: true,
    lane: `aim: { server: "${proxy.url}" }`,
    env: {},
    kill: () => server.kill(),
    restart: () => server.restart(),
    points: async (below) => aimPoints(await realTarget(server).points(), below),
    wanted: (truth) => new Set(lastOfEachStep(truth).values()),
    violations: () => [],
    stop: () => server.stop(),
  };
}

/** Distributions are sequences of the same kind there: their values are no numbers. */
function aimPoints(points: Awaited<ReturnType<ReturnType<typeof realTarget>['points']>>, below: string): string[] {
  return points.filter(([run, , , , value]) => run.startsWith(below) && !Number.isNaN(value)).map((point) => JSON.stringify(point));
}

async function trackioStub(behind: Behind): Promise<SoakedTracker> {
  const stub = await TrackioStub.start();
  return behind(stub.url, 5, (proxy) => ({
    ...diesByProxy(proxy),
    name: 'trackio',
    isReal: false,
    lane: `trackio: { url: "${proxy.url}", project: soak }`,
    env: { TRACKIO_WRITE_TOKEN: 'stub-token' },
    hit() {
      stub.forgets += 2;
      return 'it forgets the next rows that it takes';
    },
    heal() {
      stub.forgets = 0;
    },
    points: async (below) => stub.scalars('soak').filter(isBelow(below)),
    wanted: bySeconds,
    violations: () => stub.server.complaints,
    stop: () => stub.close(),
  }));
}
