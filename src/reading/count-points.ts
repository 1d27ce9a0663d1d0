/**
 * Counts what a run holds where it is read, for who needs no points: only sums cross from the reader's thread.
 */
import type { Batch, FileState, MarkKind, RunRef, Series } from '../model/index.ts';
import { freeColumns } from './free-batches.ts';
import type { CountedPoints, PointCount, ReadEvent } from './read-event.ts';

/** Points after which the sums are reported, so that little is lost if a file hangs in the middle. */
const MOST_POINTS = 2 ** 20;

/** Puts sums (`counted`) in the place of batches. All other events stay. */
export function* countedEvents(events: Iterable<ReadEvent>): Generator<ReadEvent, void, void> {
  let counter: FileCounter | undefined;
  for (const event of events) {
    const isSame = event.kind === 'batch' && event.batch.file === counter?.file;
    if (counter !== undefined && (!isSame || counter.points >= MOST_POINTS)) {
      yield { kind: 'counted', counted: counter.take(), run: counter.run };
      counter = undefined;
    }
    if (event.kind !== 'batch') {
      yield event;
      continue;
    }
    counter ??= new FileCounter(event.batch, event.state);
    counter.add(event.batch, event.state);
    freeColumns(event.batch);
  }
  if (counter !== undefined) yield { kind: 'counted', counted: counter.take(), run: counter.run };
}

class FileCounter {
  readonly run: RunRef;
  readonly file: string;
  points = 0;
  #state: FileState;
  readonly #newSeries: Series[] = [];
  /** By the id of the series. */
  readonly #counts: PointCount[] = [];
  readonly #marks = new Map<MarkKind, number>();
  #foreign = 0;

  constructor({ run, file }: Batch, state: FileState) {
    this.run = run;
    this.file = file;
    this.#state = state;
  }

  add({ newSeries, scalars, objects, marks }: Batch, state: FileState): void {
    this.#state = state;
    for (const series of newSeries) this.#newSeries.push(series);
    this.points += scalars.count + objects.length;
    const hasWide = scalars.wideSteps.size > 0;
    for (let row = 0; row < scalars.count; row++) {
      const step = scalars.step[row] as number;
      this.#count(scalars.series[row] as number, hasWide ? (scalars.wideSteps.get(row) ?? step) : step);
    }
    for (const { series, step } of objects) this.#count(series, step);
    for (const { kind, payload } of marks) {
      this.#marks.set(kind, (this.#marks.get(kind) ?? 0) + 1);
      if (kind === 'empty' && payload.length > 0 && payload[0] !== WALL_TIME && payload[0] !== STEP) this.#foreign++;
    }
  }

  take(): CountedPoints {
    const { run, file } = this;
    // Without the holes: most files of a run with many tags have few of them.
    const counts = this.#counts.filter(() => true);
    return { run, file, state: this.#state, newSeries: this.#newSeries, counts, marks: this.#marks, foreign: this.#foreign };
  }

  #count(series: number, step: number | bigint): void {
    const count = this.#counts[series];
    if (count === undefined) {
      this.#counts[series] = { series, points: 1, firstStep: step, lastStep: step };
      return;
    }
    count.points++;
    if (step < count.firstStep) count.firstStep = step;
    if (step > count.lastStep) count.lastStep = step;
  }
}

/** The first byte of an event without content: writers begin a file with an event that has only a time. */
const WALL_TIME = 0x09;
const STEP = 0x10;
