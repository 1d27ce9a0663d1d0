/** The source of an export that reads event files directly. */

import type { ReadBackPoint } from '../contract/index.ts';
import type { WalkObstacle } from '../discover/index.ts';
import type { ExportRun, ExportSeries, ExportSource } from '../export/index.ts';
import { type Batch, type FileState, filePathOf, interpret, jsonText, type ScalarColumns, type Series, valueJson } from '../model/index.ts';
import { readTarget, type SurveyTarget } from './survey.ts';

/** The options for reading files for an export. */
interface FilesSourceOptions {
  /**
   * True if no process writes to the files any more: mirrorboard then searches an incomplete file for valid records.
   * Default true.
   */
  readonly settled?: boolean;
  /** Called for directories and files that could not be read; they are missing from the export. */
  readonly onObstacle?: (obstacle: WalkObstacle) => void;
  /** Called for each file after it is read to its end. */
  readonly onFile?: (file: FileState) => void;
}

/**
 * Returns the runs of a target, read from their event files. A series is scattered over its run's files, so memory
 * holds one run at a time: 24 bytes a scalar, everything else as JSON text; media are hashed and released.
 */
export function filesSource(
  { directory, place, runs, obstacles }: SurveyTarget,
  { settled = true, onObstacle, onFile }: FilesSourceOptions = {},
): ExportSource {
  return {
    async *runs(): AsyncGenerator<ExportRun, void, void> {
      for (const obstacle of obstacles) onObstacle?.(obstacle);
      for await (const { path, events } of readTarget({ directory, place, runs }, settled)) {
        const collected = new CollectedRun();
        for await (const event of events) {
          if (event.kind === 'batch') collected.add(event.batch, event.state);
          else if (event.kind === 'file' && event.reason !== undefined) {
            onObstacle?.({ path: filePathOf(path, event.file), reason: event.reason });
          }
        }
        if (onFile !== undefined) for (const file of collected.files.values()) onFile(file);
        yield { run: path, files: [...collected.files.values()], series: collected.series() };
      }
    },
  };
}

/** The scalars of one batch, ordered by series and cut to length. */
interface Chunk {
  readonly step: Float64Array;
  readonly wallTime: Float64Array;
  readonly value: Float64Array;
  readonly wideSteps: ReadonlyMap<number, bigint>;
  readonly wideValues: ReadonlyMap<number, bigint>;
}

interface CollectedObject extends ReadBackPoint {
  /** The place before row `row` of chunk `chunk`. */
  readonly chunk: number;
  readonly row: number;
}

interface CollectedSeries {
  readonly facts: Series;
  /** Triples: a chunk, and the first and last row (exclusive) of the series in it. */
  readonly stretches: number[];
  readonly objects: CollectedObject[];
}

/** The points of one run, collected from its batches. */
class CollectedRun {
  readonly files = new Map<string, FileState>();
  readonly #chunks: Chunk[] = [];
  readonly #series: CollectedSeries[] = [];

  add(batch: Batch, state: FileState): void {
    this.files.set(state.name, state);
    for (const facts of batch.newSeries) this.#series[facts.id] = { facts, stretches: [], objects: [] };
    const { scalars } = batch;
    if (scalars.count === 0 && batch.objects.length === 0) return;
    const { rows, starts } = bySeries(scalars, this.#series.length);
    const chunk = this.#chunks.push(reordered(scalars, rows)) - 1;
    for (const [s, { stretches }] of this.#series.entries()) {
      const [from, to] = [starts[s] as number, starts[s + 1] as number];
      if (from < to) stretches.push(chunk, from, to);
    }
    for (const point of batch.objects) {
      const series = this.#series[point.series];
      if (series === undefined) throw new RangeError(`a point of series ${point.series}, which no batch defined`);
      const { step, wallTime } = point;
      const row = rowsBefore(point, scalars, rows, starts[point.series] as number, starts[point.series + 1] as number);
      const value = jsonText(valueJson(interpret(series.facts.plugin, point), () => {}));
      series.objects.push({ step, wallTime, value, chunk, row });
    }
  }

  series(): ExportSeries[] {
    return this.#series.map((series) => ({ ...series.facts, points: () => this.#points(series) }));
  }

  *#points({ stretches, objects }: CollectedSeries): Generator<ReadBackPoint, void, void> {
    let next = 0;
    for (let i = 0; i < stretches.length; i += 3) {
      const [at, from, to] = stretches.slice(i, i + 3) as [number, number, number];
      const { step, wallTime, value, wideSteps, wideValues } = this.#chunks[at] as Chunk;
      const isWide = wideSteps.size > 0 || wideValues.size > 0;
      for (let row = from; row < to; row++) {
        for (let object = objects[next]; object !== undefined; object = objects[++next]) {
          if (object.chunk > at || (object.chunk === at && object.row > row)) break;
          yield object;
        }
        const [s, v] = [step[row] as number, value[row] as number];
        yield {
          step: isWide ? (wideSteps.get(row) ?? s) : s,
          wallTime: wallTime[row] as number,
          value: isWide ? (wideValues.get(row) ?? v) : v,
        };
      }
    }
    for (; next < objects.length; next++) yield objects[next] as CollectedObject;
  }
}

/**
 * Returns the rows of a batch in the order of their series, stable; `starts[s]` is where series s begins in `rows`.
 */
function bySeries({ series, count }: ScalarColumns, seriesCount: number): { rows: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(seriesCount + 1);
  for (let i = 0; i < count; i++) (starts[(series[i] as number) + 1] as number)++;
  for (let s = 0; s < seriesCount; s++) (starts[s + 1] as number) += starts[s] as number;
  const fill = starts.slice();
  const rows = new Uint32Array(count);
  for (let i = 0; i < count; i++) rows[(fill[series[i] as number] as number)++] = i;
  return { rows, starts };
}

function reordered(columns: ScalarColumns, rows: Uint32Array): Chunk {
  const pick = (from: Float64Array): Float64Array => {
    const to = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i] as number] as number;
    return to;
  };
  const move = (wide: ReadonlyMap<number, bigint>): Map<number, bigint> => {
    const to = new Map<number, bigint>();
    if (wide.size === 0) return to;
    for (const [i, row] of rows.entries()) {
      const x = wide.get(row);
      if (x !== undefined) to.set(i, x);
    }
    return to;
  };
  const { step, wallTime, value, wideSteps, wideValues } = columns;
  return { step: pick(step), wallTime: pick(wallTime), value: pick(value), wideSteps: move(wideSteps), wideValues: move(wideValues) };
}

/** Returns the place of an object among the scalars, for a series that has both. */
function rowsBefore(
  point: { readonly offset: number; readonly index: number },
  { offset, index }: ScalarColumns,
  rows: Uint32Array,
  from: number,
  to: number,
): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle] as number;
    const at = offset[row] as number;
    if (at < point.offset || (at === point.offset && (index[row] as number) < point.index)) low = middle + 1;
    else high = middle;
  }
  return low;
}
