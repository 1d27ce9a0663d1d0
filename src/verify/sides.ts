/** The two sides of a comparison: the event files and the lane they were mirrored into, or two lanes. */
import { type Batch, type FileState, pointCount, type RunRef } from '../model/index.ts';

import type { PatientReader } from '../reading/index.ts';
import { type FileFacts, factsOf, filePoints, type RunComparison } from './compare/index.ts';
import type { Extras, LaneSource } from './lane-source.ts';
import { BatchStatuses, doubtOf, RunStatuses } from './statuses.ts';
import { ReadRunFiles, wholeFiles } from './verify-files.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** The amounts read in one step. */
export interface CompareStep {
  /** Points of the left side. */
  readonly points: number;
  readonly records: number;
  /** Bytes of event files. */
  readonly bytes: number;
  /** Points that the lane on the right gave. */
  readonly held: number;
}

const NOTHING: CompareStep = { points: 0, records: 0, bytes: 0, held: 0 };

/** The points of a step: steps cost time of their own, so short series share one. */
const STEP_POINTS = 1000;

/** Reads both sides of one run into a comparison: the first time, or again for one of its chunks. */
export interface Side {
  read(comparison: RunComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<CompareStep, void, void>;
}

/** The options of the side of the files. */
export interface FilesSideOptions {
  readonly source: LaneSource;
  readonly candidate: VerifiedRun;
  readonly states: readonly FileState[];
  readonly facts: Map<string, FileFacts>;
  readonly files: ReadRunFiles;
  readonly reader: PatientReader;
  /** Receives what the lane gives in the first reading. */
  readonly extras: Extras | undefined;
}

/** The event files on the left, a lane on the right. */
export class FilesSide implements Side {
  readonly #of: FilesSideOptions;

  constructor(of: FilesSideOptions) {
    this.#of = of;
  }

  /**
   * Reads the files first if the lane is a snapshot: what they cannot judge is then left out of the sums. Otherwise
   * reads the lane first: the files then contain whatever arrives in the lane meanwhile.
   */
  async *read(comparison: RunComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<CompareStep, void, void> {
    const { source, files } = this.#of;
    if (source.isSnapshot) yield* this.#readFiles(comparison, files);
    yield* this.#readLane(comparison, isAgain, signal);
    if (!source.isSnapshot) yield* this.#readFiles(comparison, isAgain ? await this.#filesToTheirEnds() : files);
  }

  async *#readLane(comparison: RunComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<CompareStep, void, void> {
    const { source, candidate, extras } = this.#of;
    let held = 0;
    for await (const chunk of source.readBack(candidate.run, { isWanted: (tag) => comparison.isWanted(tag), signal })) {
      comparison.addRight(chunk);
      if (!isAgain) extras?.see?.(chunk);
      held += chunk.points.length;
      if (held < STEP_POINTS) continue;
      yield { ...NOTHING, held };
      held = 0;
    }
    yield { ...NOTHING, held };
  }

  async *#readFiles(comparison: RunComparison, files: ReadRunFiles): AsyncGenerator<CompareStep, void, void> {
    const { source } = this.#of;
    const hasRefusals = source.hasRefusals(comparison.run);
    for await (const batch of files.batches()) {
      if (source.isExact) comparison.expectBatch(batch, files.catalogue);
      else this.#expectEach(comparison, batch, files, hasRefusals);
      yield { ...NOTHING, points: pointCount(batch), records: batch.records, bytes: batch.end - batch.start };
    }
  }

  /** Names each point in the form in which the lane holds it, or as one that the lane need not have. */
  #expectEach(comparison: RunComparison, batch: Batch, files: ReadRunFiles, hasRefusals: boolean): void {
    const { source, facts } = this.#of;
    const status = new BatchStatuses(source, hasRefusals, batch, facts.get(batch.file));
    for (const item of filePoints(batch, files.catalogue, (tag) => comparison.isWanted(tag))) {
      const { tag, plugin, point } = item;
      const is = status.of(item);
      const held = source.asHeld(comparison.run, tag, plugin, point);
      if (is === 'due') comparison.expect(tag, plugin, point, held, item);
      else comparison.excuse(tag, held);
      if (is === 'left') comparison.leaveOut(tag);
      else if (is === 'refused' || is === 'unsupported') comparison.refuse(tag, plugin, is);
    }
  }

  /**
   * Returns the files up to their ends, so that points that the lane already has but has not noted do not count as
   * extra.
   */
  async #filesToTheirEnds(): Promise<ReadRunFiles> {
    const { source, candidate, states, facts, reader } = this.#of;
    const whole = await wholeFiles(candidate.directory, states);
    const again = new Map(whole.map((state) => [state.name, { ...factsOf(state), unjudged: facts.get(state.name)?.unjudged }]));
    return new ReadRunFiles(candidate, whole, again, source.catalogue(candidate.run), reader);
  }
}

/** Two lanes; the files tell which points one of them need not have. */
export class LanesSide implements Side {
  readonly #left: LaneSource;
  readonly #right: LaneSource;
  readonly #candidate: VerifiedRun;
  readonly #reader: PatientReader;

  constructor(left: LaneSource, right: LaneSource, candidate: VerifiedRun, reader: PatientReader) {
    this.#left = left;
    this.#right = right;
    this.#candidate = candidate;
    this.#reader = reader;
  }

  async *read(comparison: RunComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<CompareStep, void, void> {
    const { run } = this.#candidate;
    const isWanted = (tag: string): boolean => comparison.isWanted(tag);
    // A backend may know for sure what it can hold only after its tracker has answered.
    const left = await afterFirst(this.#left.readBack(run, { isWanted, signal }));
    const right = await afterFirst(this.#right.readBack(run, { isWanted, signal }));
    for await (const { tag, plugin, points } of left) {
      for (const { step, wallTime, value } of points) {
        const point = { step, wallTime, value };
        comparison.expect(tag, plugin, point, this.#right.asHeld(run, tag, plugin, point));
      }
      yield { ...NOTHING, points: points.length };
    }
    for await (const { tag, plugin, points } of right) {
      const held = points.flatMap(({ step, wallTime, value }) => this.#left.asHeld(run, tag, plugin, { step, wallTime, value }) ?? []);
      comparison.addRight({ tag, plugin, points: held });
      yield { ...NOTHING, held: points.length };
    }
    if (isAgain) yield* this.#excuses(comparison, isWanted);
  }

  /** Names every point of the files, with its status in the lanes. */
  async *#excuses(comparison: RunComparison, isWanted: (tag: string) => boolean): AsyncGenerator<CompareStep, void, void> {
    const { run, directory } = this.#candidate;
    const [left, right] = [new RunStatuses(this.#left, run), new RunStatuses(this.#right, run)];
    const states = await wholeFiles(directory, [...left.states, ...right.states]);
    const facts = new Map(states.map((state) => [state.name, factsOf(state)]));
    const files = new ReadRunFiles(this.#candidate, states, facts, this.#catalogue(run), this.#reader);
    for await (const batch of files.batches()) {
      const [there, here] = [left.of(batch), right.of(batch)];
      for (const item of filePoints(batch, files.catalogue, isWanted)) {
        const { tag, plugin, point } = item;
        const held = this.#left.asHeld(run, tag, plugin, point);
        const both = held === undefined ? undefined : this.#right.asHeld(run, tag, plugin, held);
        comparison.excuse(tag, both, { left: there.of(item), right: here.of(item) });
      }
      yield NOTHING;
    }
    comparison.doubt = doubtOf(right.states, facts);
  }

  #catalogue(run: RunRef): ReturnType<LaneSource['catalogue']> {
    return this.#left.isExact ? this.#right.catalogue(run) : this.#left.catalogue(run);
  }
}

/** Returns the same items after waiting for the first one. */
async function afterFirst<Item>(items: AsyncIterable<Item>): Promise<AsyncIterable<Item>> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  return {
    async *[Symbol.asyncIterator]() {
      for (let item = first; item.done !== true; item = await iterator.next()) yield item.value;
    },
  };
}
