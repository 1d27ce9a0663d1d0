/**
 * Joins `tail` and `decode`: the files of one run in, batches and file states out. Runs in the reader's thread.
 */
import { closeSync, statSync } from 'node:fs';
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
  /** In the order in which they are read; with what is known of them. */
  readonly files: readonly { readonly name: string; readonly state?: FileState }[];
  /** The run's catalogue so far. */
  readonly series: readonly Series[];
  /** Nobody waits for the rest of a torn record: look for sound ones inside it. */
  readonly settled: boolean;
}

export type FileOutcome = 'read' | 'unchanged' | 'shortened' | 'replaced' | 'vanished' | 'unreadable';

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
  | { readonly kind: 'runDone'; readonly run: RunRef };

export function* readRun(job: RunJob, window: FileWindow): Generator<ReadEvent, void, void> {
  const catalogue = new Catalogue(job.series);
  const tags = new TagTable();
  for (const series of catalogue.series) {
    if (series.plugin === 'scalars') tags.add(new TextEncoder().encode(series.tag), series.id);
  }
  for (const { name, state } of job.files) yield* new FileRead(job, name, state, catalogue, tags, window).events();
  yield { kind: 'runDone', run: job.run };
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
      if (this.#state !== undefined && this.#isUntouched(path, this.#state)) {
        yield this.#outcome('unchanged', this.#state.size);
        return;
      }
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
    for (const gap of this.#state.position.gaps) yield* this.#heal(gap, file);
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
    const batches: Batch[] = [];
    for (;;) {
      const more = this.#advance(decoder, Math.min(gap.end, file.size));
      if (decoder.damage.length > 0 || (more === 'end' && decoder.watermark !== gap.end)) return;
      batches.push(decoder.take());
      if (more === 'end') break;
    }
    this.#state = {
      ...before,
      position: { ...before.position, gaps: before.position.gaps.filter((other) => other !== gap) },
      damage: before.damage.filter((damage) => damage.start < gap.start || damage.end > gap.end),
      records: decoder.records,
      stamp: '',
    };
    for (const [i, batch] of batches.entries()) {
      yield { kind: 'batch', batch, state: i === batches.length - 1 ? this.#state : before };
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

  #isUntouched(path: string, state: FileState): boolean {
    const stat = statSync(path, { bigint: true });
    return Number(stat.size) === state.size && `${stat.mtimeNs}.${stat.ctimeNs}.${stat.ino}` === state.stamp;
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
