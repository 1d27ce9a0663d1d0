/** The two sides of a comparison: a tracker and the event files it was mirrored from, or two lanes. */
import { readdir } from 'node:fs/promises';
import { inTime } from '../calls/index.ts';
import { isCompanion, isEventFileName } from '../discover/index.ts';
import type { Batch, FileState, RunRef, Series } from '../model/index.ts';
import type { PatientReader } from '../reading/index.ts';
import { everyAt, type LeftOut } from '../route/index.ts';
import { fullPath, lookAt, type Place } from '../untrusted/index.ts';
import {
  type FileFacts,
  type FilePoint,
  factsOf,
  filePoints,
  isOwed,
  type LaneComparison,
  type PointStanding,
  type Unjudged,
} from './compare/index.ts';
import { RunFiles } from './verify-files.ts';
import type { Candidate } from './verify-scope.ts';
import type { LaneSource } from './verify-source.ts';

/** Reads both sides of one run into a comparison; yields how many points it took in. */
export interface Side {
  read(comparison: LaneComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<number, void, void>;
}

/** What is known of a file that a lane has not read: nothing, so that any bytes are its bytes. */
function unread(name: string): FileState {
  const guard = { first: undefined, last: undefined };
  return { name, generation: 0, position: { watermark: 0, gaps: [] }, guard, damage: [], size: 0, stamp: '', records: 0 };
}

/** All of a run's files as they are now, to their ends; those that cannot be compared are left out. */
async function wholeFiles(directory: Place, states: readonly FileState[]): Promise<FileState[]> {
  const known = new Map(states.map((state) => [state.name, state]));
  const names = new Set([...known.keys(), ...(await filesIn(directory))]);
  const files: FileState[] = [];
  for (const name of [...names].sort()) {
    const found = await lookAt(directory, name).catch(() => undefined); // it is read next: that says what is wrong
    const size = found?.kind === 'file' ? found.bytes : 0;
    files.push({ ...(known.get(name) ?? unread(name)), position: { watermark: size, gaps: [] } });
  }
  return files;
}

async function filesIn(directory: Place): Promise<string[]> {
  const path = fullPath(directory);
  try {
    const names = new Set((await inTime(path, () => readdir(path))).filter(isEventFileName));
    return [...names].filter((name) => !isCompanion(name, (other) => names.has(other)));
  } catch {
    return []; // It is gone; that was said when the run was read.
  }
}

/** How a lane stands to the points of a batch. */
class Standing {
  readonly #source: LaneSource;
  readonly #run: RunRef;
  readonly #facts: FileFacts | undefined;
  readonly #refusals: ReadonlyMap<string, 'unsupported' | 'refused'>;
  readonly #hasGaps: boolean;

  constructor(source: LaneSource, hasRefusals: boolean, batch: Batch, facts: FileFacts | undefined) {
    const { run, file, generation } = batch;
    this.#source = source;
    this.#run = run;
    // A batch of bytes that could not be read may reach further back than its first point.
    const range = { generation, start: batch.start, end: Math.max(batch.end, batch.start + 1) };
    const found = hasRefusals ? source.refusals(run, file, range) : [];
    this.#refusals = new Map(found.map(({ offset, index, kind }) => [`${offset}/${index}`, kind]));
    this.#facts = facts;
    this.#hasGaps = facts !== undefined && facts.gaps.length > 0;
  }

  of({ tag, offset, index, file, point }: FilePoint): PointStanding {
    const facts = this.#facts;
    if (isLeft(this.#source.leftOf(this.#run, tag), file, offset, point.step)) return 'left';
    if (facts === undefined || offset >= facts.watermark) return 'owed';
    if (this.#hasGaps && isOwed(facts, tag, offset)) return 'owed';
    return (this.#refusals.size > 0 ? this.#refusals.get(`${offset}/${index}`) : undefined) ?? 'due';
  }
}

/** Whether a lane was not to have a point. */
function isLeft(left: LeftOut | undefined, file: string, offset: number, step: number | bigint): boolean {
  const every = everyAt(left, file, offset);
  return every !== 1 && (every === 0 || BigInt(step) % BigInt(every) !== 0n);
}

/** The event files on the left, a tracker on the right. */
export class FilesSource implements Side {
  readonly #source: LaneSource;
  readonly #candidate: Candidate;
  readonly #states: readonly FileState[];
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #reader: PatientReader;
  readonly #series: readonly Series[];

  constructor(
    source: LaneSource,
    candidate: Candidate,
    states: readonly FileState[],
    facts: Map<string, FileFacts>,
    reader: PatientReader,
  ) {
    this.#source = source;
    this.#candidate = candidate;
    this.#states = states;
    this.#facts = facts;
    this.#reader = reader;
    this.#series = source.catalogue(candidate.run);
  }

  async *read(comparison: LaneComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<number, void, void> {
    const { run, directory } = this.#candidate;
    const isWanted = (tag: string): boolean => comparison.isWanted(tag);
    for await (const chunk of this.#source.readBack(run, { isWanted, signal })) {
      comparison.addRight(chunk);
      yield 0;
    }
    // The second time to the ends of the files: what is there already, and not noted, is not too much.
    const states = isAgain ? await wholeFiles(directory, this.#states) : this.#states;
    const facts = isAgain ? new Map(states.map((state) => [state.name, this.#factsAgain(state)])) : this.#facts;
    const files = new RunFiles(this.#candidate, states, facts, this.#series, this.#reader);
    const hasRefusals = this.#source.hasRefusals(run);
    for await (const batch of files.batches()) {
      const standing = new Standing(this.#source, hasRefusals, batch, this.#facts.get(batch.file));
      let points = 0;
      for (const item of filePoints(batch, files.catalogue, isWanted)) {
        const { tag, plugin, point } = item;
        const is = standing.of(item);
        const held = this.#source.asHeld(run, tag, plugin, point);
        if (is === 'due') comparison.expect(tag, plugin, point, held, item);
        else comparison.excuse(tag, held);
        if (is === 'left') comparison.leaveOut(tag);
        else if (is === 'refused' || is === 'unsupported') comparison.refuse(tag, plugin, is);
        points++;
      }
      yield points;
    }
  }

  #factsAgain(state: FileState): FileFacts {
    return { ...factsOf(state), unjudged: this.#facts.get(state.name)?.unjudged };
  }
}

/** Two lanes; the files say what one of them need not have. */
export class LanesSource implements Side {
  readonly #left: LaneSource;
  readonly #right: LaneSource;
  readonly #candidate: Candidate;
  readonly #reader: PatientReader;

  constructor(left: LaneSource, right: LaneSource, candidate: Candidate, reader: PatientReader) {
    this.#left = left;
    this.#right = right;
    this.#candidate = candidate;
    this.#reader = reader;
  }

  async *read(comparison: LaneComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<number, void, void> {
    const { run } = this.#candidate;
    const isWanted = (tag: string): boolean => comparison.isWanted(tag);
    // Of what a backend can hold it may be sure only once its tracker has answered.
    const left = await begun(this.#left.readBack(run, { isWanted, signal }));
    const right = await begun(this.#right.readBack(run, { isWanted, signal }));
    for await (const { tag, plugin, points } of left) {
      for (const { step, wallTime, value } of points) {
        const point = { step, wallTime, value };
        comparison.expect(tag, plugin, point, this.#right.asHeld(run, tag, plugin, point));
      }
      yield points.length;
    }
    for await (const { tag, plugin, points } of right) {
      const held = points.flatMap(({ step, wallTime, value }) => this.#left.asHeld(run, tag, plugin, { step, wallTime, value }) ?? []);
      comparison.addRight({ tag, plugin, points: held });
      yield 0;
    }
    if (isAgain) yield* this.#excuses(comparison, isWanted);
  }

  /** Every point of the files, with how the lanes stand to it. */
  async *#excuses(comparison: LaneComparison, isWanted: (tag: string) => boolean): AsyncGenerator<number, void, void> {
    const { run, directory } = this.#candidate;
    const [left, right] = [new StandingsOf(this.#left, run), new StandingsOf(this.#right, run)];
    const states = await wholeFiles(directory, [...left.states, ...right.states]);
    const facts = new Map(states.map((state) => [state.name, factsOf(state)]));
    const catalogue = this.#left.lane === 'local' ? this.#right.catalogue(run) : this.#left.catalogue(run);
    const files = new RunFiles(this.#candidate, states, facts, catalogue, this.#reader);
    for await (const batch of files.batches()) {
      const [there, here] = [left.of(batch), right.of(batch)];
      for (const item of filePoints(batch, files.catalogue, isWanted)) {
        const { tag, plugin, point } = item;
        const held = this.#left.asHeld(run, tag, plugin, point);
        const both = held === undefined ? undefined : this.#right.asHeld(run, tag, plugin, held);
        comparison.excuse(tag, both, { left: there.of(item), right: here.of(item) });
      }
      yield 0;
    }
    comparison.doubt = doubtOf(right.states, facts);
  }
}

/** How a lane stands to the points of a run's files. */
class StandingsOf {
  readonly states: readonly FileState[];
  readonly #source: LaneSource;
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #hasRefusals: boolean;

  constructor(source: LaneSource, run: RunRef) {
    this.#source = source;
    this.states = source.files(run);
    this.#facts = new Map(this.states.map((state) => [state.name, factsOf(state)]));
    this.#hasRefusals = source.hasRefusals(run);
  }

  of(batch: Batch): Standing {
    return new Standing(this.#source, this.#hasRefusals, batch, this.#facts.get(batch.file));
  }
}

/** Why points of a tracker that does not know their places may be of files that nobody can ask any more. */
export function doubtOf(states: readonly FileState[], facts: ReadonlyMap<string, FileFacts>): Unjudged | undefined {
  for (const { unjudged, lost } of facts.values()) {
    if (unjudged !== undefined) return unjudged;
    if (lost.length > 0) return 'unreadable';
  }
  // A former generation of a file was delivered, and trackers keep it.
  return states.some(({ generation }) => generation > 0) ? 'replaced' : undefined;
}

/** The same, with its first element there already. */
async function begun<Item>(items: AsyncIterable<Item>): Promise<AsyncIterable<Item>> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  return {
    async *[Symbol.asyncIterator]() {
      for (let item = first; item.done !== true; item = await iterator.next()) yield item.value;
    },
  };
}
