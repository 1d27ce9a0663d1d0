// A tracker of the world: what it holds, and how it behaves. It outlives every process.

import { type ParcelPoint, pointsOf } from '../../src/backend-kit/index.ts';
import type { FileMark, RunEnd, TrackerParcel } from '../../src/contract/index.ts';
import type { LanePlan } from './plan.ts';
import { isSame, type Truth } from './truth.ts';
import type { World } from './world.ts';

/** How a tracker holds points. */
export type TrackerKind =
  /** The same point replaces itself, by where it came from. */
  | 'replacing'
  /** Points are lines in order; the same lines may come again. */
  | 'journalled'
  /** Points that are equal in tag, step, time and value are one. */
  | 'merging';

/** How a tracker behaves at the moment. */
export type Mood =
  | 'well'
  /** Nobody answers. */
  | 'down'
  /** Requests arrive, and nothing is ever answered. */
  | 'hanging'
  /** Requests arrive, are carried out, and nothing is answered. */
  | 'mute'
  /** Nobody is let in. */
  | 'denying'
  /** Every write is refused, good ones too. */
  | 'refusing'
  /** Every request is told to come back later. */
  | 'busy'
  /** Requests take long. */
  | 'slow';

/** What happens to one request. */
export type RequestFault = 'connectionLost' | 'answerLost' | 'partStored' | 'unavailable';

/** What a tracker run holds. */
export interface HeldRun {
  readonly id: string;
  readonly key: string;
  readonly instanceId: string;
  fingerprint: readonly FileMark[];
  end: RunEnd | undefined;
  isDeleted: boolean;
  /** By the identity of a point; for a journalled tracker in the order of lines. */
  readonly points: Map<string, ParcelPoint>;
  readonly lines: string[];
}

/** Why a request failed. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly kind: 'lost' | 'later' | 'denied' | 'noRun' | 'refused' | 'conflict';
  readonly afterMs: number | undefined;

  constructor(kind: RequestFailed['kind'], message: string, afterMs?: number) {
    super(message);
    this.kind = kind;
    this.afterMs = afterMs;
  }
}

const BUSY_AFTER_MS = 5000;

/** The tracker itself. */
export class TrackerServer {
  readonly name: string;
  readonly kind: TrackerKind;
  readonly runs = new Map<string, HeldRun>();
  mood: Mood = 'well';
  /** The share of requests with a fault, and which ones. */
  faultShare = 0;
  faults: readonly RequestFault[] = [];
  /** How long a request takes at most, one way. */
  readonly mostLatencyMs: number;
  /** Points that it never takes. */
  refuses: (point: ParcelPoint) => boolean = () => false;
  requests = 0;
  stored = 0;
  readonly #world: World;
  readonly #truth: Truth;
  #made = 0;

  constructor({ name, kind, mostLatencyMs }: LanePlan, world: World, truth: Truth) {
    this.name = name;
    this.kind = kind;
    this.mostLatencyMs = mostLatencyMs;
    this.#world = world;
    this.#truth = truth;
  }

  /** What becomes of the next request; undefined if nothing happens to it. */
  nextFault(): RequestFault | undefined {
    const { random } = this.#world;
    return this.faultShare > 0 && random.chance(this.faultShare) ? random.pick(this.faults) : undefined;
  }

  /** Refuses a request in the mood of the moment. */
  greet(isWrite: boolean): void {
    this.requests++;
    if (this.mood === 'denying') throw new RequestFailed('denied', 'nobody is let in');
    if (this.mood === 'busy') throw new RequestFailed('later', 'too many requests', BUSY_AFTER_MS);
    // A lane that addresses by line cannot try anything out: such a tracker must not say that it refuses.
    if (this.mood === 'refusing' && isWrite) throw new RequestFailed(this.kind === 'journalled' ? 'later' : 'refused', 'it takes nothing');
  }

  create(key: string, instanceId: string, fingerprint: readonly FileMark[]): HeldRun {
    const id = `${this.name}-run-${++this.#made}`;
    const run: HeldRun = { id, key, instanceId, fingerprint, end: undefined, isDeleted: false, points: new Map(), lines: [] };
    this.runs.set(id, run);
    this.#world.note(`${this.name} creates ${id}`);
    return run;
  }

  run(id: string): HeldRun {
    const run = this.runs.get(id);
    if (run === undefined || run.isDeleted) throw new RequestFailed('noRun', `there is no run ${id}`);
    return run;
  }

  /** Stores a parcel, or the first part of it. Returns the points that it refused. */
  store(parcel: TrackerParcel, isPart: boolean): { readonly stored: number; readonly refused: readonly ParcelPoint[] } {
    const run = this.run(parcel.handle);
    const points = pointsOf(parcel);
    const refused = points.filter((point) => this.refuses(point));
    const taken = points.filter((point) => !this.refuses(point));
    const some = isPart ? taken.slice(0, taken.length >> 1) : taken;
    for (const point of some) this.#take(run, point, this.kind === 'merging' ? equalKey(point) : placeKey(point));
    return { stored: some.length, refused };
  }

  /** Appends lines from a place on: right behind the last one, or over ones that are the same. */
  append(id: string, firstLine: number, lines: readonly string[], isPart: boolean): void {
    const run = this.run(id);
    if (firstLine > run.lines.length) throw new RequestFailed('conflict', `lines from ${firstLine} on, and ${run.lines.length} are there`);
    for (const [i, line] of lines.slice(0, isPart ? lines.length >> 1 : lines.length).entries()) {
      const place = firstLine + i;
      if (place < run.lines.length) {
        if (run.lines[place] !== line) this.#world.bug(`${this.name} got another line ${place} for ${id}`);
        continue;
      }
      run.lines.push(line);
      const point = JSON.parse(line) as ParcelPoint;
      const key = placeKey(point);
      if (run.points.has(key)) this.#world.bug(`${this.name} got a point of ${id} twice: ${wordsOf(point)}`);
      this.#take(run, point, key);
    }
  }

  /** Checks a point against what writers wrote, and keeps it. */
  #take(run: HeldRun, point: ParcelPoint, key: string): void {
    const record = this.#truth.written(point.checksum);
    if (record === undefined) this.#world.bug(`${this.name} got a point that nobody wrote: ${wordsOf(point)}`);
    else if (record.offset !== point.offset || !isSame(record.points[point.index], point))
      this.#world.bug(`${this.name} got a changed point: ${wordsOf(point)}, not ${JSON.stringify(record.points[point.index])}`);
    if (!point.file.startsWith('events.out.tfevents'))
      this.#world.bug(`${this.name} got a point of a file that is no event file: ${wordsOf(point)}`);
    if (!run.points.has(key)) this.stored++;
    run.points.set(key, point);
  }
}

/** A point by where it came from. */
export function placeKey({ file, offset, index, checksum }: Pick<ParcelPoint, 'file' | 'offset' | 'index' | 'checksum'>): string {
  return `${file}/${offset}/${index}/${checksum}`;
}

/** A point by what it says. */
export function equalKey({ tag, step, wallTime, value }: Pick<ParcelPoint, 'tag' | 'step' | 'wallTime' | 'value'>): string {
  return JSON.stringify([tag, String(step), wallTime, String(value)]);
}

function wordsOf({ tag, step, value, file, offset, index }: ParcelPoint): string {
  return `${tag} at step ${step}, ${String(value)}, from ${file} at byte ${offset}, value ${index}`;
}

/** Where a lane leads. */
export function targetOf({ name }: Pick<TrackerServer, 'name'>): string {
  return `simulated:${name}`;
}
