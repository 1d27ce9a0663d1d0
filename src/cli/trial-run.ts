import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, Handle, HeldPoint, JournalledBackend, Outcome, RunSource, TrackerParcel } from '../backends/contract.ts';
import { expandTemplate } from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import type { ResolvedLane } from '../lanes/index.ts';
import type { FileState, Series } from '../model/index.ts';
import { heldBy } from '../verify/index.ts';

/** What came of writing a small run and reading it back. */
export interface Trial {
  readonly points: number;
  /** What came back otherwise than it should, a sentence each. */
  readonly differences: readonly string[];
  /** Undefined where the run was removed again; else its name. */
  readonly left: string | undefined;
  /** The experiment or project it was in; empty: the tracker's default. */
  readonly group: string;
}

const TAG = 'mirrorboard/doctor';
const FILE = 'events.out.tfevents.0.mirrorboard-doctor';
/** Values that show at once what is rounded; steps far apart. */
const POINTS: readonly (readonly [step: number, value: number])[] = [
  [0, 0.5],
  [1, 1 / 3],
  [10, -123456789.125],
  [1_000_000, 5e-300],
];
const RECORD_BYTES = 64;
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 5_000;

/** Writes a run of a few points to a tracker, reads it back, compares and removes it. Throws what stood in the way. */
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
  try {
    const parcel = makeParcel(handle, source, nowMs / 1000);
    await deliver(backend, parcel, signal);
    differences = await compare(backend, parcel, signal);
    await backend.finish(handle, { status: 'finished', endedAt: nowMs / 1000 }, signal);
  } finally {
    // Also after a failure, and after an interrupt: a trial must not stay behind if that can be helped.
    if (backend.remove !== undefined) {
      await backend.remove(handle, AbortSignal.timeout(LONGEST_RETRY_MS * 2));
      isRemoved = true;
    }
  }
  return { points: POINTS.length, differences, left: isRemoved ? undefined : path, group };
}

function makeParcel(handle: Handle, { run }: RunSource, startSec: number): TrackerParcel {
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
  const count = POINTS.length;
  const end = count * RECORD_BYTES;
  const state: FileState = {
    name: FILE,
    generation: 0,
    position: { watermark: end, gaps: [] },
    guard: { first: undefined, last: undefined },
    damage: [],
    size: end,
    stamp: '',
    records: count,
  };
  return {
    handle,
    target: run,
    file: FILE,
    series: [series],
    state,
    batch: {
      run,
      file: FILE,
      generation: 0,
      start: 0,
      end,
      records: count,
      newSeries: [series],
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
      objects: [],
      marks: [],
    },
  };
}

async function deliver(backend: Backend, parcel: TrackerParcel, signal: AbortSignal): Promise<void> {
  for (;;) {
    const [outcome] = await send(backend, parcel, signal);
    if (outcome === undefined) throw new MirrorError('MB4005', 'the backend said nothing of what it was sent');
    if (outcome.kind === 'retry') {
      await sleep(Math.min(outcome.afterMs ?? RETRY_MS, LONGEST_RETRY_MS), undefined, { signal });
      continue;
    }
    if (outcome.kind !== 'accepted') throw outcome.error;
    const [refusal] = outcome.refusals;
    if (refusal !== undefined) throw new MirrorError('MB4007', `a plain scalar was refused: ${refusal.reason}`);
    return;
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

async function compare(backend: Backend, { handle, batch }: TrackerParcel, signal: AbortSignal): Promise<string[]> {
  if (backend.describe().readBack === 'none') return [];
  const found: HeldPoint[] = [];
  for await (const { tag, points } of backend.readBack(handle, { isWanted: (tag) => tag === TAG, signal })) {
    if (tag === TAG) for (const point of points) found.push(point);
  }
  const differences: string[] = [];
  for (let i = 0; i < batch.scalars.count; i++) {
    const { step, wallTime, value } = batch.scalars;
    const point = { step: step[i] ?? Number.NaN, wallTime: wallTime[i] ?? Number.NaN, value: value[i] ?? Number.NaN };
    const expected = heldBy(backend, backend.describe(), { tag: TAG, plugin: 'scalars' }, point);
    if (expected === undefined) continue;
    const at = found.findIndex((candidate) => isSame(candidate, expected));
    if (at >= 0) found.splice(at, 1);
    else differences.push(`The point ${pointText(expected)} did not come back.`);
  }
  return [...differences, ...found.map((point) => `The point ${pointText(point)} came back, and was not sent.`)];
}

function isSame(a: HeldPoint, b: HeldPoint): boolean {
  const number = (value: HeldPoint['value']): unknown => (typeof value === 'bigint' ? Number(value) : value);
  return Number(a.step) === Number(b.step) && Object.is(a.wallTime, b.wallTime) && Object.is(number(a.value), number(b.value));
}

function pointText({ step, wallTime, value }: HeldPoint): string {
  return `(step ${step}, time ${wallTime}, value ${value})`;
}
