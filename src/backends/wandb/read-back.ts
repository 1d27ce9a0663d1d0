/**
 * Everything a tracker run holds: numbers from its rows, all else from the exact form that is next to what is
 * shown.
 */

import { chunksOf } from '../../backend-kit/exact-points/index.ts';
import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../../contract/index.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { RunPlace } from './place.ts';
import type { ExactEntry } from './rows.ts';
import { readRow, type StoredRow } from './stored-rows.ts';

/** `from`: lines before it are not ours. */
export async function* readBack(
  place: RunPlace,
  from: number,
  { isWanted = () => true, signal = new AbortController().signal }: ReadBackOptions,
): AsyncGenerator<ReadBackChunk, void, void> {
  yield* chunksOf(pointsOf(place, from, isWanted, signal));
}

/** The points of the lines that are ours, one by one. */
async function* pointsOf(
  place: RunPlace,
  from: number,
  isWanted: (tag: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Pick<ReadBackChunk, 'tag' | 'plugin'> & ReadBackPoint, void, void> {
  const exact = new ExactValues(place, signal);
  for await (const line of place.readLines(from, Infinity, signal)) {
    const row = readRow(line);
    if (row === undefined) continue;
    const { step, wallTime } = row;
    for (const [tag, value] of row.scalars) if (isWanted(tag)) yield { tag, plugin: 'scalars', step, wallTime, value };
    for (const entry of row.exact) {
      const [, tag, plugin] = entry;
      if (!isWanted(tag)) continue;
      const point = await exact.pointOf(entry, row);
      if (point !== undefined) yield { tag, plugin, ...point };
    }
  }
}

/** Points whose value, or part of it, is in files: they are whole only if all of these are. */
class ExactValues {
  readonly #place: RunPlace;
  readonly #signal: AbortSignal;
  #lengths: ReadonlyMap<string, number> | undefined;

  constructor(place: RunPlace, signal: AbortSignal) {
    this.#place = place;
    this.#signal = signal;
  }

  async pointOf([, , , file, offset, index, value, needed]: ExactEntry, { step, wallTime }: StoredRow): Promise<ReadBackPoint | undefined> {
    for (const [path, bytes] of needed) if ((await this.#files()).get(path) !== bytes) return undefined;
    const place = { step, wallTime, file, offset, index };
    if (typeof value === 'string') return { ...place, value };
    const stored = valueOrThrow(await this.#place.readFile(value.file, this.#signal));
    return stored === undefined ? undefined : { ...place, value: stored.toString('utf8') };
  }

  async #files(): Promise<ReadonlyMap<string, number>> {
    this.#lengths ??= valueOrThrow(await this.#place.fileLengths(this.#signal));
    return this.#lengths;
  }
}
