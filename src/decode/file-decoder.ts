/**
 * Turns the bytes of one file into batches. This file is longer than others, because reading, losing the framing and
 * finding it again share one state that is hard to divide.
 */

import { formatMemory } from '../memory/index.ts';
import type {
  Batch,
  Catalogue,
  Damage,
  DamageReason,
  Gap,
  Guard,
  IncompleteLook,
  Mark,
  ObjectPoint,
  RecordMark,
  RunRef,
  Series,
} from '../model/index.ts';
import { ColumnWriter, POINT_BYTES } from './columns.ts';
import { CompiledScanner } from './compiled-scanner.ts';
import { EventReader, type FileHead } from './event-reader.ts';
import { describeForeign } from './foreign.ts';
import { FRAME_BYTES, HEADER_BYTES } from './frame.ts';
import { isFieldStart, LOOKED_INTO_BYTES } from './incomplete-record.ts';
import { joined, NO_LIMITS, type RecordLimits, tooLarge } from './limits.ts';
import { RecordCheck } from './record-check.ts';
import { FrameSearch, isFrameBefore, isHeader, SHORT_BYTES } from './resync.ts';
import { Halt } from './scalar-scanner.ts';
import { SpanChecksums } from './span-checksums.ts';
import type { TagTable } from './tag-table.ts';
import type { Window } from './window.ts';

/** The decoder's next need. */
export type DecodeStep =
  /** More bytes: `needed` of them from `FileDecoder.wants` are enough. */
  | { readonly kind: 'more'; readonly needed: number }
  /** `take()` the batch, then continue. */
  | { readonly kind: 'batch' }
  /** Everything before the end of the file was checked. */
  | { readonly kind: 'end' };

/** The file to decode, and what is known about it so far. */
export interface DecoderOptions {
  readonly run: RunRef;
  readonly file: string;
  readonly generation: number;
  readonly catalogue: Catalogue;
  readonly tags: TagTable;
  /** The start offset, and what is known about the bytes before it: 0 and nothing for a new file. */
  readonly start: number;
  readonly guard?: Guard;
  readonly records?: number;
  /**
   * True if no process writes to the file any more: then valid frames inside a record that reaches beyond the end of
   * the file count.
   */
  readonly settled: boolean;
  /** The record at the end that was incomplete before. */
  readonly incomplete?: IncompleteBefore | undefined;
  /** The zeros that the file ended in before: a writer may fill them from the front. */
  readonly zeros?: { readonly start: number; readonly end: number } | undefined;
  readonly batchPoints?: number | undefined;
  /** A record beyond these limits is damage. Default: no limits. */
  readonly limits?: RecordLimits;
}

/** An incomplete record that was already searched. */
export interface IncompleteBefore {
  readonly start: number;
  readonly look: IncompleteLook;
  /**
   * True if the file ended with a valid record some time ago. If it does so again, the records inside are what they
   * seem to be.
   */
  readonly isSeenBefore: boolean;
}

/**
 * A batch ends with the record that brings it to this many points for each tag of the run, so that a store gets
 * several points of a series at once; but within these bounds.
 */
const BATCH_POINTS_PER_TAG = 32;
const LEAST_BATCH_POINTS = 65_536;
const MOST_BATCH_POINTS = 1_048_576;
/** A batch is cut after the record that brings its payloads, or the bytes it spans, to this size. */
const BATCH_PAYLOAD_BYTES = 1024 * 1024;
const BATCH_SPAN_BYTES = 64 * 1024 * 1024;
/** The number of zeros read again if the end of the file was all zeros before. */
const ZEROS_READ_BYTES = 1024 * 1024;
/** A shorter end of a file is searched again each time. */
const REMEMBERED_BYTES = 64 * 1024;
const FIRST_CAPACITY = 64;
const HEAD_BYTES = 64;
/** The detail of an incomplete record that was searched without success. */
export const SEARCHED = 'no valid record inside';
/** The detail of one that seems to hold an event file, whose records are not points of the run. */
const HOLDS_FILE = 'an event file begins inside, as a value of it';
/** Protobuf messages end at 2 GiB: a longer record has a false length, whatever its checksum says. */
const MAX_EVENT_BYTES = 2 ** 31;
/**
 * The length above which a record's checksum is verified piece by piece before memory is reserved: it may be only a
 * false length.
 */
const PIECEWISE_BYTES = 4 * 1024 * 1024;

/** A search for the next frame. */
interface Search {
  readonly finder: FrameSearch;
  /** The current position of the search. */
  at: number;
  /** The offset at which framing was lost. */
  readonly lostAt: number;
  readonly reason: DamageReason;
  /** The end of the record that begins at `lostAt`, if its length is right. */
  readonly claim?: number | undefined;
  /** True while it is open whether the frames inside that record belong to this file. */
  isOpen?: boolean;
  /** True if there is no room for everything that the record claims: then only what follows it is searched. */
  readonly isFar?: boolean;
  /** The beginning of an incomplete record, and the valid records that were found inside. */
  readonly record?: Uint8Array;
  first?: number | undefined;
  last?: number | undefined;
}

/**
 * The state machine that turns the bytes of one file into batches. It reads frame after frame. A record with
 * unreadable data is lost alone; after a corrupt length, the decoder searches for the next valid frame. Pure: it gets
 * bytes and the file's size, and returns what it needs.
 */
export class FileDecoder {
  readonly #options: DecoderOptions;
  readonly #scanner = new CompiledScanner();
  readonly #events: EventReader;
  /** A batch ends with this many points. */
  #most: number;
  readonly #limits: RecordLimits;
  /** Everything before it is decoded, except damaged ranges. */
  #position: number;
  #batchStart: number;
  #batchRecords = 0;
  #records: number;
  #columns: ColumnWriter;
  #objects: ObjectPoint[] = [];
  #marks: Mark[] = [];
  #newSeries: Series[] = [];
  #payloadBytes = 0;
  /** About the memory that the batch's values take once they are interpreted. */
  #weight = 0;
  /** Set while a frame is searched. */
  #search: Search | undefined;
  /** Set while a long record's checksum is verified. */
  #check: RecordCheck | undefined;
  /** The start of the long record that there is room for, once its checksum was computed. */
  #checkedAt = -1;
  #first: RecordMark | undefined;
  #last: RecordMark | undefined;
  readonly #damage: Damage[] = [];
  readonly #gaps: Gap[] = [];
  #pending: Damage | undefined;
  /** The first bytes of a file that does not begin with a record: they show what it is instead. */
  #head = new Uint8Array(0);

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#most = mostPoints(options);
    this.#limits = options.limits ?? NO_LIMITS;
    this.#events = new EventReader(options.catalogue, options.tags, options.file, this.#limits);
    this.#position = options.start;
    this.#batchStart = options.start;
    this.#records = options.records ?? 0;
    this.#first = options.guard?.first;
    this.#last = options.guard?.last;
    // The first batch of a file is often the whole file, so its columns start small and grow.
    this.#columns = new ColumnWriter(Math.min(this.#most, FIRST_CAPACITY));
  }

  /** The file offset of the first byte that the decoder still needs. */
  get wants(): number {
    return this.#check?.at ?? this.#search?.at ?? this.#position;
  }

  /** The offset before which everything is settled, except `gaps`. */
  get watermark(): number {
    return this.#position;
  }

  /** The number of valid records before the watermark. */
  get records(): number {
    return this.#records;
  }

  get guard(): Guard {
    return { first: this.#first, last: this.#last };
  }

  get head(): Readonly<FileHead> {
    return this.#events.head;
  }

  /** Damage found since the decoder was created; the pending end of the file is last. */
  get damage(): readonly Damage[] {
    return this.#pending === undefined ? [...this.#damage] : [...this.#damage, this.#pending];
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** Decodes the content of the window, which must begin at `wants`. `fileEnd` is the current size of the file. */
  advance(window: Window, fileEnd: number): DecodeStep {
    const base = window.offset - window.start;
    for (;;) {
      const step = this.#step(window, base, fileEnd);
      if (step !== undefined) return step;
    }
  }

  #step(window: Window, base: number, fileEnd: number): DecodeStep | undefined {
    if (this.#check !== undefined) return this.#verify(this.#check, window, base, fileEnd);
    return this.#search === undefined ? this.#read(window, base, fileEnd) : this.#find(window, base, fileEnd);
  }

  /** Returns the unfinished batch, and begins a new one. */
  take(): Batch {
    const batch: Batch = {
      run: this.#options.run,
      file: this.#options.file,
      generation: this.#options.generation,
      start: this.#batchStart,
      end: this.#position,
      records: this.#batchRecords,
      newSeries: this.#newSeries,
      scalars: this.#columns.finish(),
      objects: this.#objects,
      marks: this.#marks,
    };
    // After a full batch, there is probably another one.
    const isFull = batch.scalars.count >= this.#most;
    this.#most = mostPoints(this.#options);
    this.#columns = new ColumnWriter(isFull ? this.#most : Math.min(this.#most, FIRST_CAPACITY));
    this.#objects = [];
    this.#marks = [];
    this.#newSeries = [];
    this.#payloadBytes = 0;
    this.#weight = 0;
    this.#batchStart = this.#position;
    this.#batchRecords = 0;
    return batch;
  }

  #read(window: Window, base: number, fileEnd: number): DecodeStep | undefined {
    const scanner = this.#scanner;
    const before = scanner.records;
    const start = this.#position;
    const halt = scanner.scan(window.buffer, window.view, this.#position - base, window.end, base, this.#options.tags, this.#columns);
    this.#position = base + scanner.position;
    // The scanner reads many records at once, and names the last one.
    if (scanner.records > before) this.#first ??= markAt(window, start - base, start);
    if (scanner.records > before) this.#count(scanner.records - before, scanner.lastOffset, scanner.lastLength, scanner.lastChecksum);
    switch (halt) {
      case Halt.Full:
        return this.#grownOrFull();
      case Halt.More:
        return this.#tail(scanner.needed, fileEnd, window, base);
      case Halt.Other:
        return this.#other(window, base);
      case Halt.DataChecksum:
        this.#lookInside(this.#position + FRAME_BYTES + scanner.length);
        return undefined;
      case Halt.LengthChecksum:
        if (this.#position === 0) this.#head = window.buffer.slice(window.start, Math.min(window.start + HEAD_BYTES, window.end));
        this.#lose('length_checksum');
        return undefined;
      default:
        return halt satisfies never;
    }
  }

  #other(window: Window, base: number): DecodeStep | undefined {
    const start = this.#position - base + HEADER_BYTES;
    const { length, checksum } = this.#scanner;
    const sink = {
      columns: this.#columns,
      objects: this.#objects,
      marks: this.#marks,
      newSeries: this.#newSeries,
      payloadBytes: 0,
      weight: 0,
    };
    // Makes a copy, because payloads are views on the record and the window's bytes are overwritten. A long record
    // has its own window.
    const data = window.isKept === true ? window.buffer.subarray(start, start + length) : window.buffer.slice(start, start + length);
    const wrong = this.#events.read({ data, offset: this.#position, checksum }, sink);
    const end = this.#position + FRAME_BYTES + length;
    if (wrong === undefined) {
      this.#payloadBytes += sink.payloadBytes;
      this.#weight += sink.weight;
      const offset = this.#position;
      this.#position = end;
      this.#count(1, offset, length, checksum);
    } else {
      this.#damaged(end, wrong.reason, wrong.detail, { needs: wrong.needs });
    }
    return this.#cut();
  }

  /** Handles bytes that end before the record does. */
  #tail(needed: number, fileEnd: number, window: Window, base: number): DecodeStep | undefined {
    this.#pending = undefined;
    if (needed > MAX_EVENT_BYTES) {
      this.#lose('false_length');
      return undefined;
    }
    if (this.#position + needed <= fileEnd) {
      return needed <= PIECEWISE_BYTES ? { kind: 'more', needed } : this.#long(needed - FRAME_BYTES);
    }
    if (this.#position >= fileEnd) return { kind: 'end' };
    if (fileEnd - this.#position > FRAME_BYTES) return this.#searchIncomplete(this.#position + needed, fileEnd, window, base);
    this.#pending = { start: this.#position, end: fileEnd, reason: 'torn', ...(this.#options.settled ? { detail: SEARCHED } : {}) };
    return { kind: 'end' };
  }

  /** Handles a record at the position that is too long to believe its length, though the file has all its bytes. */
  #long(length: number): DecodeStep | undefined {
    const start = this.#position;
    if (this.#checkedAt === start) return { kind: 'more', needed: FRAME_BYTES + length };
    this.#check = new RecordCheck(start, length, this.#scanner.spans ?? new SpanChecksums(start + HEADER_BYTES));
    return undefined;
  }

  /** Continues with the checksum of a long record: the next one, or one that a search found. */
  #verify(check: RecordCheck, window: Window, base: number, fileEnd: number): DecodeStep | undefined {
    const { start, end, length } = check;
    const step = check.advance(window, base);
    if (step === 'more' && end <= fileEnd) return { kind: 'more', needed: check.needed };
    this.#check = undefined;
    const search = this.#search;
    if (search !== undefined) {
      if (step !== 'fits') search.at = start + 1;
      else if (this.#isTaken(search, end)) return this.#cut() ?? this.#again(fileEnd);
    } else if (length <= this.#limits.record) {
      // There is room, so the whole record is read: that shows what is wrong with it, if anything.
      if (step !== 'more') this.#checkedAt = start;
    } else if (step === 'fits') {
      const detail = tooLarge(`it has ${formatMemory(length)}`, this.#limits.record);
      this.#damaged(end, 'too_large', detail, { needs: this.#limits.needsForRecord(length) });
      return this.#cut() ?? this.#again(fileEnd);
    } else if (step === 'broken') {
      this.#scanner.spans = check.spans;
      this.#lookInside(end, true);
    }
    return this.#again(fileEnd);
  }

  /** Requests the bytes at `wants` again: the window is somewhere else now. */
  #again(fileEnd: number): DecodeStep {
    return { kind: 'more', needed: Math.max(0, Math.min(1, fileEnd - this.wants)) };
  }

  #lose(reason: DamageReason): void {
    this.#pending = undefined;
    const finder = new FrameSearch(this.#scanner.spans);
    this.#search = { finder, at: reason === 'length_checksum' ? this.#position : this.#position + 1, lostAt: this.#position, reason };
  }

  /**
   * Searches an incomplete record. Its writer may be active, or have crashed, and others may have continued after it.
   * A record that contains an event file looks the same while it is being written. So the records inside count if no
   * writer is active any more, or if the file ended with a valid record twice, some time apart: a record that is
   * being written looks like that only by chance.
   */
  #searchIncomplete(claim: number, fileEnd: number, window: Window, base: number): DecodeStep | undefined {
    const start = this.#position;
    const seen = Math.min(start + HEADER_BYTES + LOOKED_INTO_BYTES, fileEnd);
    if (base + window.end < seen) return { kind: 'more', needed: seen - start };
    const { incomplete } = this.#options;
    const look = start === incomplete?.start ? incomplete.look : undefined;
    this.#search = {
      finder: new FrameSearch(this.#scanner.spans),
      at: Math.min((this.#options.settled ? look?.first : undefined) ?? look?.at ?? start + HEADER_BYTES, fileEnd),
      lostAt: start,
      reason: 'torn',
      claim,
      record: window.buffer.slice(start - base, seen - base),
      first: look?.first,
      last: look?.last,
    };
    return undefined;
  }

  /** Searches the range of a record whose length is right but whose data is not: it may contain valid records. */
  #lookInside(claim: number, isFar = false): void {
    const lostAt = this.#position;
    if (claim - lostAt > SHORT_BYTES) this.#scanner.spans ??= new SpanChecksums(lostAt);
    const finder = new FrameSearch(this.#scanner.spans, claim);
    this.#search = { finder, at: isFar ? claim : lostAt, lostAt, reason: 'data_checksum', claim, isOpen: true, isFar };
  }

  /**
   * Decides what a corrupt record was. If a record begins right after it, it was written completely and changed
   * later: what it contains is its content, even an event file. But if a valid record ends there, or begins before and
   * ends the file, that one was written over its end, and the corrupt one was never complete.
   */
  #decide(search: Search, window: Window, base: number, fileEnd: number): DecodeStep | undefined {
    const { lostAt, claim = lostAt } = search;
    const end = Math.min(claim + HEADER_BYTES, fileEnd);
    if (base + window.end < end) return { kind: 'more', needed: end - search.at };
    const isBoundary = end < claim + HEADER_BYTES || isHeader(window.view, claim - base);
    search.isOpen = false;
    const from = lostAt + HEADER_BYTES;
    const isOverwritten = (to: number): boolean => isFrameBefore(window.view, from - base, to - base);
    const isWhole =
      isBoundary && (search.isFar === true || !(isOverwritten(claim) || (claim < end && end === fileEnd && isOverwritten(fileEnd))));
    search.at = isWhole ? claim : from;
    return search.isFar === true ? this.#again(fileEnd) : undefined;
  }

  #find(window: Window, base: number, fileEnd: number): DecodeStep | undefined {
    const search = this.#search;
    if (search === undefined) return undefined;
    if (search.isOpen === true) return this.#decide(search, window, base, fileEnd);
    if (search.reason === 'data_checksum' && search.at >= (search.claim ?? 0)) {
      this.#search = undefined;
      this.#damaged(search.claim ?? search.at, search.reason);
      return this.#cut();
    }
    const result = search.finder.next(window.buffer, window.view, search.at - base, window.end, fileEnd - base, base);
    search.at = base + result.at;
    if (result.kind === 'more') {
      if (result.needed <= PIECEWISE_BYTES) return { kind: 'more', needed: result.needed };
      if (result.needed > MAX_EVENT_BYTES) search.at++;
      else this.#check = new RecordCheck(search.at, result.needed - FRAME_BYTES, this.#spans(search.at));
      return undefined;
    }
    if (result.kind === 'found') return this.#isTaken(search, base + result.end) ? this.#cut() : undefined;
    if (search.reason === 'data_checksum' && (search.at >= (search.claim ?? 0) || base + window.end >= fileEnd)) {
      search.at = search.claim ?? search.at;
      return undefined;
    }
    this.#leapZeros(search, fileEnd);
    if (base + window.end < fileEnd) return { kind: 'more', needed: HEADER_BYTES };
    this.#search = undefined;
    if (search.reason === 'torn') return this.#leaveIncomplete(search, fileEnd);
    this.#giveUp(search.finder, search.lostAt, search.reason, fileEnd);
    return { kind: 'end' };
  }

  /**
   * Skips zeros. Some file systems and writers extend a file at once and fill it from the front: a gigabyte of zeros
   * at the end is not read again each time. If zeros reached to the end before, and their first megabyte still does
   * not differ, they still do. A settled pass reads all of them.
   */
  #leapZeros(search: Search, fileEnd: number): void {
    const { settled, zeros } = this.#options;
    const { zerosFrom } = search.finder;
    if (settled || zeros === undefined || zerosFrom < zeros.start || search.at - zerosFrom < ZEROS_READ_BYTES) return;
    search.at = Math.max(search.at, Math.min(zeros.end, fileEnd) - HEADER_BYTES);
  }

  /** Accepts a valid record that ends at `end`, found at the position of the search; false if it does not count. */
  #isTaken(search: Search, end: number): boolean {
    if (search.reason === 'torn' && !this.#countsInIncomplete(search, end)) return false;
    this.#search = undefined;
    this.#damaged(search.at, search.reason === 'torn' ? 'false_length' : search.reason, undefined, { claim: search.claim });
    return true;
  }

  /** Returns the checksums of spans. Many records may claim the same bytes, and those are summed up once. */
  #spans(start: number): SpanChecksums {
    this.#scanner.spans ??= new SpanChecksums(start + HEADER_BYTES);
    return this.#scanner.spans;
  }

  /** True if a valid record found inside an incomplete one counts at once. */
  #countsInIncomplete(search: Search, end: number): boolean {
    search.first = Math.min(search.first ?? search.at, search.at);
    search.last = end;
    if (this.#options.settled && !holdsFile(search)) return true;
    search.at = end;
    return false;
  }

  /** Ends the search of an incomplete record after all of it was checked. */
  #leaveIncomplete(search: Search, fileEnd: number): DecodeStep | undefined {
    const { finder, lostAt: start, claim = fileEnd, first, last } = search;
    const pending = { start, end: fileEnd, reason: 'torn' } as const;
    if (this.#options.settled) {
      this.#pending = { ...pending, detail: first === undefined ? SEARCHED : HOLDS_FILE };
      return { kind: 'end' };
    }
    // A record that lacks only its checksum is nearly complete.
    const isWhole = first !== undefined && last === fileEnd && fileEnd < claim - 4 && !holdsFile(search);
    const { incomplete } = this.#options;
    if (isWhole && incomplete?.start === start && incomplete.isSeenBefore) {
      this.#damaged(first, 'false_length', undefined, { claim });
      return this.#cut();
    }
    // An incomplete record inside this one is checked again when more of it is there.
    const at = finder.incomplete < 0 ? search.at : Math.min(finder.incomplete, search.at);
    const look = { at, ...(first === undefined ? {} : { first, last: last ?? first }), isWhole };
    this.#pending = first === undefined && fileEnd - start < REMEMBERED_BYTES ? pending : { ...pending, look };
    return { kind: 'end' };
  }

  /** Ends a search: no frame follows before the present end of the file. */
  #giveUp(finder: FrameSearch, lostAt: number, reason: DamageReason, fileEnd: number): void {
    if (finder.incomplete > lostAt) {
      // After the damage, an incomplete record begins; what follows it is read when it is complete.
      this.#damaged(finder.incomplete, reason);
      this.#pending = { start: finder.incomplete, end: fileEnd, reason: 'torn', ...(this.#options.settled ? { detail: SEARCHED } : {}) };
    } else if (finder.onlyZeros) {
      this.#pending = { start: lostAt, end: fileEnd, reason: 'zeros' };
    } else if (lostAt === 0) {
      const detail = describeForeign(this.#head);
      this.#pending = { start: 0, end: fileEnd, reason: 'not_event_file', ...(detail === undefined ? {} : { detail }) };
    } else {
      const { zerosFrom } = finder;
      const isLong = zerosFrom >= 0 && fileEnd - zerosFrom >= ZEROS_READ_BYTES;
      this.#pending = { start: lostAt, end: fileEnd, reason, ...(isLong ? { zerosFrom } : {}) };
    }
  }

  #damaged(
    end: number,
    reason: DamageReason,
    detail?: string,
    { claim, needs }: { claim?: number | undefined; needs?: number | undefined } = {},
  ): void {
    const start = this.#position;
    const last = this.#damage.at(-1);
    this.#position = end;
    // A run may have a hundred thousand consecutive records that do not fit: they form one range.
    if (reason === 'too_large' && last?.reason === reason && last.end === start) {
      this.#damage[this.#damage.length - 1] = joined(last, end, needs);
      this.#gaps[this.#gaps.length - 1] = { start: last.start, end, reason: 'damage' };
      return;
    }
    this.#damage.push({
      start,
      end,
      reason,
      ...(detail === undefined ? {} : { detail }),
      ...(claim === undefined ? {} : { claim }),
      ...(needs === undefined ? {} : { needs }),
    });
    this.#gaps.push({ start, end, reason: 'damage' });
  }

  #count(records: number, offset: number, length: number, checksum: number): void {
    this.#records += records;
    this.#batchRecords += records;
    this.#last = { offset, length, checksum };
    this.#first ??= this.#last;
  }

  /** Handles full columns. The first ones are small and grow; later ones end the batch. */
  #grownOrFull(): DecodeStep | undefined {
    if (this.#isFull(this.#columns.capacity)) return { kind: 'batch' };
    this.#columns.grow(this.#most);
    return undefined;
  }

  /** True if so many points are a batch. The run may have more tags than at its beginning. */
  #isFull(points: number): boolean {
    if (points >= this.#most) this.#most = mostPoints(this.#options);
    return points >= this.#most;
  }

  #cut(): DecodeStep | undefined {
    const full =
      this.#isFull(this.#columns.count) ||
      this.#payloadBytes >= BATCH_PAYLOAD_BYTES ||
      this.#weight >= this.#limits.values ||
      this.#position - this.#batchStart >= BATCH_SPAN_BYTES;
    return full ? { kind: 'batch' } : undefined;
  }
}

/** Returns the mark of a valid record that is whole at a place of the window. */
function markAt({ view }: Window, at: number, offset: number): RecordMark {
  const length = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  return { offset, length, checksum: view.getUint32(at + HEADER_BYTES + length, true) };
}

function mostPoints({ batchPoints, tags, limits = NO_LIMITS }: DecoderOptions): number {
  if (batchPoints !== undefined) return batchPoints;
  const most = Math.min(MOST_BATCH_POINTS, Math.floor(limits.batch / POINT_BYTES));
  return Math.max(LEAST_BATCH_POINTS, Math.min(most, BATCH_POINTS_PER_TAG * tags.count));
}

/** True if the records found inside an incomplete record are an event file that it holds. */
function holdsFile({ record, first, lostAt, claim = lostAt }: Search): boolean {
  return record !== undefined && first !== undefined && isFieldStart(record, first - lostAt, claim - lostAt - FRAME_BYTES);
}
