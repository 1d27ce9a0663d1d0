/**
 * Joins `tail` and `decode`: the files of one run in, batches and file states out. Runs in the reader's thread.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { FileDecoder, TagTable } from './decode/index.ts';
import { messageOf, systemCode } from './errors.ts';
import { type Batch, Catalogue, type Damage, type FileState, type Gap, isPending, type RunRef, type Series } from './model/index.ts';
import { compareWithState, type FileWindow, type OpenFile, openFile } from './tail/index.ts';

/** What is to be read of a run. */
export interface RunJob {
  readonly run: RunRef;
  /** Where the run's directory is now. */
  readonly directory: string;
  /** In the order in which they are read; with what is known of them, where no session knows it. */
  readonly files: readonly { readonly name: string; readonly state?: FileState }[];
  /** The run's catalogue so far; a session that was kept has its own. */
  readonly series: readonly Series[];
  /** Nobody waits for the rest of a torn record: look for sound ones inside it. */
  readonly settled: boolean;
  /** Try bytes again that could not be read. Default true. */
  readonly heal?: boolean;
  /** Stop behind the batch that brings the bytes read to so many, and say that there is more. Default: no end. */
  readonly mostBytes?: number;
}

export type FileOutcome = 'read' | 'shortened' | 'replaced' | 'vanished' | 'unreadable';

/** What reading a run brings, in order. */
export type ReadEvent =
  /** Points, and the file's state once they are settled. */
  | { readonly kind: 'batch'; readonly batch: Batch; readonly state: FileState }
  | {
      readonly kind: 'file';
      readonly run: RunRef;
      readonly file: string;
      readonly outcome: FileOutcome;
      readonly size: number;
      readonly reason?: string;
    }
  /** `hasMore`: the bytes allowed were used up before the files were at their end. */
  | { readonly kind: 'runDone'; readonly run: RunRef; readonly hasMore: boolean };

export function readRun(job: RunJob, window: FileWindow): Generator<ReadEvent, void, void> {
  return new RunSession(job.series).read(job, window);
}

/** What has to be known of a run to read on: kept between the passes over a run that grows. */
export class RunSession {
  readonly #catalogue: Catalogue;
  readonly #tags = new TagTable();
  readonly #states = new Map<string, FileState>();

  constructor(series: readonly Series[]) {
    this.#catalogue = new Catalogue(series);
    for (const { plugin, tag, id } of series) {
      if (plugin === 'scalars') this.#tags.add(new TextEncoder().encode(tag), id);
    }
  }

  *read(job: RunJob, window: FileWindow): Generator<ReadEvent, void, void> {
    let left = job.mostBytes ?? Infinity;
    for (const { name, state } of job.files) {
      const known = this.#states.get(name) ?? state;
      for (const event of new FileRead(job, name, known, this.#catalogue, this.#tags, window).events()) {
        if (event.kind === 'batch') {
          this.#states.set(name, event.state);
          left -= event.batch.end - event.batch.start;
        }
        yield event;
        if (left <= 0) break;
      }
      if (left <= 0) break;
    }
    yield { kind: 'runDone', run: job.run, hasMore: left <= 0 };
  }
}

/** One pass over one file. */
class FileRead {
  readonly #job: RunJob;
  readonly #name: string;
  readonly #catalogue: Catalogue;
  readonly #tags: TagTable;
  readonly #window: FileWindow;
  /** What is known of the file as of the last batch handed out. */
  #state: FileState | undefined;

  constructor(job: RunJob, name: string, state: FileState | undefined, catalogue: Catalogue, tags: TagTable, window: FileWindow) {
    this.#job = job;
    this.#name = name;
    this.#state = state;
    this.#catalogue = catalogue;
    this.#tags = tags;
    this.#window = window;
  }

  *events(): Generator<ReadEvent, void, void> {
    const path = join(this.#job.directory, this.#name);
    let file: OpenFile | undefined;
    try {
      file = openFile(path);
      yield* this.#read(file);
    } catch (error) {
      const vanished = systemCode(error) === 'ENOENT';
      if (systemCode(error) === undefined) throw error;
      yield this.#outcome(vanished ? 'vanished' : 'unreadable', 0, messageOf(error));
    } finally {
      if (file !== undefined) closeSync(file.fd);
    }
  }

  *#read(file: OpenFile): Generator<ReadEvent, void, void> {
    this.#window.reset(file.fd);
    let outcome: FileOutcome = 'read';
    if (this.#state !== undefined) {
      const change = compareWithState(file, this.#state);
      if (change !== 'same') {
        outcome = change;
        this.#state = newState(this.#name, this.#state.generation + 1);
      }
    }
    this.#state ??= newState(this.#name, 0);
    if (this.#job.heal !== false) for (const gap of this.#state.position.gaps) yield* this.#heal(gap, file);
    yield* this.#tail(file);
    yield this.#outcome(outcome, file.size);
  }

  /** Everything from the watermark to the end the file has now. */
  *#tail(file: OpenFile): Generator<ReadEvent, void, void> {
    const before = this.#known();
    const lasting = before.damage.filter((damage) => !isPending(damage) && damage.start < before.position.watermark);
    const decoder = this.#decoder(before.position.watermark, before);
    const stateNow = (damage: readonly Damage[], end: OpenFile | undefined): FileState => {
      const { fileVersion = before.fileVersion, writer = before.writer } = decoder.head;
      return {
        name: this.#name,
        generation: before.generation,
        position: { watermark: decoder.watermark, gaps: [...before.position.gaps, ...decoder.gaps] },
        guard: decoder.guard,
        damage: [...lasting, ...damage],
        size: end?.size ?? 0,
        stamp: end?.stamp ?? '',
        records: decoder.records,
        ...(fileVersion === undefined ? {} : { fileVersion }),
        ...(writer === undefined ? {} : { writer }),
      };
    };
    for (;;) {
      const more = this.#advance(decoder, file.size);
      const end = more === 'end' ? file : undefined;
      this.#state = stateNow(decoder.damage, end);
      // The last batch goes out even when it is empty: it carries the file's size and what is wrong with its end.
      yield { kind: 'batch', batch: decoder.take(), state: this.#state };
      if (end !== undefined) return;
    }
  }

  /** Tries bytes again that could not be read: all of the gap has to make sense now. */
  *#heal(gap: Gap, file: OpenFile): Generator<ReadEvent, void, void> {
    const before = this.#known();
    const decoder = this.#decoder(gap.start, { ...before, guard: { first: undefined, last: undefined } });
    const healed: { readonly batch: Batch; readonly records: number }[] = [];
    const { size } = this.#catalogue;
    const { count } = this.#tags;
    for (;;) {
      const more = this.#advance(decoder, Math.min(gap.end, file.size));
      if (decoder.damage.length > 0 || (more === 'end' && decoder.watermark !== gap.end)) {
        // Nothing of it is handed out, so nobody may hear of series that only it has.
        this.#catalogue.truncate(size);
        this.#tags.truncate(count);
        return;
      }
      healed.push({ batch: decoder.take(), records: decoder.records });
      if (more === 'end') break;
    }
    const { fileVersion = before.fileVersion, writer = before.writer } = decoder.head;
    // What is owed and what is damaged begin behind each batch that was handed out: a crash between two of them doubles nothing.
    const rest = <Range extends { readonly start: number; readonly end: number }>(ranges: readonly Range[], from: number): Range[] =>
      ranges.flatMap((range) => {
        if (range.start < gap.start || range.end > gap.end) return [range];
        return from < range.end ? [{ ...range, start: Math.max(range.start, from) }] : [];
      });
    for (const { batch, records } of healed) {
      this.#state = {
        ...before,
        position: { ...before.position, gaps: rest(before.position.gaps, batch.end) },
        damage: rest(before.damage, batch.end),
        records,
        stamp: '',
        ...(fileVersion === undefined ? {} : { fileVersion }),
        ...(writer === undefined ? {} : { writer }),
      };
      yield { kind: 'batch', batch, state: this.#state };
    }
  }

  #decoder(start: number, state: FileState): FileDecoder {
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
    });
  }

  /** Feeds the decoder until it has a batch or has seen everything. */
  #advance(decoder: FileDecoder, fileEnd: number): 'batch' | 'end' {
    const window = this.#window;
    let end = fileEnd;
    let needed = Math.min(1, end - decoder.wants);
    for (;;) {
      if (!window.provide(decoder.wants, needed, end)) end = window.offset + window.end; // shortened meanwhile
      const step = decoder.advance(window, end);
      if (step.kind !== 'more') return step.kind;
      needed = step.needed;
    }
  }

  #known(): FileState {
    return this.#state ?? newState(this.#name, 0);
  }

  #outcome(outcome: FileOutcome, size: number, reason?: string): ReadEvent {
    return { kind: 'file', run: this.#job.run, file: this.#name, outcome, size, ...(reason === undefined ? {} : { reason }) };
  }
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
