/** Looks into the event files of a run, from their beginnings, whatever the lane's positions are: to say whose a tracker run is. */
import { posix } from 'node:path';
import type { Backend, FileMark, HeldPoint, RunFiles } from '../backends/contract.ts';
import { withSignal } from '../concurrency/index.ts';
import { isEventFileName } from '../discover/index.ts';
import { type FileState, interpret, jsonText, type RunRef, type Series, valueJson } from '../model/index.ts';
import type { CachedBatch, JobReader } from '../reading/index.ts';
import type { LaneState } from '../state/index.ts';
import { heldBy } from '../verify/index.ts';
import { placeOf, type RootPlace } from '../untrusted/index.ts';
import { type FedRun, rootPlace } from './fed-run.ts';
import type { LaneRoutes } from './lane-routes.ts';

export interface FilesOfRunOptions {
  readonly backend: Backend;
  readonly routes: LaneRoutes;
  readonly laneState: LaneState;
  readonly reader: JobReader;
  readonly places: ReadonlyMap<string, RootPlace>;
  readonly allHeard: (root: string) => Promise<void>;
  readonly isSettled: boolean;
}

/** Bytes that are read, and held, at a time. */
const READ_BYTES = 1024 * 1024;
const BATCH_POINTS = 10_000;

export class FilesOfRun implements RunFiles {
  readonly #run: FedRun;
  readonly #options: FilesOfRunOptions;

  constructor(run: FedRun, options: FilesOfRunOptions) {
    this.#run = run;
    this.#options = options;
  }

  async hasRecord(mark: FileMark, signal: AbortSignal): Promise<boolean> {
    return (await this.#look(mark, signal)) === 'there';
  }

  async isReplaced(mark: FileMark, signal: AbortSignal): Promise<boolean> {
    return (await this.#look(mark, signal)) === 'other';
  }

  /** `other`: the file has values, and not this record. */
  async #look({ file, checksum }: FileMark, signal: AbortSignal): Promise<'there' | 'other' | 'nothing'> {
    const { root, path } = this.#run.target;
    // Names come from a tracker: they must not lead out of the root.
    const place = posix.join(path, file);
    if (posix.isAbsolute(file) || place.startsWith('..') || !isEventFileName(posix.basename(place))) return 'nothing';
    const run = { root, path: posix.dirname(place) };
    let found: 'other' | 'nothing' = 'nothing';
    for await (const { batch } of this.#read(run, [posix.basename(place)], signal)) {
      const { scalars, objects } = batch;
      if (scalars.checksum.subarray(0, scalars.count).includes(checksum)) return 'there';
      if (objects.some((point) => point.checksum === checksum)) return 'there';
      if (scalars.count + objects.length > 0) found = 'other';
    }
    return found;
  }

  async *points(signal: AbortSignal): AsyncGenerator<{ readonly tag: string; readonly point: HeldPoint }, void, void> {
    const { backend, routes, laneState, allHeard } = this.#options;
    // Others that are part of this run may not have been heard of yet.
    await withSignal(allHeard(this.#run.target.root), signal);
    for (const source of this.#run.sources.values()) {
      const known = laneState.known(source.ref).files.map(({ name }) => name);
      const names = [...new Set([...known, ...source.read, ...source.dirty, ...source.toHeal])].sort();
      for await (const piece of this.#read(source.ref, names, signal)) {
        const { batch, series } = routes.apply(source.ref, piece);
        const capabilities = backend.describe();
        for (const { of, point } of pointsOf(batch, series)) {
          const held = heldBy(backend, capabilities, of, point);
          if (held !== undefined) yield { tag: of.tag, point: held };
        }
      }
    }
  }

  /** All batches of some files, each file from its beginning. */
  async *#read(run: RunRef, names: readonly string[], signal: AbortSignal): AsyncGenerator<CachedBatch, void, void> {
    const { reader, places, isSettled } = this.#options;
    const known = new Map<string, FileState>();
    const series: Series[] = [];
    for (let hasMore = names.length > 0; hasMore; ) {
      signal.throwIfAborted();
      hasMore = false;
      const events = await reader.read({
        run,
        directory: placeOf(rootPlace(places, run), run.path),
        files: names.map((name) => ({ name })),
        known: [...known.values()],
        series: [...series],
        settled: isSettled,
        heal: false,
        mostBytes: READ_BYTES,
        batchPoints: BATCH_POINTS,
      });
      for (const event of events) {
        if (event.kind === 'runDone') hasMore = event.hasMore;
        if (event.kind !== 'batch') continue;
        for (const each of event.batch.newSeries) series.push(each);
        known.set(event.batch.file, event.state);
        yield { batch: event.batch, state: event.state, series };
      }
    }
  }
}

function* pointsOf(
  { scalars, objects }: CachedBatch['batch'],
  series: readonly Series[],
): Generator<{ readonly of: Series; readonly point: HeldPoint }, void, void> {
  for (let row = 0; row < scalars.count; row++) {
    const of = series[scalars.series[row] as number];
    if (of === undefined) continue;
    const step = scalars.wideSteps.get(row) ?? (scalars.step[row] as number);
    const value = scalars.wideValues.get(row) ?? (scalars.value[row] as number);
    yield { of, point: { step, wallTime: scalars.wallTime[row] as number, value } };
  }
  for (const object of objects) {
    const of = series[object.series];
    if (of === undefined) continue;
    const value = jsonText(valueJson(interpret(of.plugin, object), () => {}));
    yield { of, point: { step: object.step, wallTime: object.wallTime, value } };
  }
}
