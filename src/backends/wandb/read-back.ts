/**
 * Reads everything of a tracker run back: numbers from its rows, all else from the exact form next to the shown one.
 */

import { chunksOf } from '../../backend-kit/exact-points/index.ts';
import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../../contract/index.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { ExactEntry } from './rows.ts';
import type { RunStorage } from './storage.ts';
import { readRow, type StoredRow } from './stored-rows.ts';

/** Reads a run back. `from`: earlier lines are not ours. */
export async function* readBack(
  storage: RunStorage,
  from: number,
  { isWanted = () => true, signal = new AbortController().signal }: ReadBackOptions,
): AsyncGenerator<ReadBackChunk, void, void> {
  yield* chunksOf(pointsOf(storage, from, isWanted, signal));
}

/** Yields the points of our lines, one by one. */
async function* pointsOf(
  storage: RunStorage,
  from: number,
  isWanted: (tag: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Pick<ReadBackChunk, 'tag' | 'plugin'> & ReadBackPoint, void, void> {
  const exact = new ExactValues(storage, signal);
  for await (const line of storage.readLines(from, Infinity, signal)) {
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

/** Points with a value, or a part of it, in files: they are complete only if all of these files exist. */
class ExactValues {
  readonly #storage: RunStorage;
  readonly #signal: AbortSignal;
  #lengths: ReadonlyMap<string, number> | undefined;

  constructor(storage: RunStorage, signal: AbortSignal) {
    this.#storage = storage;
    this.#signal = signal;
  }

  async pointOf([, , , file, offset, index, value, needed]: ExactEntry, { step, wallTime }: StoredRow): Promise<ReadBackPoint | undefined> {
    for (const [path, bytes] of needed) if ((await this.#files()).get(path) !== bytes) return undefined;
    const storage = { step, wallTime, file, offset, index };
    if (typeof value === 'string') return { ...storage, value };
    const stored = valueOrThrow(await this.#storage.readFile(value.file, this.#signal));
    return stored === undefined ? undefined : { ...storage, value: stored.toString('utf8') };
  }

  async #files(): Promise<ReadonlyMap<string, number>> {
    this.#lengths ??= valueOrThrow(await this.#storage.fileLengths(this.#signal));
    return this.#lengths;
  }
}
