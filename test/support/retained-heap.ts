// A process that feeds one lane as a live watch does, parcel by parcel, and says what it retains of it.
import type { BackendType } from '../../src/contract/index.ts';
import { makeBackend } from '../../src/testing/make-backend.ts';
import type { Draft } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';

/** What is fed, and into what; a parent sends it. */
export interface Feed {
  /** The module of the backend, as `src/backends/` has it. */
  readonly lane: 'aim' | 'clearml' | 'mlflow' | 'trackio' | 'wandb';
  readonly section: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  /** Parcels after which what is retained is measured. */
  readonly parcels: readonly number[];
}

const SERIES = 5;
const STEPS = 8;
export const POINTS_PER_PARCEL = SERIES * STEPS;
const RUN = { root: 'logs', path: 'live' };
const FILE = 'events.out.tfevents.1700000000.host.1.0';
const BYTES = 64;

/** A few steps of all series, after those of the parcels before. */
function draftOf(parcel: number): Draft {
  const column = <Column>(make: (row: number) => number, type: { from: (items: Iterable<number>) => Column }): Column =>
    type.from(Array.from({ length: POINTS_PER_PARCEL }, (_, row) => make(row)));
  const stepOf = (row: number): number => parcel * STEPS + Math.floor(row / SERIES);
  const series = Array.from({ length: SERIES }, (_, id) => ({
    id,
    tag: `loss/${id}`,
    plugin: 'scalars',
    dataClass: 'scalar' as const,
    metadata: new Uint8Array(),
    displayName: '',
    description: '',
    form: 'simple_value',
    firstFile: FILE,
    firstOffset: id * BYTES,
  }));
  const start = parcel * POINTS_PER_PARCEL * BYTES;
  const end = start + POINTS_PER_PARCEL * BYTES;
  return {
    series,
    target: RUN,
    file: FILE,
    state: {
      name: FILE,
      generation: 0,
      position: { watermark: end, gaps: [] },
      guard: { first: undefined, last: undefined },
      damage: [],
      size: end,
      stamp: '',
      records: end / BYTES,
    },
    batch: {
      run: RUN,
      file: FILE,
      generation: 0,
      start,
      end,
      records: POINTS_PER_PARCEL,
      newSeries: parcel === 0 ? series : [],
      objects: [],
      marks: [],
      scalars: {
        count: POINTS_PER_PARCEL,
        series: column((row) => row % SERIES, Uint32Array),
        step: column(stepOf, Float64Array),
        wallTime: column((row) => 1_700_000_000 + stepOf(row), Float64Array),
        value: column((row) => 1 / (1 + stepOf(row)), Float64Array),
        offset: column((row) => start + row * BYTES, Float64Array),
        checksum: column((row) => row, Uint32Array),
        index: column(() => 0, Uint32Array),
        wideSteps: new Map(),
        wideValues: new Map(),
      },
    },
  };
}

async function retained({ lane, section, env, parcels }: Feed): Promise<number[]> {
  const module = (await import(new URL(`../../src/backends/${lane}/index.js`, import.meta.url).href)) as Record<string, BackendType>;
  const type = module[lane];
  if (type === undefined) throw new Error(`there is no backend ${lane}`);
  const backend = await makeBackend(type, section, { env });
  const source = {
    run: RUN,
    rootPath: '/logs',
    key: '0123456789abcdef0123456789abcdef',
    name: RUN.path,
    group: 'retained',
    tags: {},
    instanceId: 'instance-1',
    fingerprint: [{ file: FILE, checksum: 0 }],
    startedAt: 1_700_000_000,
  };
  const delivery = new SmallDelivery(backend, newLedger(), source);
  await delivery.open();
  const bytes: number[] = [];
  for (let parcel = 0, last = Math.max(...parcels); parcel < last; parcel++) {
    await delivery.deliver([draftOf(parcel)]);
    // What a test notes is nothing that a lane keeps.
    delivery.outcomes.length = 0;
    delivery.ledger.settled.clear();
    if (parcels.includes(parcel + 1)) {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        globalThis.gc?.();
      }
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      bytes.push(heapUsed + arrayBuffers);
    }
  }
  await backend.close();
  return bytes;
}

process.once('message', (feed: Feed) => {
  retained(feed).then(
    (bytes) => process.send?.({ bytes }, () => process.exit()),
    (error: unknown) => process.send?.({ error: String(error instanceof Error ? error.stack : error) }, () => process.exit()),
  );
});
