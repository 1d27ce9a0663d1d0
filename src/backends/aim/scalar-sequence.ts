/**
 * Writes one series of scalars into one sequence. Aim has one point per step, by a hash of it. Nearly all points have
 * a greater step than all before, and are written without reading; for the others, mirrorboard first reads the
 * existing cell. If several points have one step, Aim shows the one with the greatest position. The others are stored
 * under their content, so that a point that is sent again replaces itself.
 */
import { CellReader } from './cell-reader.ts';
import {
  type Cell,
  COLLAPSED,
  collapsedTree,
  contentKey,
  EXACT_COLUMN,
  INCOMPLETE,
  POSITION_COLUMN,
  type PositionedScalar,
  RANGES,
  type ScalarPoint,
} from './cells.ts';
import type { AimClient, Resource } from './client.ts';
import type { Frames } from './frames.ts';
import type { StepHashes } from './hash.ts';
import { KnownCells } from './known-cells.ts';
import { LOOK_COST, RECENT_POINTS } from './limits.ts';
import { collapsedIn, count, fieldsOf, recount, type ScalarTotals, totalsIn } from './scalar-totals.ts';
import type { SequenceId } from './sequences.ts';
import {
  comparePositions,
  isBeforeRange,
  positionText,
  rangeKey,
  rangeText,
  type ShownPosition,
  type StepRange,
} from './shown-position.ts';
import { childOf, type Key, type Tree } from './tree.ts';

/** Cells per instruction: four columns of this length fill a frame. */
const CELLS = 64;

/** Writes the scalars of one series, each step once. */
export class ScalarSequence {
  readonly id: SequenceId;
  readonly totals: ScalarTotals;
  readonly #base: readonly Key[];
  readonly #hashes: StepHashes;
  /** True if its columns exist. */
  #isBegun: boolean;
  #range: StepRange | undefined;
  #known: KnownCells | undefined;
  /** Cells that were read one by one since all were read. */
  #asked = 0;
  /** Points that were settled since all cells were read for the extremes: the first time costs nothing. */
  #settled = Number.POSITIVE_INFINITY;
  /** True if the least or the greatest value may belong to a point that was replaced. */
  #isExtremeGone = false;
  /** The least step so far: files that come late may have begun before the first. */
  #least: number | undefined;
  /**
   * True if the points next to the cells were counted: after a crash, there may be some that the metadata does not
   * count.
   */
  #isCounted = false;
  #collapsed: number;
  #hasExact: boolean;

  constructor(id: SequenceId, hash: string, fields: Tree | undefined, hashes: StepHashes) {
    this.id = id;
    this.#hashes = hashes;
    this.#base = ['seqs', 'v2', 'chunks', hash, id.contextId, id.name];
    this.#isBegun = fields !== undefined;
    this.#collapsed = collapsedIn(fields);
    this.#hasExact = childOf(fields, EXACT_COLUMN) === true;
    this.totals = totalsIn(fields);
  }

  get loaded(): number {
    return this.#known?.size ?? 0;
  }

  get collapsed(): number {
    return this.#collapsed;
  }

  /** Forgets what was read, except for the most recent cells; it can be read again. */
  trim(most: number): void {
    if (most === 0) this.#known = undefined;
    else this.#known?.trim(most);
  }

  /**
   * Creates its columns, if they do not exist. This happens before the metadata names the sequence: a named sequence
   * always has them.
   */
  async begin(frames: Frames, seqs: Resource): Promise<void> {
    if (this.#isBegun) return;
    for (const column of ['val', 'epoch', 'time', 'step']) await frames.add(seqs, 'make_array', [[...this.#base, column]]);
    this.#isBegun = true;
  }

  /**
   * Returns the metadata to write before these points; undefined if the existing metadata is enough. `isFinal`: it
   * needs no change afterwards. A step with a stored position is never beyond the last step that the metadata names.
   * Otherwise, if the server dies in between, another file's point would be written there without reading, and the
   * old position would hide it from the point that is sent again.
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
    // Only the step: which values count is known after all of them were looked up.
    const reached = isBeyond ? { ...this.totals, lastStep: greatest?.step, last: Number(greatest?.value) } : this.totals;
    return { fields: fieldsOf(reached, this.#collapsed, hasExact), isFinal: false };
  }

  /** Writes points in the order of their file; `bytes` is their range in it. `room`: cells that may be loaded. */
  async write(
    points: readonly PositionedScalar[],
    bytes: { readonly file: string; readonly start: number; readonly end: number },
    client: AimClient,
    frames: Frames,
    seqs: Resource,
    room: number,
    signal: AbortSignal,
  ): Promise<void> {
    const rising: PositionedScalar[] = [];
    const others: PositionedScalar[] = [];
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
    const reader = new CellReader(client, seqs, this.#base, this.#hashes, signal);
    const { known, isAllNew } = await this.#look(others, reader, frames, room);
    await this.#settle(others, known, isAllNew, reader, frames, seqs);
    if (this.#isExtremeGone) await this.#lookForExtremes(known, reader, frames, room);
  }

  /** Returns the run's metadata of this sequence. */
  traceFields(): (readonly [Key, Tree])[] {
    return fieldsOf(this.totals, this.#collapsed, this.#hasExact);
  }

  /** Writes points with ever greater steps: no cell can exist at these steps. */
  async #append(
    points: readonly PositionedScalar[],
    { file, start, end }: { readonly file: string; readonly start: number; readonly end: number },
    frames: Frames,
    seqs: Resource,
  ): Promise<void> {
    const [first, last] = [Number(points[0]?.step), Number(points.at(-1)?.step)];
    const before = this.#range;
    const isNext = before !== undefined && before.file === file && before.end === start;
    const range: StepRange = isNext ? { ...before, end, lastStep: last } : { file, start, end, firstStep: first, lastStep: last };
    this.#range = range;
    // The range comes before its points: a cell without one would have no source.
    await frames.update(seqs, [...this.#base, RANGES], [[rangeKey(range), rangeText(range)]]);
    await this.#put(points, frames, seqs);
    this.#known?.addRange(range);
    for (const point of points) {
      this.#known?.set(Number(point.step), point);
      count(this.totals, point);
    }
  }

  /**
   * Reads the cells at the steps of some points: all cells if that is less work than the reads one by one, otherwise
   * only these. `isAllNew`: all were read just now.
   */
  async #look(
    points: readonly PositionedScalar[],
    reader: CellReader,
    frames: Frames,
    room: number,
  ): Promise<{ readonly known: KnownCells; readonly isAllNew: boolean }> {
    const before = this.#known;
    const known = before ?? new KnownCells();
    const steps = new Set(points.map(({ step }) => Number(step)));
    const unknown = [...steps].filter((step) => !known.knows(step));
    let isAllNew = false;
    if (unknown.length > 0 || before === undefined) {
      await frames.flush();
      this.#asked += unknown.length;
      const most = this.#mostCells(steps);
      isAllNew = most <= room && most <= Math.max(this.#asked * LOOK_COST, RECENT_POINTS);
      if (isAllNew) await this.#loadAll(known, reader);
      else known.take(await reader.at(unknown, this.#hasExact), false);
      if (before === undefined) await this.#lookCollapsed(known, reader, room);
      if (isAllNew) this.#asked = 0;
    }
    if (!known.hasRanges && [...steps].some((step) => known.cells.has(step) && known.cells.get(step)?.position === undefined)) {
      await frames.flush();
      known.takeRanges(await reader.ranges());
    }
    // Only now: a partial read is of no use.
    this.#known = known;
    return { known, isAllNew };
  }

  async #loadAll(known: KnownCells, reader: CellReader): Promise<void> {
    known.take(await reader.all(this.#hasExact), true);
    this.#mostCells(known.cells.keys());
  }

  /**
   * Returns the most cells that can exist: each step has one, so no more than the steps between the least and the
   * last known.
   */
  #mostCells(steps: Iterable<number>): number {
    const { firstStep, lastStep } = this.totals;
    let least = this.#least ?? Number(firstStep ?? Number.POSITIVE_INFINITY);
    for (const step of steps) if (step < least) least = step;
    this.#least = least;
    return Number(lastStep ?? least) - least + 1;
  }

  async #lookCollapsed(known: KnownCells, reader: CellReader, room: number): Promise<void> {
    if (this.#isCounted && this.#collapsed > Math.min(room, this.#asked * LOOK_COST)) return;
    const collapsed = await reader.collapsed();
    this.#collapsed = collapsed.length;
    this.#isCounted = true;
    if (collapsed.length > room) return;
    for (const key of collapsed) known.collapsed.add(String(key));
    known.isCollapsedWhole = true;
  }

  /** Writes points whose steps may already exist. */
  async #settle(
    points: readonly PositionedScalar[],
    known: KnownCells,
    isAllNew: boolean,
    reader: CellReader,
    frames: Frames,
    seqs: Resource,
  ): Promise<void> {
    const winners = new Map<number, PositionedScalar>();
    const collapsed = new Map<string, PositionedScalar | Cell>();
    /** Points that already exist unchanged. */
    const present: PositionedScalar[] = [];
    /** Values that are no longer shown. */
    const gone = new Set<number>();
    /** Steps of winners whose cell exists already, complete or incomplete. */
    const taken = new Set<number>();
    // After all cells were read, the totals are recomputed: a crash may have left cells that were not counted.
    let replaced = isAllNew;
    for (const point of points) {
      const step = Number(point.step);
      const there = known.cells.get(step);
      if ((there !== undefined && !winners.has(step)) || known.incomplete.has(step)) taken.add(step);
      if (there !== undefined && contentKey(there) !== contentKey(point)) {
        const isSame = there.position !== undefined && comparePositions(point.position, there.position) === 0;
        if (!isSame) {
          const isOlder = isOlderThan(point.position, there, step, known.ranges);
          const loser = isOlder ? point : there;
          if (!known.collapsed.has(contentKey(loser))) collapsed.set(contentKey(loser), loser);
          if (isOlder) continue;
        }
        replaced = true;
        gone.add(Number(there.value));
      } else if (there !== undefined) {
        // Of equal points, the greater position counts; most often the very same point is sent again.
        const isKnownLater = there.position !== undefined && comparePositions(point.position, there.position) <= 0;
        if (isKnownLater || isOlderThan(point.position, there, step, known.ranges) || isWithin(point.position, there, step, known.ranges)) {
          present.push(point);
          continue;
        }
      }
      winners.set(step, point);
      known.set(step, point);
    }
    await this.#keep(collapsed, known, reader, frames, seqs);
    const chosen = [...winners.values()];
    const putPositions = async (points: readonly PositionedScalar[], textOf: (point: PositionedScalar) => string): Promise<void> => {
      const positions = points.map((point) => [this.#hashes.of(Number(point.step)), textOf(point)] as const);
      for (let at = 0; at < positions.length; at += CELLS)
        await frames.update(seqs, [...this.#base, POSITION_COLUMN], positions.slice(at, at + CELLS));
    };
    const overwritten = chosen.filter(({ step }) => taken.has(Number(step)));
    await putPositions(chosen, ({ step, position }) => (taken.has(Number(step)) ? INCOMPLETE : positionText(position)));
    await this.#put(chosen, frames, seqs);
    // Only now: a cell with the value of one point and the time of another is not a point to keep.
    await putPositions(overwritten, ({ position }) => positionText(position));
    for (const { step } of overwritten) known.incomplete.delete(Number(step));
    if (replaced && known.isWhole) {
      this.#isExtremeGone = false;
      return recount(this.totals, known.cells);
    }
    // A crash may have kept the metadata from counting existing points.
    for (const point of known.isWhole ? chosen : [...present, ...chosen]) this.#countShown(point);
    for (const { value } of chosen) gone.delete(Number(value));
    const { min, max } = this.totals;
    if ((min !== undefined && gone.has(min)) || (max !== undefined && gone.has(max))) this.#isExtremeGone = true;
    this.#settled += points.length;
  }

  /**
   * Reads all cells if a replaced extreme was shown in a sequence whose cells are not all known. It does so the first
   * time if there is room, and again after enough settled points that this read is not the main cost.
   */
  async #lookForExtremes(known: KnownCells, reader: CellReader, frames: Frames, room: number): Promise<void> {
    if (this.#mostCells([]) > Math.min(room, this.#settled * LOOK_COST)) return;
    await frames.flush();
    await this.#loadAll(known, reader);
    recount(this.totals, known.cells);
    this.#isExtremeGone = false;
    this.#settled = 0;
  }

  /** Stores replaced points, before others take their cells. */
  async #keep(
    collapsed: ReadonlyMap<string, PositionedScalar | Cell>,
    known: KnownCells,
    reader: CellReader,
    frames: Frames,
    seqs: Resource,
  ): Promise<void> {
    if (collapsed.size === 0) return;
    if (!known.isCollapsedWhole) {
      await frames.flush();
      this.#collapsed -= (await reader.collapsedOf([...collapsed.keys()])).size;
    }
    const entries = [...collapsed].map(([key, point]) => [key, collapsedTree(point)] as const);
    for (let at = 0; at < entries.length; at += CELLS) await frames.update(seqs, [...this.#base, COLLAPSED], entries.slice(at, at + CELLS));
    for (const key of collapsed.keys()) known.collapsed.add(key);
    this.#collapsed += collapsed.size;
  }

  #countShown(point: PositionedScalar): void {
    count(this.totals, point);
    if (Number(point.step) === Number(this.totals.firstStep)) this.totals.first = Number(point.value);
  }

  async #put(points: readonly PositionedScalar[], frames: Frames, seqs: Resource): Promise<void> {
    const keys = points.map(({ step }) => this.#hashes.of(Number(step)));
    const columns = [
      ['val', points.map(({ value }) => Number(value))],
      ['time', points.map(({ wallTime }) => wallTime)],
      ['epoch', null],
      // The step comes last: a cell that has a step is complete, even after a crash in between.
      ['step', points.map(({ step }) => BigInt(step))],
    ] as const;
    // If some values are exact, the others must say that they are not: their cells may have held other points before.
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
}

function isOlderThan(position: ShownPosition, there: Cell, step: number, ranges: Iterable<StepRange>): boolean {
  if (there.position !== undefined) return comparePositions(position, there.position) < 0;
  const range = rangeOf(step, ranges);
  return range !== undefined && isBeforeRange(position, range);
}

function isWithin({ file, offset }: ShownPosition, there: Cell, step: number, ranges: Iterable<StepRange>): boolean {
  if (there.position !== undefined) return false;
  const range = rangeOf(step, ranges);
  return range !== undefined && range.file === file && range.start <= offset && offset < range.end;
}

/**
 * Returns the range that contains a step. Two ranges contain it if one was begun, interrupted and overtaken by that
 * of another file. The later position counts, since the interrupted one is sent again.
 */
function rangeOf(step: number, ranges: Iterable<StepRange>): StepRange | undefined {
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
