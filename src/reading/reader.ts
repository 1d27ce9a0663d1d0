/**
 * Connects `tail` and `decode`: turns the files of one run into batches and file states. Runs in the reader's thread.
 */
import { FileDecoder, type IncompleteBefore, TagTable } from '../decode/index.ts';
import {
  type Batch,
  Catalogue,
  type Damage,
  type DamageReason,
  type FileState,
  type Gap,
  inodeOf,
  isPending,
  joinBatches,
  type Position,
  pointCount,
  type Series,
  selectPoints,
} from '../model/index.ts';
import { beginningOf, compareWithState, type FileWindow, type OpenFile, validBeginningOf } from '../tail/index.ts';
import { lookNow } from '../untrusted/index.ts';
import { advanceDecoder, advanceToNext } from './advance-decoder.ts';
import { DamageByOffset, type FilledGap, joinDamage, MOST_JOINED, MOST_JOINED_BYTES, stateBehind } from './filled-gaps.ts';
import { lastPoints } from './last-points.ts';
import { cutBefore, cutLook, dateIncomplete, incompleteOf, isLasting, nameUnreadable, zerosOf } from './name-damage.ts';
import type { FileOutcome, ReadEvent, RunJob } from './read-event.ts';
import { readOpened, type Trouble } from './read-opened.ts';
import { recordLimits } from './record-limits.ts';
import { SecondReading } from './second-reading.ts';
import { longerTrail } from './trail.ts';
import { isAnyWhole } from './valid-record.ts';

/** The knowledge needed to resume reading a run: kept between the reads of a growing run. */
export class RunSession {
  readonly #catalogue: Catalogue;
  readonly #tags = new TagTable();
  readonly #states = new Map<string, FileState>();

  constructor({ series, known = [] }: Pick<RunJob, 'series' | 'known'>) {
    for (const state of known) this.#states.set(state.name, state);
    this.#catalogue = new Catalogue(series);
    for (const { plugin, tag, id } of series) {
      if (plugin === 'scalars') this.#tags.add(new TextEncoder().encode(tag), id);
    }
  }

  *read(job: RunJob, window: FileWindow): Generator<ReadEvent, void, void> {
    for (const before of job.again ?? []) yield* new SecondReading(job, before, this.#catalogue, this.#tags, window).events();
    let left = job.mostBytes ?? Infinity;
    let hasMore = false;
    for (const each of job.files) {
      const { name, state } = each;
      if (left <= 0) {
        hasMore = true;
        break;
      }
      const known = this.#states.get(name) ?? state;
      const file = new FileRead(job, each, known, this.#catalogue, this.#tags, window);
      let watermark = known?.position.watermark ?? 0;
      for (const event of file.events()) {
        if (event.kind === 'batch') this.#states.set(name, event.state);
        yield event;
        if (event.kind !== 'batch') continue;
        // Only the progress counts: a damaged end is checked in every pass, and must not keep other files waiting.
        left -= Math.max(0, event.state.position.watermark - watermark);
        watermark = event.state.position.watermark;
        // A state with a stamp is that of the file's end: nothing is left to read.
        hasMore = left <= 0 && event.state.stamp === '' && file.canPause;
        if (hasMore) break;
      }
      if (hasMore) break;
    }
    yield { kind: 'runDone', run: job.run, hasMore };
  }
}

/** Damage that does not mean bad bytes: those that can be read now are as good as new ones. */
const READ_AGAIN: ReadonlySet<DamageReason> = new Set<DamageReason>(['unreadable', 'too_large']);

/** The most damaged bytes that are searched again for records, each time the file is retried. */
const MOST_SEARCHED_BYTES = 4 << 20;

/** One read of one file. */
class FileRead {
  readonly #job: RunJob;
  readonly #name: string;
  readonly #isOther: boolean;
  readonly #inode: string | undefined;
  readonly #catalogue: Catalogue;
  readonly #tags: TagTable;
  readonly #window: FileWindow;
  /** The knowledge of the file after the last batch handed out. */
  #state: FileState | undefined;
  #isFilling = false;

  constructor(
    job: RunJob,
    { name, isOther = false, inode }: RunJob['files'][number],
    state: FileState | undefined,
    catalogue: Catalogue,
    tags: TagTable,
    window: FileWindow,
  ) {
    this.#job = job;
    this.#name = name;
    this.#isOther = isOther;
    this.#inode = inode;
    this.#state = state;
    this.#catalogue = catalogue;
    this.#tags = tags;
    this.#window = window;
  }

  /** False while bytes are repaired: their batches share the series that the first of them adds. */
  get canPause(): boolean {
    return !this.#isFilling;
  }

  events(): Generator<ReadEvent, void, void> {
    const toRead = { directory: this.#job.directory, name: this.#name, catalogue: this.#catalogue, tags: this.#tags };
    return readOpened(
      toRead,
      (file) => this.#read(file),
      (trouble, reason) => this.#trouble(trouble, reason),
    );
  }

  *#trouble(trouble: Trouble, reason: string): Generator<ReadEvent, void, void> {
    if (trouble === 'unreadable') yield* this.#noteUnreadable(reason);
    yield this.#outcome(trouble, 0, reason);
  }

  *#read(file: OpenFile): Generator<ReadEvent, void, void> {
    this.#window.reset(file.fd);
    const change = this.#state === undefined ? 'same' : compareWithState(file, this.#state);
    if (change !== 'same' && this.#inode !== undefined && this.#inode !== inodeOf(file.stamp)) {
      yield { kind: 'otherFile', run: this.#job.run, file: this.#name };
      return;
    }
    if (this.#state !== undefined && this.#isContent(file)) {
      yield* this.#readAsOther(file, 'replaced', 'a record is whole now in which others were found');
      return;
    }
    if (change === 'cut' && this.#isOther) {
      yield* this.#readAsOther(file, 'replaced', 'the file is shorter than before, and other records follow its beginning');
      return;
    }
    if (change === 'cut') {
      const end = beginningOf(file, this.#known()) ?? 0;
      yield* this.#fillGaps(file, end);
      yield* this.#wait(file, this.#known(), end);
      return;
    }
    if (change !== 'same') {
      yield* this.#readAsOther(file, change);
      return;
    }
    this.#state ??= newState(this.#name, 0);
    yield* this.#fillGaps(file, Infinity);
    yield* this.#tail(file);
    yield this.#outcome('read', file.size);
  }

  /** Retries pending bytes that end before `end`. */
  *#fillGaps(file: OpenFile, end: number): Generator<ReadEvent, void, void> {
    if (this.#job.retriesGaps === false) return;
    this.#isFilling = true;
    const before = this.#withJoinedGaps();
    const places = new DamageByOffset(before.damage);
    const within = (gap: Gap): readonly Damage[] => places.within(gap);
    const still: Gap[] = [];
    // Small gaps that could be filled wait for each other, because each batch carries the state of the file with all
    // its damage.
    let waiting: FilledGap[] = [];
    let bytes = 0;
    const hand = (filled: readonly FilledGap[]): ReadEvent => {
      this.#state = stateBehind(this.#known(), filled, within);
      return { kind: 'batch', batch: joinBatches(filled.map(({ batch }) => batch)), state: this.#state };
    };
    for (const gap of before.position.gaps.filter((each) => each.end <= end)) {
      const rest = gap.reason === 'damage' ? within(gap) : [];
      const isNew = rest.some(({ reason }) => READ_AGAIN.has(reason));
      let steps = isNew ? this.#readAgain(gap, rest, file) : this.#fillGap(gap, rest, file);
      let first = steps.next();
      if (first.done === true && !isNew && gap.reason === 'damage' && gap.end - gap.start <= MOST_SEARCHED_BYTES) {
        steps = this.#readAgain(gap, rest, file, true);
        first = steps.next();
      }
      if (first.done === true) {
        still.push(gap);
        continue;
      }
      const next = steps.next();
      if (next.done === true && this.#job.joinsGaps === true) {
        waiting.push(first.value);
        bytes += gap.end - gap.start;
        if (waiting.length < MOST_JOINED && bytes < MOST_JOINED_BYTES) continue;
      } else if (next.done === true) {
        yield hand([first.value]);
        continue;
      }
      if (waiting.length > 0) yield hand(waiting);
      [waiting, bytes] = [[], 0];
      if (next.done === true) continue;
      // Pending and damaged bytes begin after each batch that was handed out, so a crash between two batches
      // duplicates nothing.
      const base = this.#known();
      const part = (each: FilledGap): ReadEvent => {
        this.#state = stateBehind(base, [each], within);
        return { kind: 'batch', batch: each.batch, state: this.#state };
      };
      yield part(first.value);
      yield part(next.value);
      for (const each of steps) yield part(each);
    }
    if (waiting.length > 0) yield hand(waiting);
    this.#renameDamage(still.flatMap(within));
    this.#isFilling = false;
  }

  /**
   * Joins damaged bytes that follow each other: a repaired record may reach from one place of damage into the next,
   * where something else looked like the start of a record.
   */
  #withJoinedGaps(): FileState {
    const before = this.#known();
    const { gaps } = before.position;
    const joined = joinDamage(gaps, MOST_SEARCHED_BYTES);
    if (joined.length < gaps.length) this.#state = { ...before, position: { ...before.position, gaps: joined } };
    return this.#known();
  }

  /**
   * Keeps the points that were read from a file that is shorter now. Later passes check if the rest returns, or if
   * other bytes follow.
   */
  *#wait(file: OpenFile, before: FileState, start: number): Generator<ReadEvent, void, void> {
    const { watermark } = before.position;
    const damage = before.damage.filter((item) => !isPending(item));
    const from = start === 0 ? 0 : validBeginningOf(file, before);
    const { look, isNow } = cutLook(before, file, { from, isSettled: this.#job.settled, nowMs: Date.now() });
    const cut: Damage = { start, end: watermark, reason: 'cut', look };
    this.#state = { ...before, size: file.size, stamp: file.stamp, damage: [...damage, cut] };
    const last = isNow
      ? lastPoints({ run: this.#job.run, state: before, catalogue: this.#catalogue, from, to: file.size }, this.#window)
      : [];
    yield { kind: 'batch', batch: this.#decoder(watermark, before).take(), state: this.#state };
    yield this.#outcome('read', file.size);
    if (last.length > 0) yield { kind: 'cutShort', run: this.#job.run, file: this.#name, last };
  }

  /** Reads other bytes under the same name from their beginning, as the next generation. */
  *#readAsOther(file: OpenFile, change: 'shortened' | 'replaced', why?: string): Generator<ReadEvent, void, void> {
    const before = this.#known();
    this.#state = newState(this.#name, before.generation + 1);
    const reading = this.#tail(file);
    const first = reading.next();
    if (first.done === true) return;
    // The file does not contain anything yet that could replace what was mirrored.
    if (why === undefined && isBlank(first.value) && before.records > 1) {
      yield* this.#wait(file, before, 0);
      return;
    }
    // Reported first, because reading a large file may be interrupted and continue in another pass.
    yield this.#outcome(change, file.size, why);
    yield first.value;
    yield* reading;
  }

  /** True if records that were read are the content of another record, which is complete now. */
  #isContent(file: OpenFile): boolean {
    const { damage, size } = this.#known();
    const isNews = (claim: number | undefined): boolean =>
      claim !== undefined && claim <= file.size && (this.#job.retriesGaps !== false || size < claim);
    return isAnyWhole(
      file.fd,
      file.size,
      damage.filter(({ claim }) => isNews(claim)),
    );
  }

  /** Keeps the fact that a file cannot be read, like all damage of the file. */
  *#noteUnreadable(detail: string): Generator<ReadEvent, void, void> {
    const before = this.#known();
    const start = before.position.watermark;
    const known = before.damage.find((damage) => damage.start === start && damage.reason === 'unreadable');
    const end = Math.max(start + 1, this.#size(), before.size, known?.end ?? 0);
    if (known?.detail === detail && known.end === end) return;
    const damage = [...before.damage.filter((item) => isLasting(item, start)), { start, end, reason: 'unreadable', detail } as const];
    this.#state = { ...before, damage, stamp: '' };
    yield { kind: 'batch', batch: this.#decoder(start, before).take(), state: this.#state };
  }

  /** Reads everything from the watermark to the present end of the file. */
  *#tail(file: OpenFile): Generator<ReadEvent, void, void> {
    const before = this.#known();
    const lasting = before.damage.filter((damage) => isLasting(damage, before.position.watermark));
    const nowMs = Date.now();
    const decoder = this.#decoder(before.position.watermark, before, incompleteOf(before, nowMs));
    let { trail = [] } = before.guard;
    const stateNow = (damage: readonly Damage[], end: OpenFile | undefined, batch: Batch): FileState => {
      trail = longerTrail(trail, batch);
      const { fileVersion = before.fileVersion, writer = before.writer } = decoder.head;
      const firstWallTime = before.firstWallTime ?? decoder.head.firstWallTime ?? wallTimeAtStart(batch);
      return {
        name: this.#name,
        generation: before.generation,
        position: afterValid(decoder.watermark, [...before.position.gaps, ...decoder.gaps]),
        guard: { ...decoder.guard, ...(trail.length === 0 ? {} : { trail }) },
        damage: [...lasting, ...dateIncomplete(nameUnreadable(damage, this.#window.unreadable), before.damage, nowMs)],
        size: end?.size ?? 0,
        stamp: end?.stamp ?? '',
        records: decoder.records,
        ...(fileVersion === undefined ? {} : { fileVersion }),
        ...(writer === undefined ? {} : { writer }),
        ...(firstWallTime === undefined ? {} : { firstWallTime }),
      };
    };
    for (;;) {
      const more = advanceToNext(decoder, this.#window, file.size);
      if (more === 'searching') {
        yield { kind: 'searched', run: this.#job.run, file: this.#name, bytes: decoder.wants - decoder.watermark };
        continue;
      }
      const end = more === 'end' ? file : undefined;
      const { damage } = decoder;
      const batch = decoder.take();
      this.#state = stateNow(damage, end, batch);
      // The last batch is sent even if it is empty: it carries the file's size and the damage at its end.
      yield { kind: 'batch', batch, state: this.#state };
      if (end !== undefined) return;
    }
  }

  /** Retries bytes that could not be read, or are pending for another reason. The whole gap must be valid now. */
  *#fillGap(gap: Gap, rest: readonly Damage[], file: OpenFile): Generator<FilledGap, void, void> {
    const decoder = this.#decoder(gap.start, { ...this.#known(), guard: { first: undefined, last: undefined } });
    const batches: Batch[] = [];
    const { size } = this.#catalogue;
    const { count } = this.#tags;
    for (;;) {
      const more = advanceDecoder(decoder, this.#window, Math.min(gap.end, file.size));
      if (decoder.damage.length > 0 || (more === 'end' && decoder.watermark !== gap.end)) {
        // Nothing of the gap is returned, so series that only it has must not be reported.
        this.#catalogue.truncate(size);
        this.#tags.truncate(count);
        return;
      }
      batches.push(pendingOf(decoder.take(), gap, this.#catalogue.series));
      if (more === 'end') break;
    }
    // Only damaged records are new to the count and to the list of damage.
    const isDamage = gap.reason === 'damage';
    let records = 0;
    for (const batch of batches) {
      records += batch.records;
      yield {
        gap,
        batch,
        gaps: cutBefore(gap, batch.end),
        damage: isDamage ? rest.flatMap((item) => cutBefore(item, batch.end)) : undefined,
        records: isDamage ? records : 0,
        ...decoder.head,
      };
    }
  }

  /**
   * Reads bytes that were out of reach, or are partly repaired. Records that are valid now are new, like those after a
   * watermark; the others stay as they are. `needsRecord`: without such a record, the damage stays what it was.
   */
  *#readAgain(gap: Gap, rest: readonly Damage[], file: OpenFile, needsRecord = false): Generator<FilledGap, void, void> {
    const decoder = this.#decoder(gap.start, { ...this.#known(), guard: { first: undefined, last: undefined } });
    let records = 0;
    for (;;) {
      const isEnd = advanceDecoder(decoder, this.#window, Math.min(gap.end, file.size)) === 'end';
      const { watermark: start } = decoder;
      const found = decoder.damage.filter((item) => item.start < start);
      const { end } = gap;
      const left: readonly Damage[] =
        start === end
          ? []
          : isEnd && !needsRecord
            ? [{ start, end, reason: 'length_checksum' }]
            : rest.flatMap((item) => cutBefore(item, start));
      const damage = nameUnreadable([...found, ...left], this.#window.unreadable);
      const batch = decoder.take();
      const isNothing = batch.records === 0 && batch.start === gap.start && isEnd;
      if (isNothing && (needsRecord || JSON.stringify(damage) === JSON.stringify(rest))) return;
      records += batch.records;
      // The damage may be known from another lane, and then it need not cover the gap.
      const gaps = [...found.map((item) => ({ start: item.start, end: item.end, reason: gap.reason })), ...cutBefore(gap, start)];
      yield { gap, batch, gaps, damage, records, ...decoder.head };
      if (isEnd) return;
    }
  }

  /** Renames damage whose bytes the system cannot read any more: it remains, for another reason. */
  #renameDamage(still: readonly Damage[]): void {
    const before = this.#known();
    const { unreadable } = this.#window;
    if (unreadable.length === 0) return;
    const renamed = new Map(nameUnreadable(still, unreadable).map((item, i) => [still[i], item]));
    this.#state = { ...before, damage: before.damage.map((item) => renamed.get(item) ?? item) };
  }

  #decoder(start: number, state: FileState, incomplete?: IncompleteBefore): FileDecoder {
    return new FileDecoder({
      run: this.#job.run,
      file: this.#name,
      generation: state.generation,
      catalogue: this.#catalogue,
      tags: this.#tags,
      start,
      guard: state.guard,
      records: state.records,
      settled: this.#job.settled,
      incomplete,
      zeros: zerosOf(state),
      batchPoints: this.#job.batchPoints,
      limits: recordLimits(),
    });
  }

  /** Returns the file's length, which may be known even if the file cannot be read. */
  #size(): number {
    try {
      const found = lookNow(this.#job.directory, this.#name);
      return found.kind === 'file' ? found.bytes : 0;
    } catch {
      return 0;
    }
  }

  #known(): FileState {
    return this.#state ?? newState(this.#name, 0);
  }

  #outcome(outcome: FileOutcome, size: number, reason?: string): ReadEvent {
    return { kind: 'file', run: this.#job.run, file: this.#name, outcome, size, ...(reason === undefined ? {} : { reason }) };
  }
}

/**
 * True if an event is everything that a file contains: its beginning, without points, and an end that may still be
 * written.
 */
function isBlank(event: ReadEvent): boolean {
  return event.kind === 'batch' && event.state.stamp !== '' && pointCount(event.batch) === 0 && event.state.damage.every(isPending);
}

/**
 * Returns the part of a batch that a gap is about. Series that the batch defines stay, because later batches use
 * their numbers.
 */
function pendingOf(batch: Batch, { tags }: Gap, series: readonly Series[]): Batch {
  if (tags === undefined) return batch;
  const pending = new Set(tags);
  const isPendingSeries = (id: number): boolean => pending.has(series[id]?.tag ?? '');
  const { series: ids } = batch.scalars;
  const pendingBatch = selectPoints(
    batch,
    (row) => isPendingSeries(ids[row] as number),
    (point) => isPendingSeries(point.series),
  );
  return { ...pendingBatch, marks: [] };
}

/**
 * Ends a position before damage, never on it: the guard consists of valid records, so it would not cover the bytes
 * just before the position, and another file under the name could go unnoticed. The next pass finds the damage again,
 * or the bytes are complete by then.
 */
function afterValid(watermark: number, gaps: readonly Gap[]): Position {
  const kept = [...gaps];
  let end = watermark;
  for (let last = kept.at(-1); last?.reason === 'damage' && last.end === end; last = kept.at(-1)) {
    end = last.start;
    kept.pop();
  }
  return { watermark: end, gaps: kept };
}

function newState(name: string, generation: number): FileState {
  return {
    name,
    generation,
    position: { watermark: 0, gaps: [] },
    guard: { first: undefined, last: undefined },
    damage: [],
    size: 0,
    stamp: '',
    records: 0,
  };
}

/** Returns the wall time of a scalar in the first record of the file. */
function wallTimeAtStart({ scalars: { count, offset, wallTime } }: Batch): number | undefined {
  return count > 0 && offset[0] === 0 ? wallTime[0] : undefined;
}
