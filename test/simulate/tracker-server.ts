// A tracker of the world: what it holds, and how it behaves. It outlives every process.

import { type ParcelPoint, pointsOf } from '../../src/backend-kit/index.ts';
import type { FileMark, RunEnd, TrackerParcel } from '../../src/contract/index.ts';
import type { Page } from '../../src/http/index.ts';
import type { LaneRules } from './lane-rules.ts';
import type { LanePlan } from './plan.ts';
import { type Mood, type RequestFault, type TrackerKind, type Traits, traitsOf } from './tracker-traits.ts';
import { isSame, type Truth, type WrittenPoint } from './truth.ts';
import type { World } from './world.ts';

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
  /** The time at which each point came, in the order of `points`; of each line, in the order of `lines`. */
  readonly cameMs: number[];
  /** The tags it has, in the order in which they came. */
  readonly tags: Set<string>;
}

/** Why a request failed. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly kind: 'lost' | 'later' | 'denied' | 'noRun' | 'refused' | 'tooMuch' | 'conflict';
  readonly afterMs: number | undefined;

  constructor(kind: RequestFailed['kind'], message: string, afterMs?: number) {
    super(message);
    this.kind = kind;
    this.afterMs = afterMs;
  }
}

const BUSY_AFTER_MS = 5000;
/** The tag of `refuses: 'tag'`, the values of `values`, and the number of tags of `furtherTags`. */
const REFUSED_TAG = 'grad/norm';
const REFUSED_VALUES = 7;
const MOST_TAGS = 3;

/** The tracker itself. */
export class TrackerServer {
  readonly name: string;
  readonly kind: TrackerKind;
  readonly traits: Traits;
  /** What its lane should get, and under which names. */
  readonly rules: LaneRules;
  readonly runs = new Map<string, HeldRun>();
  /** The share of requests with a fault, and which ones. */
  faultShare = 0;
  faults: readonly RequestFault[] = [];
  /** How long a request takes at most, one way. */
  readonly mostLatencyMs: number;
  requests = 0;
  stored = 0;
  /** Requests that nobody answers: their connections end when it is well again. */
  readonly #open = new Set<() => void>();
  readonly #world: World;
  readonly #truth: Truth;
  #mood: Mood = 'well';
  #made = 0;
  #wrongPages = 0;

  constructor({ name, kind, mostLatencyMs, traits }: LanePlan, rules: LaneRules, world: World, truth: Truth) {
    this.name = name;
    this.kind = kind;
    this.traits = traitsOf(traits);
    this.rules = rules;
    this.mostLatencyMs = mostLatencyMs;
    this.#world = world;
    this.#truth = truth;
  }

  get mood(): Mood {
    return this.#mood;
  }

  set mood(mood: Mood) {
    this.#mood = mood;
    if (mood !== 'well') return;
    for (const end of this.#open) end();
    this.#open.clear();
  }

  /** Leaves a request without an answer. */
  leaveOpen(end: () => void): void {
    this.#open.add(end);
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
    // Where nothing can be tried out, a refusal is final: such a tracker must not say that it refuses.
    const isFinal = this.kind === 'journalled' || this.traits.isOld;
    if (this.mood === 'refusing' && isWrite) throw new RequestFailed(isFinal ? 'later' : 'refused', 'it takes nothing');
  }

  create(key: string, instanceId: string, fingerprint: readonly FileMark[]): HeldRun {
    const id = `${this.name}-run-${++this.#made}`;
    const run: HeldRun = {
      ...{ id, key, instanceId, fingerprint, end: undefined, isDeleted: false },
      ...{ points: new Map(), lines: [], cameMs: [], tags: new Set<string>() },
    };
    this.runs.set(id, run);
    this.#world.note(`${this.name} creates ${id}`);
    return run;
  }

  run(id: string): HeldRun {
    const run = this.runs.get(id);
    if (run === undefined || run.isDeleted) throw new RequestFailed('noRun', `there is no run ${id}`);
    return run;
  }

  /** How many points, or lines, of a run can be read by now. */
  readable(id: string): number {
    const { cameMs } = this.run(id);
    if (this.traits.lateMs === 0) return cameMs.length;
    const untilMs = this.#world.nowMs - this.traits.lateMs;
    const late = cameMs.findIndex((ms) => ms > untilMs);
    return late === -1 ? cameMs.length : late;
  }

  /** A page of a list, from the place on that a token names. A wrong one is empty, or one that was there already. */
  page<Item>(items: readonly Item[], token: string | undefined, isWrong: boolean): Page<Item> {
    const { pageSize } = this.traits;
    const from = Number.parseInt(token ?? '0', 10);
    const to = from + pageSize;
    if (!isWrong) return { items: items.slice(from, to), next: to < items.length ? String(to) : undefined };
    const further = `${from} for the ${++this.#wrongPages}th time`;
    switch (this.#world.random.pick(['empty', 'former', 'again'] as const)) {
      case 'empty':
        return { items: [], next: further };
      case 'former':
        return { items: items.slice(Math.max(0, from - pageSize), Math.max(pageSize, from)), next: further };
      default:
        return { items: items.slice(from, to), next: token ?? '0' };
    }
  }

  /** Refuses a request as a whole that is too large, or has something that is never taken. */
  admit(parcels: readonly TrackerParcel[]): void {
    const points = parcels.flatMap(pointsOf);
    this.#admitCount(points.length);
    if (this.traits.refuses === 'values' && points.some(isRefusedValue)) throw new RequestFailed('refused', 'something is not valid');
  }

  /** True if a tracker run lacks a point because the tracker never takes it. */
  mayLack({ tags }: Pick<HeldRun, 'tags'>, { tag, value }: Pick<WrittenPoint, 'tag' | 'value'>): boolean {
    switch (this.traits.refuses) {
      case 'nothing':
        return false;
      case 'tag':
        return tag === REFUSED_TAG;
      case 'values':
        return isRefusedValue({ value });
      case 'furtherTags':
        return tags.size >= MOST_TAGS && !tags.has(tag);
      default:
        return this.traits.refuses satisfies never;
    }
  }

  /** Stores a parcel, or the first part of it. Returns the points that it refused. */
  store(parcel: TrackerParcel, isPart: boolean): { readonly stored: number; readonly refused: readonly ParcelPoint[] } {
    const run = this.run(parcel.handle);
    const points = pointsOf(parcel);
    const refused: ParcelPoint[] = [];
    let stored = 0;
    for (const point of isPart ? points.slice(0, points.length >> 1) : points) {
      if (this.mayLack(run, { tag: point.tag, value: undefined })) {
        refused.push(point);
        continue;
      }
      this.#take(run, point, this.kind === 'merging' ? equalKey(point) : placeKey(point));
      stored++;
    }
    return { stored, refused };
  }

  /** Appends lines from a place on: right behind the last one, or over ones that are the same. */
  append(id: string, firstLine: number, lines: readonly string[], isPart: boolean): void {
    const run = this.run(id);
    this.#admitCount(lines.length);
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

  #admitCount(points: number): void {
    const { mostPoints } = this.traits;
    if (points > mostPoints) throw new RequestFailed('tooMuch', `${points} points, and a request may have ${mostPoints}`);
  }

  /** Checks a point against what writers wrote, and keeps it. */
  #take(run: HeldRun, point: ParcelPoint, key: string): void {
    const record = this.#truth.written(point.checksum);
    const written = record?.points[point.index];
    if (record === undefined || written === undefined) this.#world.bug(`${this.name} got a point that nobody wrote: ${wordsOf(point)}`);
    else {
      const named = { ...written, tag: this.rules.nameOf(written.tag, point.file) };
      if (record.offset !== point.offset || !isSame(named, point))
        this.#world.bug(`${this.name} got a changed point: ${wordsOf(point)}, not ${JSON.stringify(named)}`);
      if (!this.rules.isMeant(written)) this.#world.bug(`${this.name} got a point that routes leave out: ${wordsOf(point)}`);
    }
    if (!point.file.slice(point.file.lastIndexOf('/') + 1).startsWith('events.out.tfevents'))
      this.#world.bug(`${this.name} got a point of a file that is no event file: ${wordsOf(point)}`);
    run.tags.add(point.tag);
    if (!run.points.has(key)) {
      this.stored++;
      run.cameMs.push(this.#world.nowMs);
    }
    run.points.set(key, point);
  }
}

function isRefusedValue({ value }: { readonly value: unknown }): boolean {
  return typeof value === 'number' && value % REFUSED_VALUES === 0;
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
