/** Reads what the state file holds of the lanes, also while a process mirrors. It opens no log directory. */
import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../clock.ts';
import type { LanePause } from '../model/index.ts';
import { isFresh, type LaneSummary, type LaneVerdict, StateFile, type StateReader } from '../state/index.ts';
import { type LaneSnapshot, readSnapshot } from '../status/index.ts';

/** What the state holds of a lane. */
export interface LaneFact extends LaneSummary {
  readonly pauses: readonly LanePause[];
  /** The last document of the process that drove it. */
  readonly snapshot: LaneSnapshot | undefined;
  /** True if a process drives it now. */
  readonly isDriven: boolean;
  readonly verdict: LaneVerdict | undefined;
}

/** The last status document of `watch`. */
export interface WatchFact {
  readonly isRunning: boolean;
  readonly writtenMs: number;
  readonly document: Readonly<Record<string, unknown>>;
}

/** What the state file holds of the lanes. */
export class LaneFacts {
  readonly path: string;
  readonly #clock: Clock;

  constructor(path: string, clock: Clock = systemClock) {
    this.path = path;
    this.#clock = clock;
  }

  /** The time by the wall clock. */
  get nowMs(): number {
    return this.#clock.wallMs();
  }

  /** Returns the lanes; none if there is no state file. */
  lanes(): readonly LaneFact[] {
    return this.#read([], (state) =>
      state.lanes().map((summary) => {
        const lane = state.lane(summary.name, summary.target);
        const snapshot = readSnapshot(lane.snapshot());
        const isDriven = snapshot !== undefined && !snapshot.ended && isFresh(this.path, snapshot.written_ms, this.nowMs);
        return { ...summary, pauses: lane.pauses(), snapshot, isDriven, verdict: lane.verdict() };
      }),
    );
  }

  /** Returns the last status of `watch`; undefined if there is none. */
  watch(): WatchFact | undefined {
    return this.#read(undefined, (state) => {
      const status = state.readStatus();
      if (status === undefined) return undefined;
      const document = status.document as WatchFact['document'];
      return {
        document,
        writtenMs: status.writtenMs,
        isRunning: document['ended'] !== true && isFresh(this.path, status.writtenMs, this.nowMs),
      };
    });
  }

  #read<Result>(none: Result, read: (state: StateReader) => Result): Result {
    if (!existsSync(this.path)) return none;
    const state = StateFile.openForReading(this.path);
    try {
      return read(state);
    } finally {
      state.close();
    }
  }
}
