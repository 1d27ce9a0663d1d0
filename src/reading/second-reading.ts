/**
 * Reads a file again up to the position where it was read before, for a comparison. The knowledge of the file stays
 * unchanged.
 */

import { FileDecoder, type TagTable } from '../decode/index.ts';
import { type Batch, type Catalogue, type FileState, joinBatches } from '../model/index.ts';
import { type Change, compareWithState, type FileWindow, type OpenFile } from '../tail/index.ts';
import { advanceDecoder } from './advance-decoder.ts';
import { MOST_JOINED, MOST_JOINED_BYTES } from './filled-gaps.ts';
import type { FileOutcome, Lost, ReadBefore, ReadEvent, RunJob } from './read-event.ts';
import { readOpened, type Trouble } from './read-opened.ts';
import { recordLimits } from './record-limits.ts';

/** Reads a file from its beginning and returns what it still holds of what was read before. */
export class SecondReading {
  readonly #job: RunJob;
  readonly #before: ReadBefore;
  readonly #catalogue: Catalogue;
  readonly #tags: TagTable;
  readonly #window: FileWindow;
  readonly #lost: Lost[] = [];

  constructor(job: RunJob, before: ReadBefore, catalogue: Catalogue, tags: TagTable, window: FileWindow) {
    this.#job = job;
    this.#before = before;
    this.#catalogue = catalogue;
    this.#tags = tags;
    this.#window = window;
  }

  /** Yields the batches of every range, and finally what could not be read again. */
  events(): Generator<ReadEvent, void, void> {
    const toRead = { directory: this.#job.directory, name: this.#before.state.name, catalogue: this.#catalogue, tags: this.#tags };
    return readOpened(
      toRead,
      (file) => this.#read(file),
      (trouble, reason) => this.#trouble(trouble, reason),
    );
  }

  *#read(file: OpenFile): Generator<ReadEvent, void, void> {
    const { state } = this.#before;
    const change = compareWithState(file, state);
    if (change !== 'same') {
      // A pass has seen that nothing replaces what was mirrored, and another pass would not change that.
      const isCut = state.damage.some(({ reason }) => reason === 'cut');
      yield this.#end(isCut ? 'vanished' : change === 'replaced' ? 'replaced' : 'shortened', file.size, CHANGES[isCut ? 'cut' : change]);
      return;
    }
    yield* this.#ranges(file);
    yield this.#end('read', file.size);
  }

  *#trouble(trouble: Trouble, reason: string): Generator<ReadEvent, void, void> {
    yield this.#end(trouble, 0, reason);
  }

  *#ranges(file: OpenFile): Generator<ReadEvent, void, void> {
    const { ranges } = this.#before;
    // Each batch carries the state to another thread. The state needs no damage and no gaps, of which there may be
    // very many.
    const state: FileState = { ...this.#before.state, damage: [], position: { ...this.#before.state.position, gaps: [] } };
    this.#window.reset(file.fd);
    // Between places of damage there may be single records: their batches are sent together.
    let waiting: Batch[] = [];
    let bytes = 0;
    const joined = (): ReadEvent => {
      const batch = joinBatches(waiting);
      [waiting, bytes] = [[], 0];
      return { kind: 'batch', batch, state };
    };
    for (const { start, end } of ranges) {
      const decoder = new FileDecoder({
        run: this.#job.run,
        file: state.name,
        generation: state.generation,
        catalogue: this.#catalogue,
        tags: this.#tags,
        start,
        settled: true,
        limits: recordLimits(),
      });
      while (advanceDecoder(decoder, this.#window, end) === 'batch') {
        waiting.push(decoder.take());
        yield joined();
      }
      waiting.push(decoder.take());
      bytes += end - start;
      if (waiting.length >= MOST_JOINED || bytes >= MOST_JOINED_BYTES) yield joined();
      for (const damage of decoder.damage) this.#lost.push(damage);
      const seen = Math.max(decoder.watermark, decoder.damage.at(-1)?.end ?? 0);
      if (seen < end) this.#lost.push({ start: seen, end, reason: 'torn' }); // shortened meanwhile
    }
    if (waiting.length > 0) yield joined();
  }

  #end(outcome: FileOutcome, size: number, reason?: string): ReadEvent {
    const { run } = this.#job;
    const event = { kind: 'file', run, file: this.#before.state.name, outcome, size, lost: this.#lost } as const;
    return reason === undefined ? event : { ...event, reason };
  }
}

const CHANGES: Readonly<Record<Exclude<Change, 'same'>, string>> = {
  cut: 'it is shorter than its mirrored part: it is being rewritten or was truncated',
  shortened: 'it is shorter than its mirrored part',
  replaced: 'it now contains different records',
};
