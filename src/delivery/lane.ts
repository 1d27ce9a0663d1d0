import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Outcome, Parcel, PositionOwner } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { pointCount } from '../model/index.ts';

/** The events that a lane reports: facts, in the past tense. */
interface LaneEvents {
  parcelAccepted(parcel: Parcel, points: number): void;
}

/** A parcel, and a callback for when it is settled. */
interface Waiting {
  readonly parcel: Parcel;
  readonly settled: () => void;
}

/**
 * A send ends with the parcel that brings its objects over this size: what is made of them takes several times as
 * much.
 */
const OBJECT_BYTES = 1024 * 1024;

/**
 * Drives a backend that owns its positions. Parcels go out in the order in which they came, as many at a time as the
 * backend's limits allow, one send after the other. The lane holds no more than callers offered; a caller waits for
 * `settled`.
 */
export class Lane {
  readonly name: string;
  readonly #backend: PositionOwner;
  readonly #events: LaneEvents;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: MirrorError | undefined;

  constructor(name: string, backend: PositionOwner, events: LaneEvents) {
    this.name = name;
    this.#backend = backend;
    this.#events = events;
  }

  /** The error after which the lane takes nothing more, if there is one. */
  get failure(): MirrorError | undefined {
    return this.#failure;
  }

  /** Queues a parcel. */
  offer(parcel: Parcel, settled: () => void): void {
    if (this.#failure !== undefined) {
      settled();
      return;
    }
    this.#waiting.push({ parcel, settled });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Waits until everything offered so far is settled. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Parcels that arrive in the same turn of the event loop go out together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      const outcomes = await this.#send(group.map(({ parcel }) => parcel));
      for (const [i, { parcel, settled }] of group.entries()) {
        const outcome = outcomes[i];
        if (outcome?.kind === 'accepted') this.#events.parcelAccepted(parcel, outcome.points);
        else this.#failure ??= outcome?.error ?? new MirrorError('MB9001', `lane ${this.name} gave no outcome for a parcel`);
        settled();
      }
      // A backend that never waits must not keep signals, timers and messages from other threads out.
      await nextTurn();
      if (this.#failure !== undefined) for (const { settled } of this.#waiting.splice(0)) settled();
    }
  }

  async #send(parcels: readonly Parcel[]): Promise<readonly Outcome[]> {
    try {
      return await this.#backend.send(parcels);
    } catch (cause) {
      const error = cause instanceof MirrorError ? cause : new MirrorError('MB9001', `lane ${this.name}: ${String(cause)}`, { cause });
      return parcels.map(() => ({ kind: 'fatal', error }));
    }
  }

  #nextGroup(): Waiting[] {
    const { pointsPerSend, bytesPerSend } = this.#backend.describe().limits;
    const group: Waiting[] = [];
    let points = 0;
    let bytes = 0;
    let payload = 0;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { batch } = next.parcel;
      points += pointCount(batch);
      bytes += batch.end - batch.start;
      if (group.length > 0 && (points > pointsPerSend || bytes > bytesPerSend)) break;
      group.push(next);
      this.#waiting.shift();
      for (const object of batch.objects) payload += object.payload.length;
      if (payload > OBJECT_BYTES) break;
    }
    return group;
  }
}
