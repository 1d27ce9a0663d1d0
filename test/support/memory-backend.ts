// A tracker in memory and its backend, for tests of delivery and of the contract suite itself: everything about it can
// be set.

import { FileMarks, whoseRun } from '../../src/backend-kit/identity/index.ts';
import type {
  Backend,
  BackendContext,
  BackendType,
  Capabilities,
  FileMark,
  Handle,
  HeldPoint,
  Outcome,
  ParsedSettings,
  Probe,
  ReadBackChunk,
  ReadBackOptions,
  ReadBackPoint,
  Refusal,
  RunEnd,
  RunSource,
  TrackerParcel,
} from '../../src/contract/index.ts';
import { MirrorError } from '../../src/errors.ts';
import { pointCount, toMillis } from '../../src/model/index.ts';
import { type Fault, FaultQueue, untilAborted } from '../../src/testing/fault.ts';
import { type DraftPoint, pointsOf } from '../../src/testing/parcels.ts';

export const MEMORY_CAPABILITIES: Capabilities = {
  name: 'memory',
  holds: {
    scalars: 'native',
    histograms: 'native',
    images: 'native',
    audio: 'native',
    text: 'native',
    pr_curves: 'native',
    mesh: 'native',
    hparams: 'native',
    custom_scalars: 'native',
    graphs: 'native',
    other: 'native',
  },
  limits: { pointsPerSend: 1000, bytesPerSend: 1 << 20, runsPerSend: 4 },
  replacesByKey: true,
  keeps: { step: true, wallTime: true, nan: true, negativeZero: true, repeatedSteps: true, equalPoints: true },
  caps: {},
  readBack: 'full',
  ownsPosition: false,
  needsJournal: false,
};

/** A tracker run, with what it holds by key. */
export interface MemoryRun {
  source: RunSource;
  readonly points: Map<string, DraftPoint>;
  /** How often each key was written: what a tracker that does not replace would show twice. */
  readonly writes: Map<string, number>;
  end: RunEnd | undefined;
}

/** The server's side: outlives every backend object. Change its fields at any time. */
export class MemoryTracker {
  readonly name: string;
  capabilities: Capabilities;
  /** How long every call takes, for benchmarks. Default 0. */
  latencyMs = 0;
  /** Sends wait until so many are under way; from then on none waits. Default: none does. */
  meets = 0;
  /** Every call fails as if nobody listened. */
  isDown = false;
  /** Nothing is answered until the caller gives up. */
  isHanging = false;
  /** Every send is answered `fatal`. */
  isFatal = false;
  /** Points that are not taken, named one by one. */
  refuses: (point: DraftPoint) => Refusal['kind'] | undefined = () => undefined;
  /** Points on account of which a whole parcel is not taken, without a word on which. */
  rejects: (point: DraftPoint) => boolean = () => false;
  readonly faults = new FaultQueue();
  readonly runs = new Map<string, MemoryRun>();
  /** Calls so far. */
  readonly calls = { probe: 0, open: 0, noteFiles: 0, send: 0, readBack: 0, finish: 0 };
  /** Tracker runs that were ever made: no name comes twice. */
  made = 0;
  /** Parcels that were asked for, those that failed included. */
  parcels = 0;
  sending = 0;
  mostSending = 0;
  /** Sends of one run that were under way at the same time; must stay empty. */
  readonly complaints: string[] = [];
  readonly #busy = new Set<string>();
  readonly #waiting: (() => void)[] = [];

  constructor(name = 'memory', capabilities: Partial<Capabilities> = {}) {
    this.name = name;
    this.capabilities = { ...MEMORY_CAPABILITIES, ...capabilities };
  }

  fail(fault: Fault, times = 1): void {
    this.faults.add(fault, times);
  }

  /** All points of all runs. */
  get pointCount(): number {
    return [...this.runs.values()].reduce((sum, { points }) => sum + points.size, 0);
  }

  /** Waits for as many sends as are to meet. */
  async met(signal: AbortSignal): Promise<void> {
    if (this.mostSending < this.meets) {
      await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), untilAborted(signal)]);
    }
    for (const go of this.#waiting.splice(0)) go();
    // A moment, in which others may begin that should not.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  begin(handles: readonly Handle[]): () => void {
    const own = [...new Set(handles)];
    for (const handle of own) {
      if (this.#busy.has(handle)) this.complaints.push(`two sends to ${handle} at the same time`);
      this.#busy.add(handle);
    }
    this.mostSending = Math.max(this.mostSending, ++this.sending);
    return () => {
      this.sending--;
      for (const handle of own) this.#busy.delete(handle);
    };
  }
}

/** What a tracker with these capabilities makes of a point. */
export function heldBy({ keeps, holds }: Capabilities, plugin: string, point: HeldPoint): HeldPoint | undefined {
  if ((holds[plugin] ?? holds['other'] ?? 'none') === 'none') return undefined;
  const { value } = point;
  if (typeof value === 'number' && Number.isNaN(value) && !keeps.nan) return undefined;
  return {
    step: keeps.step ? point.step : 0,
    wallTime: keeps.wallTime ? point.wallTime : toMillis(point.wallTime) / 1000,
    value: Object.is(value, -0) && !keeps.negativeZero ? 0 : value,
  };
}

export class MemoryBackend implements Backend {
  readonly #tracker: MemoryTracker;

  constructor(tracker: MemoryTracker) {
    this.#tracker = tracker;
  }

  describe(): Capabilities {
    return this.#tracker.capabilities;
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    this.#tracker.calls.probe++;
    await this.#arrive(signal);
    return { address: `memory:${this.#tracker.name}`, version: '1', clockSkewMs: 0, notes: [] };
  }

  async open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    this.#tracker.calls.open++;
    await this.#arrive(signal);
    if (known !== undefined && this.#tracker.runs.has(known)) return known;
    for (const [id, found] of this.#tracker.runs) {
      if (found.source.key !== run.key) continue;
      const { instanceId, fingerprint } = found.source;
      const whose = await whoseRun({ instanceId, fingerprint, readBack: () => this.readBack(id as Handle) }, run, signal);
      if (whose.kind === 'other') continue;
      await this.noteFiles(id as Handle, run.fingerprint);
      return id as Handle;
    }
    const id = `${run.key}-${this.#tracker.made++}`;
    this.#tracker.runs.set(id, { source: run, points: new Map(), writes: new Map(), end: undefined });
    return id as Handle;
  }

  async noteFiles(handle: Handle, files: readonly FileMark[]): Promise<void> {
    this.#tracker.calls.noteFiles++;
    const run = this.#tracker.runs.get(handle);
    if (run === undefined) throw this.#error('MB4006', `${handle} is not there`);
    run.source = { ...run.source, fingerprint: FileMarks.of(run.source.fingerprint).with(files).list() };
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    this.#tracker.calls.send++;
    this.#tracker.parcels += parcels.length;
    const done = this.#tracker.begin(parcels.map(({ handle }) => handle));
    try {
      await this.#tracker.met(signal);
      await this.#arrive(signal);
      if (this.#tracker.isFatal) {
        const error = new MirrorError('MB4002', `memory:${this.#tracker.name} lets nobody in`);
        return parcels.map(() => ({ kind: 'fatal', error }));
      }
      return await this.#take(parcels, this.#tracker.faults.next(), signal);
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      return parcels.map(() => ({ kind: 'retry', error }));
    } finally {
      done();
    }
  }

  async *readBack(handle: Handle, { isWanted = () => true }: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    this.#tracker.calls.readBack++;
    const run = this.#tracker.runs.get(handle);
    if (run === undefined) throw this.#error('MB4006', `${handle} is not there`);
    const series = Map.groupBy(run.points.entries(), ([, { tag, plugin }]) => JSON.stringify([tag, plugin]));
    for (const [name, entries] of series) {
      const [tag, plugin] = JSON.parse(name) as [string, string];
      if (!isWanted(tag)) continue;
      const points = entries.flatMap(([key, { file, offset, index, ...point }]): ReadBackPoint[] => {
        const held = this.asHeld(tag, plugin, point);
        const times = this.#tracker.capabilities.replacesByKey ? 1 : (run.writes.get(key) ?? 1);
        return held === undefined ? [] : new Array<ReadBackPoint>(times).fill({ ...held, file, offset, index });
      });
      yield { tag, plugin, points };
    }
  }

  asHeld(_tag: string, plugin: string, { step, wallTime, value }: HeldPoint): HeldPoint | undefined {
    return heldBy(this.#tracker.capabilities, plugin, { step, wallTime, value });
  }

  async finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void> {
    this.#tracker.calls.finish++;
    await this.#arrive(signal);
    const run = this.#tracker.runs.get(handle);
    if (run === undefined) throw this.#error('MB4006', `${handle} is not there`);
    run.end = end;
  }

  async remove(handle: Handle): Promise<void> {
    this.#tracker.runs.delete(handle);
  }

  link(handle: Handle): string {
    return `memory:${this.#tracker.name}/${handle}`;
  }

  async close(): Promise<void> {}

  async #take(parcels: readonly TrackerParcel[], fault: Fault | undefined, signal: AbortSignal): Promise<readonly Outcome[]> {
    if (fault === undefined) return parcels.map((parcel) => this.#store(parcel, Infinity));
    switch (fault.kind) {
      case 'noAccess':
        return parcels.map(() => ({ kind: 'fatal', error: this.#error('MB4002', 'lets nobody in') }));
      case 'hang':
      case 'hangStored':
        if (fault.kind === 'hangStored') for (const parcel of parcels) this.#store(parcel, Infinity);
        await untilAborted(signal);
        break;
      case 'answerLost':
        for (const parcel of parcels) this.#store(parcel, Infinity);
        break;
      case 'partStored':
        for (const parcel of parcels) this.#store(parcel, Math.ceil(pointCount(parcel.batch) / 2));
        break;
      default:
        break;
    }
    const error = this.#error('MB4001', `fails: ${fault.kind}`);
    const after = fault.afterSec === undefined ? {} : { afterMs: fault.afterSec * 1000 };
    return parcels.map(() => ({ kind: 'retry', error, ...after }));
  }

  #store(parcel: TrackerParcel, most: number): Outcome {
    const run = this.#tracker.runs.get(parcel.handle);
    if (run === undefined) return { kind: 'runFatal', error: this.#error('MB4006', `${parcel.handle} was removed`) };
    const points = pointsOf(parcel);
    if (points.some((point) => this.#tracker.rejects(point))) {
      return { kind: 'rejected', error: this.#error('MB4007', 'does not take a parcel') };
    }
    const refusals: Refusal[] = [];
    let stored = 0;
    for (const point of points.slice(0, most)) {
      const { tag, plugin, file, offset, index } = point;
      const isHeld = this.asHeld(tag, plugin, point) !== undefined;
      const kind = isHeld ? this.#tracker.refuses(point) : 'unsupported';
      if (kind !== undefined) {
        refusals.push({ offset, index, kind, reason: `${kind}: ${tag}` });
        continue;
      }
      stored++;
      // Position and checksum, not the generation: the same bytes again are the same point.
      const key = `${file}/${offset}/${index}/${checksumAt(parcel, offset)}`;
      run.points.set(key, point);
      run.writes.set(key, (run.writes.get(key) ?? 0) + 1);
    }
    return { kind: 'accepted', points: stored, refusals };
  }

  /** What every call goes through before anything happens. */
  async #arrive(signal: AbortSignal): Promise<void> {
    const { latencyMs, isHanging } = this.#tracker;
    if (isHanging) await untilAborted(signal);
    else if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
    if (isHanging || this.#tracker.isDown) throw this.#error('MB4001', 'nobody answers', 'later');
  }

  #error(code: 'MB4001' | 'MB4002' | 'MB4006' | 'MB4007', message: string, retry: 'later' | 'never' = 'never'): MirrorError {
    return new MirrorError(code, `memory:${this.#tracker.name}: ${message}`, { retry });
  }
}

function checksumAt({ batch: { scalars, objects } }: TrackerParcel, offset: number): number {
  const row = scalars.offset.subarray(0, scalars.count).indexOf(offset);
  return row >= 0 ? scalars.checksum[row]! : objects.find((point) => point.offset === offset)!.checksum;
}

/** Trackers by name, for a configuration that can only name one. */
const trackers = new Map<string, MemoryTracker>();

/** The tracker that `tracker: NAME` leads to. */
export function memoryTracker(name: string): MemoryTracker {
  const there = trackers.get(name) ?? new MemoryTracker(name);
  trackers.set(name, there);
  return there;
}

interface MemorySettings {
  readonly tracker: string;
}

/** As a package's default export: `type: memory`, `tracker: NAME`. */
export const memoryBackendType: BackendType<MemorySettings> = {
  type: 'memory',
  parse({ tracker = 'memory', ...rest }): ParsedSettings<MemorySettings> {
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) {
      return { kind: 'problems', problems: [{ path: [unknown], found: 'a setting', expected: 'no setting but `tracker`' }] };
    }
    if (typeof tracker !== 'string') {
      return { kind: 'problems', problems: [{ path: ['tracker'], found: typeof tracker, expected: 'the name of a tracker' }] };
    }
    return { kind: 'settings', settings: { tracker }, shown: [{ key: 'tracker', value: tracker, source: 'file' }] };
  },
  target: ({ tracker }) => `memory:${tracker}`,
  create: async ({ tracker }, _context: BackendContext) => new MemoryBackend(memoryTracker(tracker)),
};

export default memoryBackendType;
