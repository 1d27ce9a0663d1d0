/**
 * One series of scalars on its way into one sequence. Aim has one point per step, by a hash of it. Nearly all points
 * have a greater step than all before, and are written without reading; for the others, the present cell is read
 * first. If several points have one step, Aim shows the one of the greatest place. The others are stored under their
 * content, so that a point that is sent again replaces itself.
 */
import type { AimClient, Resource } from './client.ts';
import type { Frames } from './frames.ts';
import type { StepHashes } from './hash.ts';
import { comparePlaces, isBeforeRange, type Place, placeText, rangeKey, rangeText, readPlace, readRange, type StepRange } from './place.ts';
import { COLLAPSED_FIELD, type SequenceId } from './sequences.ts';
import { childOf, type Key, type Tree } from './tree.ts';

/** A scalar as it is held. */
export interface ScalarPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly value: number | bigint;
}

/** A scalar with its place in the event files. */
export interface PlacedScalar extends ScalarPoint {
  readonly place: Place;
}

/** A cell of the sequence; of one written blindly the range is known instead of the place. */
interface Cell extends ScalarPoint {
  readonly place: Place | undefined;
}

/** What a run's metadata says of the points. */
export interface ScalarTotals {
  first: number | undefined;
  firstStep: number | bigint | undefined;
  last: number | undefined;
  lastStep: number | bigint | undefined;
  min: number | undefined;
  max: number | undefined;
}

/** All cells of a sequence by step, and what is stored with them. */
interface Loaded {
  readonly cells: Map<number, Cell>;
  /** Steps whose cell was being replaced when the server died: what is in it is of no point. */
  readonly torn: Set<number>;
  readonly beside: Set<string>;
  readonly ranges: StepRange[];
}

/** The column of places, by the step's hash: where an overwritten cell came from. */
export const PLACE_COLUMN = 'mb_place';
/** The place of a cell while its columns are replaced one after the other. */
const TORN = 'torn';
/** The column of integers that no double holds. */
export const EXACT_COLUMN = 'mb_exact';
/** Which range of steps came from which bytes of which file. */
export const RANGES = 'mb_from';
/** Points whose step another point has taken, by their content. */
export const BESIDE = 'mb_also';
/** Cells to an instruction: four columns of so many fill a frame. */
const CELLS = 64;

/** Writes the scalars of one series, each step once. */
export class ScalarSequence {
  readonly id: SequenceId;
  readonly totals: ScalarTotals;
  readonly #base: readonly Key[];
  readonly #hashes: StepHashes;
  /** Whether its columns are there. */
  #isBegun: boolean;
  #range: StepRange | undefined;
  #loaded: Loaded | undefined;
  #collapsed: number;
  #hasExact: boolean;

  constructor(id: SequenceId, hash: string, fields: Tree | undefined, hashes: StepHashes) {
    this.id = id;
    this.#hashes = hashes;
    this.#base = ['seqs', 'v2', 'chunks', hash, id.contextId, id.name];
    this.#isBegun = fields !== undefined;
    this.#collapsed = Number(numberIn(fields, COLLAPSED_FIELD) ?? 0);
    this.#hasExact = childOf(fields, EXACT_COLUMN) === true;
    const plain = (key: string): number | undefined => {
      const value = numberIn(fields, key);
      return value === undefined ? undefined : Number(value);
    };
    this.totals = {
      first: plain('first'),
      firstStep: stepIn(fields, 'first_step'),
      last: plain('last'),
      lastStep: stepIn(fields, 'last_step'),
      min: plain('min'),
      max: plain('max'),
    };
  }

  get loadedPoints(): number {
    return this.#loaded?.cells.size ?? 0;
  }

  get collapsed(): number {
    return this.#collapsed;
  }

  /** Forgets what was looked up; it is there to be looked up again. */
  unload(): void {
    this.#loaded = undefined;
  }

  /** Makes its columns, if they are not there. Before the metadata names it: what is named has them. */
  async begin(frames: Frames, seqs: Resource): Promise<void> {
    if (this.#isBegun) return;
    for (const column of ['val', 'epoch', 'time', 'step']) await frames.add(seqs, 'make_array', [[...this.#base, column]]);
    this.#isBegun = true;
  }

  /**
   * What the metadata must say before these points are written; undefined if it says enough. `isFinal`: it needs no
   * change afterwards. A step that gets a place of its own is never beyond the last step that the metadata names.
   * Otherwise, if the server dies halfway, another file's point is written there without a look, and the place that
   * was left behind hides it from the point that comes again.
   */
  fieldsBefore(
    points: readonly ScalarPoint[],
    isNamed: boolean,
  ): { readonly fields: readonly (readonly [Key, Tree])[]; readonly isFinal: boolean } | undefined {
    const totals = { ...this.totals };
    let hasExact = this.#hasExact;
    let isRising = true;
    let greatest: ScalarPoint | undefined;
    for (const point of points) {
      if (totals.lastStep !== undefined && Number(point.step) <= Number(totals.lastStep)) isRising = false;
      if (greatest === undefined || Number(point.step) > Number(greatest.step)) greatest = point;
      count(totals, point);
      if (typeof point.value === 'bigint') hasExact = true;
    }
    const isFirstExact = hasExact && !this.#hasExact;
    if (isRising) return isNamed && !isFirstExact ? undefined : { fields: fieldsOf(totals, this.#collapsed, hasExact), isFinal: true };
    const { lastStep } = this.totals;
    const isBeyond = greatest !== undefined && (lastStep === undefined || Number(greatest.step) > Number(lastStep));
    if (isNamed && !isBeyond && !isFirstExact) return undefined;
    // Only the step: which values count is known once all of them were looked up.
    const reached = isBeyond ? { ...this.totals, lastStep: greatest?.step, last: Number(greatest?.value) } : this.totals;
    return { fields: fieldsOf(reached, this.#collapsed, hasExact), isFinal: false };
  }

  /** Writes points in the order of their file; `bytes` is their place in it. */
  async write(
    points: readonly PlacedScalar[],
    bytes: { readonly file: string; readonly start: number; readonly end: number },
    client: AimClient,
    frames: Frames,
    seqs: Resource,
    signal: AbortSignal,
  ): Promise<void> {
    const rising: PlacedScalar[] = [];
    const others: PlacedScalar[] = [];
    let last = this.totals.lastStep === undefined ? Number.NEGATIVE_INFINITY : Number(this.totals.lastStep);
    for (const point of points) {
      const step = Number(point.step);
      if (step > last && others.length === 0) {
        rising.push(point);
        last = step;
      } else others.push(point);
    }
    if (rising.length > 0) await this.#append(rising, bytes, frames, seqs);
    if (others.length === 0) return;
    const isFirstLook = this.#loaded === undefined;
    if (this.#loaded === undefined) {
      await frames.flush();
      this.#loaded = await this.#load(client, seqs, signal);
      // Also what was kept before a crash, which the metadata does not count yet.
      this.#collapsed = this.#loaded.beside.size;
    }
    await this.#settle(others, this.#loaded, isFirstLook, frames, seqs);
  }

  /** What the run's metadata says of this sequence. */
  traceFields(): (readonly [Key, Tree])[] {
    return fieldsOf(this.totals, this.#collapsed, this.#hasExact);
  }

  /** Points of ever greater steps: nothing can be at theirs. */
  async #append(
    points: readonly PlacedScalar[],
    { file, start, end }: { readonly file: string; readonly start: number; readonly end: number },
    frames: Frames,
    seqs: Resource,
  ): Promise<void> {
    const [first, last] = [Number(points[0]?.step), Number(points.at(-1)?.step)];
    const before = this.#range;
    const isNext = before !== undefined && before.file === file && before.end === start;
    const range: StepRange = isNext ? { ...before, end, lastStep: last } : { file, start, end, firstStep: first, lastStep: last };
    this.#range = range;
    // Before its points: a cell that exists without one would be of nowhere.
    await frames.update(seqs, [...this.#base, RANGES], [[rangeKey(range), rangeText(range)]]);
    await this.#put(points, frames, seqs);
    if (this.#loaded !== undefined) {
      this.#loaded.ranges.push(range);
      for (const point of points) this.#loaded.cells.set(Number(point.step), { ...point, place: undefined });
    }
    for (const point of points) count(this.totals, point);
  }

  /** Points whose steps may be there already. */
  async #settle(points: readonly PlacedScalar[], loaded: Loaded, isFirstLook: boolean, frames: Frames, seqs: Resource): Promise<void> {
    const winners = new Map<number, PlacedScalar>();
    const beside = new Map<string, PlacedScalar | Cell>();
    /** Steps of winners whose cell is there already, whole or torn. */
    const taken = new Set<number>();
    // At the first look, what a crash left behind is not counted as it is.
    let replaced = isFirstLook;
    for (const point of points) {
      const step = Number(point.step);
      const there = loaded.cells.get(step);
      if ((there !== undefined && !winners.has(step)) || loaded.torn.has(step)) taken.add(step);
      if (there !== undefined && contentKey(there) !== contentKey(point)) {
        const isSame = there.place !== undefined && comparePlaces(point.place, there.place) === 0;
        if (!isSame) {
          const isOlder = isOlderThan(point.place, there, step, loaded.ranges);
          const loser = isOlder ? point : there;
          if (!loaded.beside.has(contentKey(loser))) beside.set(contentKey(loser), loser);
          if (isOlder) continue;
        }
        replaced = true;
      } else if (there !== undefined) {
        // Of equal points the greater place counts; most often it is the very same one that comes again.
        const isKnownLater = there.place !== undefined && comparePlaces(point.place, there.place) <= 0;
        if (isKnownLater || isOlderThan(point.place, there, step, loaded.ranges) || isWithin(point.place, there, step, loaded.ranges))
          continue;
      }
      winners.set(step, point);
      loaded.cells.set(step, point);
    }
    if (beside.size > 0) {
      // What gives way is kept before anything takes its place.
      const entries = [...beside].map(([key, point]) => [key, besideTree(point)] as const);
      for (let at = 0; at < entries.length; at += CELLS) await frames.update(seqs, [...this.#base, BESIDE], entries.slice(at, at + CELLS));
      for (const key of beside.keys()) loaded.beside.add(key);
      this.#collapsed = loaded.beside.size;
    }
    const chosen = [...winners.values()];
    const putPlaces = async (points: readonly PlacedScalar[], textOf: (point: PlacedScalar) => string): Promise<void> => {
      const places = points.map((point) => [this.#hashes.of(Number(point.step)), textOf(point)] as const);
      for (let at = 0; at < places.length; at += CELLS)
        await frames.update(seqs, [...this.#base, PLACE_COLUMN], places.slice(at, at + CELLS));
    };
    const overwritten = chosen.filter(({ step }) => taken.has(Number(step)));
    await putPlaces(chosen, ({ step, place }) => (taken.has(Number(step)) ? TORN : placeText(place)));
    await this.#put(chosen, frames, seqs);
    // Only now: a cell with the value of one point and the time of another is no point that may be kept.
    await putPlaces(overwritten, ({ place }) => placeText(place));
    for (const { step } of overwritten) loaded.torn.delete(Number(step));
    if (replaced) this.#recount(loaded);
    else for (const point of chosen) count(this.totals, point);
  }

  async #put(points: readonly PlacedScalar[], frames: Frames, seqs: Resource): Promise<void> {
    const keys = points.map(({ step }) => this.#hashes.of(Number(step)));
    const columns = [
      ['val', points.map(({ value }) => Number(value))],
      ['time', points.map(({ wallTime }) => wallTime)],
      ['epoch', null],
      // Last: a cell that has a step is whole, also after a crash in between.
      ['step', points.map(({ step }) => BigInt(step))],
    ] as const;
    // Where some are exact, the others say that they are not: a cell may have been another point's before.
    if (points.some(({ value }) => typeof value === 'bigint')) this.#hasExact = true;
    const exact = this.#hasExact
      ? points.map(({ value }, i) => [keys[i] as bigint, typeof value === 'bigint' ? String(value) : null] as const)
      : [];
    for (let at = 0; at < exact.length; at += CELLS) await frames.update(seqs, [...this.#base, EXACT_COLUMN], exact.slice(at, at + CELLS));
    for (let from = 0; from < keys.length; from += CELLS) {
      const to = Math.min(keys.length, from + CELLS);
      for (const [column, values] of columns) await frames.cells(seqs, [...this.#base, column], { keys, values }, from, to);
    }
  }

  /** A value that is gone may have been an extreme. */
  #recount({ cells }: Loaded): void {
    const { first, firstStep, last, lastStep } = this.totals;
    Object.assign(this.totals, { last: undefined, lastStep: undefined, min: undefined, max: undefined });
    for (const cell of cells.values()) count(this.totals, cell);
    // A last step that has no cell yet was named before its point, which comes again: it is never taken back.
    if (lastStep !== undefined && !(Number(this.totals.lastStep) >= Number(lastStep))) Object.assign(this.totals, { last, lastStep });
    if (first !== undefined) this.totals.first = first;
    if (firstStep !== undefined) this.totals.firstStep = firstStep;
    const there = firstStep === undefined ? undefined : cells.get(Number(firstStep));
    if (there !== undefined) this.totals.first = Number(there.value);
  }

  async #load(client: AimClient, seqs: Resource, signal: AbortSignal): Promise<Loaded> {
    const read = async (column: string): Promise<ReadonlyMap<Key, Tree>> => client.items(seqs, [...this.#base, column], signal);
    const [steps, times, values] = [await read('step'), await read('time'), await read('val')];
    const [places, ranges] = [await read(PLACE_COLUMN), await read(RANGES)];
    const exact = this.#hasExact ? await read(EXACT_COLUMN) : new Map<Key, Tree>();
    const beside = await client.keys(seqs, [...this.#base, BESIDE], signal);
    const cells = new Map<number, Cell>();
    const torn = new Set<number>();
    for (const [key, step] of steps) {
      const [wallTime, value, place, whole] = [times.get(key), values.get(key), places.get(key), exact.get(key)];
      // A cell that was not finished is written again by its writer.
      if (typeof step !== 'bigint' || typeof wallTime !== 'number' || typeof value !== 'number') continue;
      if (place === TORN) {
        torn.add(Number(step));
        continue;
      }
      cells.set(Number(step), {
        step: narrow(step),
        wallTime,
        value: exactValue(whole, value),
        place: typeof place === 'string' ? readPlace(place) : undefined,
      });
    }
    return {
      cells,
      torn,
      beside: new Set(beside.map(String)),
      ranges: [...ranges].flatMap(([key, text]) => (typeof text === 'string' ? (readRange(String(key), text) ?? []) : [])),
    };
  }
}

function count(totals: ScalarTotals, point: ScalarPoint): void {
  const value = Number(point.value);
  totals.first ??= value;
  totals.firstStep ??= point.step;
  if (totals.lastStep === undefined || point.step >= totals.lastStep) {
    totals.lastStep = point.step;
    totals.last = value;
  }
  if (Number.isNaN(value)) return;
  if (totals.min === undefined || value < totals.min) totals.min = value;
  if (totals.max === undefined || value > totals.max) totals.max = value;
}

function fieldsOf(
  { first, firstStep, last, lastStep, min, max }: ScalarTotals,
  collapsed: number,
  hasExact: boolean,
): (readonly [Key, Tree])[] {
  const step = (value: number | bigint | undefined): Tree => (value === undefined ? null : BigInt(value));
  return [
    ['first', first ?? null],
    ['first_step', step(firstStep)],
    ['last', last ?? null],
    ['last_step', step(lastStep)],
    ['min', min ?? null],
    ['max', max ?? null],
    ...(collapsed > 0 ? [[COLLAPSED_FIELD, BigInt(collapsed)] as const] : []),
    ...(hasExact ? [[EXACT_COLUMN, true] as const] : []),
  ];
}

function isOlderThan(place: Place, there: Cell, step: number, ranges: readonly StepRange[]): boolean {
  if (there.place !== undefined) return comparePlaces(place, there.place) < 0;
  const range = rangeOf(step, ranges);
  return range !== undefined && isBeforeRange(place, range);
}

function isWithin({ file, offset }: Place, there: Cell, step: number, ranges: readonly StepRange[]): boolean {
  if (there.place !== undefined) return false;
  const range = rangeOf(step, ranges);
  return range !== undefined && range.file === file && range.start <= offset && offset < range.end;
}

/**
 * The range that a step is of. Where one was begun, broken off and overtaken by another file's, two have it: the
 * later place counts, since what was broken off comes again.
 */
function rangeOf(step: number, ranges: readonly StepRange[]): StepRange | undefined {
  let found: StepRange | undefined;
  for (const range of ranges) {
    const isIn = range.firstStep <= step && step <= range.lastStep;
    if (isIn && (found === undefined || !isBeforeStart(range, found))) found = range;
  }
  return found;
}

function isBeforeStart(range: StepRange, other: StepRange): boolean {
  return isBeforeRange({ file: range.file, offset: range.start, index: 0 }, other);
}

/** What a point is, to the bit. */
export function contentKey({ step, wallTime, value }: ScalarPoint): string {
  const bits = Buffer.allocUnsafe(16);
  // One NaN is as good as another.
  bits.writeDoubleBE(Number.isNaN(wallTime) ? Number.NaN : wallTime, 0);
  bits.writeDoubleBE(Number.isNaN(Number(value)) ? Number.NaN : Number(value), 8);
  return `${step}:${bits.toString('hex')}${typeof value === 'bigint' ? `:${value}` : ''}`;
}

function besideTree({ step, wallTime, value, place }: PlacedScalar | Cell): Tree {
  return {
    step: BigInt(step),
    time: wallTime,
    val: Number(value),
    ...(typeof value === 'bigint' ? { exact: String(value) } : {}),
    ...(place === undefined ? {} : { place: placeText(place) }),
  };
}

function numberIn(fields: Tree | undefined, key: string): number | bigint | undefined {
  const value = childOf(fields, key);
  if (typeof value === 'bigint') return narrow(value);
  return typeof value === 'number' ? value : undefined;
}

function stepIn(fields: Tree | undefined, key: string): number | bigint | undefined {
  const step = numberIn(fields, key);
  return typeof step === 'number' && !Number.isSafeInteger(step) ? undefined : step;
}

/** An integer that no double holds, as it is stored next to its point; the value if it is none. */
export function exactValue(text: Tree | undefined, value: number): number | bigint {
  return typeof text === 'string' && /^-?\d{1,40}$/.test(text) ? BigInt(text) : value;
}

/** Steps that a number can hold are numbers. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
