import type { Series } from './series.ts';
import { weightOfSeries } from './weight.ts';

/** The series of one run. The first value of a tag, by file name and offset, decides what the tag is. */
export class Catalogue {
  readonly #series: Series[];
  readonly #byTag = new Map<string, Series>();
  #weight = 0;

  /** Loads a catalogue that was stored with the positions: `known[i].id` is `i`. */
  constructor(known: readonly Series[] = []) {
    this.#series = [...known];
    for (const series of known) this.#take(series);
  }

  /** About the memory that the series take. */
  get weight(): number {
    return this.#weight;
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
    this.#take(series);
    return series;
  }

  /** Removes the series defined after the first `size`: those of a record that turned out to be unreadable. */
  truncate(size: number): void {
    for (const series of this.#series.splice(size)) {
      this.#byTag.delete(series.tag);
      this.#weight -= weightOf(series);
    }
  }

  #take(series: Series): void {
    this.#byTag.set(series.tag, series);
    this.#weight += weightOf(series);
  }
}

function weightOf({ tag, description, displayName, metadata }: Series): number {
  return weightOfSeries(tag, description, displayName, metadata.length);
}
