import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expandTemplate } from '../config/index.ts';
import type { Backend, Handle, HeldPoint, JournalledBackend, Outcome, Refusal, RunSource, TrackerParcel } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import type { ResolvedLane } from '../lanes/index.ts';
import { type FileState, pointCount, type Series } from '../model/index.ts';
import { heldBy } from '../verify/compare/index.ts';

/** The result of writing a small run and reading it back. */
export interface Trial {
  readonly points: number;
  /** The values that came back changed, a sentence each. */
  readonly differences: readonly string[];
  /**
   * The reason that the tracker cannot store histograms although it claims to; undefined if it can, or does not claim
   * to.
   */
  readonly noHistograms: string | undefined;
  /** The name of the run if it was left behind; undefined if it was removed. */
  readonly left: string | undefined;
  /** The experiment or project of the run; empty: the tracker's default. */
  readonly group: string;
}

const TAG = 'mirrorboard/doctor';
const HISTOGRAM_TAG = 'mirrorboard/doctor-histogram';
const FILE = 'events.out.tfevents.0.mirrorboard-doctor';
/** The points of the trial: values that show rounding at once, and steps far apart. */
const POINTS: readonly (readonly [step: number, value: number])[] = [
  [0, 0.5],
  [1, 1 / 3],
  [10, -123456789.125],
  [1_000_000, 5e-300],
];
const RECORD_BYTES = 64;
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 5_000;

/** Writes a run of a few points to a tracker, reads it back, compares and removes it. Throws the first failure. */
export async function tryRun(
  backend: Backend,
  lane: ResolvedLane,
  {
    root,
    project,
    nowMs,
    signal,
  }: { readonly root: string; readonly project: string | undefined; readonly nowMs: number; readonly signal: AbortSignal },
): Promise<Trial> {
  const id = randomUUID();
  const path = `mirrorboard-doctor-${id.slice(0, 8)}`;
  const group = lane.group === undefined ? '' : expandTemplate(lane.group, { root, path: 'mirrorboard-doctor', project });
  const source: RunSource = {
    run: { root, path },
    rootPath: '/',
    key: createHash('sha256').update(`mirrorboard doctor ${id}`).digest('hex'),
    name: path,
    group,
    tags: { ...lane.tags, 'mirrorboard.trial': 'doctor' },
    instanceId: id,
    isTrial: true,
    fingerprint: [{ file: FILE, checksum: 1 }],
    startedAt: nowMs / 1000,
  };
  const handle = await backend.open(source, undefined, signal);
  let isRemoved = false;
  let differences: readonly string[];
  let noHistograms: string | undefined;
  const hasHistogram = (backend.describe().holds['histograms'] ?? 'none') !== 'none';
  const parcel = makeParcel(handle, source, nowMs / 1000, hasHistogram);
  try {
    noHistograms = await deliver(backend, parcel, signal);
    differences = await compare(backend, parcel, noHistograms === undefined, signal);
    await backend.finish(handle, { status: 'finished', endedAt: nowMs / 1000 }, signal);
  } finally {
    // Also after a failure or an interrupt: if possible, a trial must not stay behind.
    if (backend.remove !== undefined) {
      await backend.remove(handle, AbortSignal.timeout(LONGEST_RETRY_MS * 2));
      isRemoved = true;
    }
  }
  return { points: pointCount(parcel.batch), differences, noHistograms, left: isRemoved ? undefined : path, group };
}

function makeParcel(handle: Handle, { run }: RunSource, startSec: number, hasHistogram: boolean): TrackerParcel {
  const series: Series = {
    id: 0,
    tag: TAG,
    plugin: 'scalars',
    dataClass: 'scalar',
    metadata: new Uint8Array(),
    displayName: '',
    description: '',
    form: 'simple_value',
    firstFile: FILE,
    firstOffset: 0,
  };
  const histograms: Series = { ...series, id: 1, tag: HISTOGRAM_TAG, plugin: 'histograms', dataClass: 'tensor', form: 'histo' };
  const all = hasHistogram ? [series, histograms] : [series];
  const count = POINTS.length;
  const records = hasHistogram ? count + 1 : count;
  const end = records * RECORD_BYTES;
  const state: FileState = {
    name: FILE,
    generation: 0,
    position: { watermark: end, gaps: [] },
    guard: { first: undefined, last: undefined },
    damage: [],
    size: end,
    stamp: '',
    records,
  };
  return {
    handle,
    target: run,
    file: FILE,
    series: all,
    state,
    batch: {
      run,
      file: FILE,
      generation: 0,
      start: 0,
      end,
      records,
      newSeries: all,
      scalars: {
        count,
        series: new Uint32Array(count),
        step: Float64Array.from(POINTS, ([step]) => step),
        wallTime: Float64Array.from(POINTS, (_, i) => startSec + i / 8),
        value: Float64Array.from(POINTS, ([, value]) => value),
        offset: Float64Array.from(POINTS, (_, i) => i * RECORD_BYTES),
        checksum: Uint32Array.from(POINTS, (_, i) => i + 1),
        index: new Uint32Array(count),
        wideSteps: new Map(),
        wideValues: new Map(),
      },
      objects: hasHistogram
        ? [
            {
              series: 1,
              step: 1,
              wallTime: startSec,
              offset: count * RECORD_BYTES,
              checksum: records,
              index: 0,
              form: 'histo',
              payload: HISTOGRAM,
            },
          ]
        : [],
      marks: [],
    },
  };
}

/** A histogram message: min, max, number, sum and sum of squares; then limits and counts of two buckets. */
const HISTOGRAM = Buffer.concat([
  ...[0, 2, 3, 3, 5].map((value, i) => Buffer.concat([Buffer.from([((i + 1) << 3) | 1]), doubles([value])])),
  ...[
    [1, 2],
    [1, 2],
  ].map((values, i) => Buffer.concat([Buffer.from([((i + 6) << 3) | 2, 16]), doubles(values)])),
]);

function doubles(values: readonly number[]): Buffer {
  return Buffer.from(Float64Array.from(values).buffer);
}

/** Sends a parcel. Returns why the histogram was refused, if it was. */
async function deliver(backend: Backend, parcel: TrackerParcel, signal: AbortSignal): Promise<string | undefined> {
  for (;;) {
    const [outcome] = await send(backend, parcel, signal);
    if (outcome === undefined) throw new MirrorError('MB4005', 'the backend did not answer for the points it was sent');
    if (outcome.kind === 'retry') {
      await sleep(Math.min(outcome.afterMs ?? RETRY_MS, LONGEST_RETRY_MS), undefined, { signal });
      continue;
    }
    if (outcome.kind !== 'accepted') throw outcome.error;
    const isOfHistogram = ({ offset }: Refusal): boolean => parcel.batch.objects.some((point) => point.offset === offset);
    const refusal = outcome.refusals.find((each) => !isOfHistogram(each));
    if (refusal !== undefined) throw new MirrorError('MB4007', `a plain scalar was refused: ${refusal.reason}`);
    return outcome.refusals.find(isOfHistogram)?.reason;
  }
}

async function send(backend: Backend, parcel: TrackerParcel, signal: AbortSignal): Promise<readonly Outcome[]> {
  if (!isJournalled(backend)) return backend.send([parcel], signal);
  const { intent } = await backend.prepare([parcel], []);
  return backend.sendPrepared(intent, [parcel], signal);
}

function isJournalled(backend: Backend): backend is JournalledBackend {
  return backend.describe().needsJournal;
}

async function compare(
  backend: Backend,
  { handle, batch }: TrackerParcel,
  isHistogramThere: boolean,
  signal: AbortSignal,
): Promise<string[]> {
  if (backend.describe().readBack === 'none') return [];
  const found: HeldPoint[] = [];
  let histograms = 0;
  for await (const { tag, points } of backend.readBack(handle, { isWanted: (tag) => tag === TAG || tag === HISTOGRAM_TAG, signal })) {
    if (tag === TAG) for (const point of points) found.push(point);
    else if (tag === HISTOGRAM_TAG) histograms += points.length;
  }
  const differences: string[] = [];
  const wanted = isHistogramThere ? batch.objects.length : 0;
  if (histograms !== wanted) differences.push(`${wanted} histograms sent, ${histograms} read back.`);
  for (let i = 0; i < batch.scalars.count; i++) {
    const { step, wallTime, value } = batch.scalars;
    const point = { step: step[i] ?? Number.NaN, wallTime: wallTime[i] ?? Number.NaN, value: value[i] ?? Number.NaN };
    const expected = heldBy(backend, backend.describe(), { tag: TAG, plugin: 'scalars' }, point);
    if (expected === undefined) continue;
    const at = found.findIndex((candidate) => isSame(candidate, expected));
    if (at >= 0) found.splice(at, 1);
    else differences.push(`The point ${pointText(expected)} is missing.`);
  }
  return [...differences, ...found.map((point) => `The point ${pointText(point)} was read back but never sent.`)];
}

function isSame(a: HeldPoint, b: HeldPoint): boolean {
  const number = (value: HeldPoint['value']): unknown => (typeof value === 'bigint' ? Number(value) : value);
  return Number(a.step) === Number(b.step) && Object.is(a.wallTime, b.wallTime) && Object.is(number(a.value), number(b.value));
}

function pointText({ step, wallTime, value }: HeldPoint): string {
  return `(step ${step}, time ${wallTime}, value ${value})`;
}
