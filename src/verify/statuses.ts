/** Tells which points of the event files a lane should have, and why it may lack others. */
import type { Batch, FileState, RunRef } from '../model/index.ts';
import { everyAt, type LeftOut } from '../route/index.ts';
import { type FileFacts, type FilePoint, factsOf, isPendingAt, type PointStatus, type Unjudged } from './compare/index.ts';
import type { LaneSource } from './lane-source.ts';

/** The status of each point of a batch in a lane. */
export class BatchStatuses {
  readonly #source: LaneSource;
  readonly #run: RunRef;
  readonly #facts: FileFacts | undefined;
  readonly #refusals: ReadonlyMap<string, 'unsupported' | 'refused'>;
  readonly #hasGaps: boolean;

  constructor(source: LaneSource, hasRefusals: boolean, batch: Batch, facts: FileFacts | undefined) {
    const { run, file, generation } = batch;
    this.#source = source;
    this.#run = run;
    // A batch of unreadable bytes may start before its first point.
    const range = { generation, start: batch.start, end: Math.max(batch.end, batch.start + 1) };
    const found = hasRefusals ? source.refusals(run, file, range) : [];
    this.#refusals = new Map(found.map(({ offset, index, kind }) => [`${offset}/${index}`, kind]));
    this.#facts = facts;
    this.#hasGaps = facts !== undefined && facts.gaps.length > 0;
  }

  of({ tag, offset, index, file, point }: FilePoint): PointStatus {
    const facts = this.#facts;
    if (isLeft(this.#source.leftOf(this.#run, tag), file, offset, point.step)) return 'left';
    if (facts === undefined || offset >= facts.watermark) return 'pending';
    if (this.#hasGaps && isPendingAt(facts, tag, offset)) return 'pending';
    return (this.#refusals.size > 0 ? this.#refusals.get(`${offset}/${index}`) : undefined) ?? 'due';
  }
}

/** True if a lane was not meant to have a point. */
function isLeft(left: LeftOut | undefined, file: string, offset: number, step: number | bigint): boolean {
  const every = everyAt(left, file, offset);
  return every !== 1 && (every === 0 || BigInt(step) % BigInt(every) !== 0n);
}

/** The status of each point of a run's files in a lane. */
export class RunStatuses {
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

  of(batch: Batch): BatchStatuses {
    return new BatchStatuses(this.#source, this.#hasRefusals, batch, this.#facts.get(batch.file));
  }
}

/** Tells why points of a tracker without positions may come from files that no longer exist. */
export function doubtOf(states: readonly FileState[], facts: ReadonlyMap<string, FileFacts>): Unjudged | undefined {
  for (const { unjudged, lost } of facts.values()) {
    if (unjudged !== undefined) return unjudged;
    if (lost.length > 0) return 'unreadable';
  }
  // A former generation of a file was delivered, and trackers keep its points.
  return states.some(({ generation }) => generation > 0) ? 'replaced' : undefined;
}
