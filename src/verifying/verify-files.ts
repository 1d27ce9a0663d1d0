/** The files' side of a comparison: reads the event files of a run again, up to where they were mirrored (tail, decode). */
import { closeSync, readSync } from 'node:fs';
import { FileDecoder, TagTable } from '../decode/index.ts';
import { systemCode } from '../errors.ts';
import { type Batch, Catalogue, type FileState, type Series } from '../model/index.ts';
import { advanceDecoder, recordLimits } from '../reading/index.ts';
import { reasonOf } from '../system-error.ts';
import { type Change, compareWithState, type FileWindow, type OpenFile, openFile } from '../tail/index.ts';
import type { Place } from '../untrusted/index.ts';
import { type FileFacts, rangesOf } from '../verify/index.ts';

/** The event files of one run, up to their watermarks; can be read again and again. */
export class RunFiles {
  readonly #directory: Place;
  readonly #states: readonly FileState[];
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #known: readonly Series[];
  readonly #window: FileWindow;
  #catalogue = new Catalogue();

  constructor(
    directory: Place,
    states: readonly FileState[],
    facts: ReadonlyMap<string, FileFacts>,
    series: readonly Series[],
    window: FileWindow,
  ) {
    this.#directory = directory;
    this.#states = states;
    this.#facts = facts;
    // Numbers of our own: a store that lost rows must not make one series pass for another.
    this.#known = series.map((facts_, id) => ({ ...facts_, id }));
    this.#window = window;
  }

  /** The lane's, with series that only the files have behind it. */
  get catalogue(): readonly Series[] {
    return this.#catalogue.series;
  }

  /** Every sound record before the watermarks that is not owed; what can't be read is noted in the facts. */
  *batches(): Generator<Batch, void, void> {
    this.#catalogue = new Catalogue(this.#known);
    const tags = new TagTable();
    for (const series of this.#known) if (series.plugin === 'scalars') tags.add(new TextEncoder().encode(series.tag), series.id);
    for (const state of this.#states) {
      const facts = this.#facts.get(state.name);
      if (facts === undefined || facts.unjudged !== undefined) continue;
      let file: OpenFile | undefined;
      try {
        file = openFile(this.#directory, state.name);
        yield* this.#file(file, state, facts, tags);
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        facts.unjudged = systemCode(error) === 'ENOENT' ? 'gone' : 'unreadable';
        facts.reason = reasonOf(error);
      } finally {
        if (file !== undefined) closeSync(file.fd);
      }
    }
  }

  *withCatalogue(): Generator<readonly [Batch, readonly Series[]], void, void> {
    for (const batch of this.batches()) yield [batch, this.catalogue];
  }

  *#file(file: OpenFile, state: FileState, facts: FileFacts, tags: TagTable): Generator<Batch, void, void> {
    const change = compareWithState(file, state);
    if (change !== 'same') {
      // A pass has seen that nothing stands in the place of what was mirrored: another one brings nothing either.
      const isCut = state.damage.some(({ reason }) => reason === 'cut');
      facts.unjudged = isCut ? 'gone' : 'stale';
      facts.reason = CHANGES[isCut ? 'cut' : change];
      return;
    }
    this.#window.reset(file.fd);
    facts.lost.length = 0;
    for (const { start, end } of rangesOf(facts)) {
      const decoder = new FileDecoder({
        run: { root: '', path: '' },
        file: state.name,
        generation: state.generation,
        catalogue: this.#catalogue,
        tags,
        start,
        settled: true,
        limits: recordLimits(),
      });
      while (advanceDecoder(decoder, this.#window, end) === 'batch') yield decoder.take();
      yield decoder.take();
      for (const damage of decoder.damage) facts.lost.push(damage);
      const seen = Math.max(decoder.watermark, decoder.damage.at(-1)?.end ?? 0);
      if (seen < end) facts.lost.push({ start: seen, end, reason: 'torn' }); // shortened meanwhile
    }
  }
}

const CHANGES: Readonly<Record<Exclude<Change, 'same'>, string>> = {
  cut: 'it ends before what was mirrored of it does: it is being written anew, or was cut',
  shortened: 'it is shorter than what was mirrored of it',
  replaced: 'it holds other records now',
};

/** Where the record at an offset ends. A record is its length, a checksum of that, as many bytes, and their checksum. */
export function recordEnd(directory: Place, name: string, offset: number): number {
  const { fd } = openFile(directory, name);
  try {
    const length = new DataView(new ArrayBuffer(8));
    readSync(fd, length, 0, 8, offset);
    return offset + 16 + Number(length.getBigUint64(0, true));
  } finally {
    closeSync(fd);
  }
}
