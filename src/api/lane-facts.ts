/** Reads what the state file holds of the lanes, also while a process mirrors. It opens no log directory. */
import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../clock.ts';
import type { Handle } from '../contract/index.ts';
import { keyOfRun, type LanePause, type RunRef } from '../model/index.ts';
import {
  isFresh,
  type LaneSummary,
  type LaneVerdict,
  type ListedInState,
  StateFile,
  type StateReader,
  type VerifyReport,
} from '../state/index.ts';
import { type LaneSnapshot, readSnapshot } from '../status/index.ts';

/** A lane of the configuration. */
export interface ConfiguredLane {
  readonly name: string;
  /** Where it leads, as the state knows it. */
  readonly target: string;
  /** Returns the page of a tracker run; undefined if it has none. */
  readonly linkOf?: ((handle: Handle) => string | undefined) | undefined;
}

/** What the state holds of a lane. */
export interface LaneFact extends LaneSummary {
  readonly pauses: readonly LanePause[];
  /** The last document of the process that drove it. */
  readonly snapshot: LaneSnapshot | undefined;
  /** True if a process drives it now. */
  readonly isDriven: boolean;
  readonly verdict: LaneVerdict | undefined;
}

/** What the state holds of a run in a lane. */
export interface LaneRunFact {
  readonly lane: ConfiguredLane;
  /** Undefined if the lane has nothing of the run, or reads its positions elsewhere: the local store. */
  readonly listed: ListedInState | undefined;
  /** The page of the tracker run. */
  readonly url: string | undefined;
  /** True if the tracker accepts no more data of the run. */
  readonly isStopped: boolean;
  readonly verdict: LaneVerdict | undefined;
  /** The differences that `verify` found in it. */
  readonly differences: number;
}

/** What `verify` found in a lane. */
export interface VerifiedFact {
  readonly name: string;
  readonly target: string;
  readonly verdict: LaneVerdict;
  readonly report: VerifyReport | undefined;
}

/** The last status document of `watch`. */
export interface WatchFact {
  readonly isRunning: boolean;
  readonly writtenMs: number;
  readonly document: Readonly<Record<string, unknown>>;
}

/** The sources of the facts. */
export interface LaneFactOptions {
  readonly statePath: string;
  /** Returns the configured lanes, the local store among them. Default, and if undefined: those in the state. */
  readonly configured?: (() => Promise<readonly ConfiguredLane[] | undefined>) | undefined;
  readonly clock?: Clock | undefined;
}

/** What the state file holds of the lanes. */
export class LaneFacts {
  readonly path: string;
  readonly clock: Clock;
  readonly #configured: LaneFactOptions['configured'];

  constructor({ statePath, configured, clock = systemClock }: LaneFactOptions) {
    this.path = statePath;
    this.clock = clock;
    this.#configured = configured;
  }

  /** The time by the wall clock. */
  get nowMs(): number {
    return this.clock.wallMs();
  }

  /** Returns the configured lanes. */
  async configured(): Promise<readonly ConfiguredLane[]> {
    return (await this.#configured?.()) ?? this.lanes();
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

  /** Returns the configured lanes of each run, in the order of the runs. */
  async ofRuns(runs: readonly RunRef[]): Promise<readonly (readonly LaneRunFact[])[]> {
    const configured = await this.configured();
    const unknown = (lane: ConfiguredLane): LaneRunFact => ({
      lane,
      listed: undefined,
      url: undefined,
      isStopped: false,
      verdict: undefined,
      differences: 0,
    });
    return this.#read(
      runs.map(() => configured.map(unknown)),
      (state) => {
        const lanes = configured.map((lane) => {
          const reader = state.lane(lane.name, lane.target);
          const verdict = reader.verdict();
          const report = verdict !== undefined && verdict.differences > 0 ? reader.report() : undefined;
          const different = new Map(report?.runs.map(({ root, run, differences }) => [keyOfRun({ root, path: run }), differences]));
          return { lane, reader, stopped: stoppedRuns(readSnapshot(reader.snapshot())), verdict, different };
        });
        return runs.map((run) =>
          lanes.map(({ lane, reader, stopped, verdict, different }) => {
            const handle = lane.linkOf === undefined ? undefined : reader.handle(run);
            return {
              lane,
              listed: state.listedRun(lane.name, lane.target, run),
              url: handle === undefined ? undefined : linkOf(lane, handle),
              isStopped: stopped.has(keyOfRun(run)),
              verdict,
              differences: different.get(keyOfRun(run)) ?? 0,
            };
          }),
        );
      },
    );
  }

  /** Returns what `verify` found in each lane that it compared. */
  verified(): readonly VerifiedFact[] {
    return this.#read([], (state) =>
      state.lanes().flatMap(({ name, target }) => {
        const lane = state.lane(name, target);
        const verdict = lane.verdict();
        return verdict === undefined ? [] : [{ name, target, verdict, report: lane.report() }];
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

function stoppedRuns(snapshot: LaneSnapshot | undefined): ReadonlySet<string> {
  const stopped = snapshot?.lane['stopped_runs'];
  if (!Array.isArray(stopped)) return new Set();
  return new Set(
    stopped.map((each: Readonly<Record<string, unknown>>) => keyOfRun({ root: String(each['root']), path: String(each['run']) })),
  );
}

/** Returns the page of a tracker run, if there is one: only http addresses may become links. */
function linkOf({ linkOf: find }: ConfiguredLane, handle: Handle): string | undefined {
  try {
    const url = find?.(handle);
    return url !== undefined && /^https?:\/\//i.test(url) ? url : undefined;
  } catch {
    // A list must not fail because of one handle. Opening the run reports the reason.
    return undefined;
  }
}
