import type { Series } from './series.ts';

/** The series of one run: the first value of a tag, by file name and offset, decides what the tag is. */
export class Catalogue {
  readonly #series: Series[];
  readonly #byTag = new Map<string, Series>();

  /** Takes up a catalogue that was stored with the positions: `known[i].id` is `i`. */
  constructor(known: readonly Series[] = []) {
    this.#series = [...known];
    for (const series of known) this.#byTag.set(series.tag, series);
  }

  get size(): number {
    return this.#series.length;
  }

  get series(): readonly Series[] {
    return this.#series;
  }

  find(tag: string): Series | undefined {
    return this.#byTag.get(tag);
  }

  define(facts: Omit<Series, 'id'>): Series {
    const series = { id: this.#series.length, ...facts };
    this.#series.push(series);
    this.#byTag.set(series.tag, series);
    return series;
  }

  /** Takes back the series defined after the first `size`: those of a record that turned out not to be readable. */
  truncate(size: number): void {
    for (const series of this.#series.splice(size)) this.#byTag.delete(series.tag);
  }
}
