/** Takes one turn of some runs: reads a piece of each, opens their tracker runs, and delivers the pieces together. */
import type { Clock } from '../clock.ts';
import type { Handle, TrackerParcel } from '../contract/index.ts';
import { isEmpty, type TrackerLane } from '../delivery/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import type { ArtifactSync } from './artifact-sync.ts';
import type { ParamText } from './param-text.ts';
import type { RunControl } from './run-control.ts';
import type { RunOpener } from './run-opener.ts';
import type { SourcePiece, SyncedRun } from './synced-run.ts';
import type { TurnReader } from './turn-reader.ts';

/** The parts of the lane that a turn needs. */
interface TurnDeliveryOptions {
  readonly lane: string;
  readonly reader: TurnReader;
  readonly control: RunControl;
  readonly opener: RunOpener;
  readonly artifacts: ArtifactSync;
  readonly delivery: TrackerLane;
  /** Bytes that are read for one turn. */
  readonly bytesPerTurn: number;
  /** True if no program writes to the files any more. */
  readonly isSettled: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Bytes of a run that are read for one turn by default. A lane holds this much while a tracker is down. */
export const TURN_BYTES = 1024 * 1024;

/** Delivers new data of some runs to their tracker runs. */
export class TurnDelivery {
  readonly #options: TurnDeliveryOptions;

  constructor(options: TurnDeliveryOptions) {
    this.#options = options;
  }

  /** Takes one turn. Does not throw: an error stops the runs that it is about. */
  async take(runs: readonly SyncedRun[]): Promise<void> {
    const { lane, control } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      await this.#deliver(runs, promise);
    } catch (error) {
      // An unexpected error: other lanes, and other runs of this lane, continue.
      for (const run of runs) control.stop(run, asMirrorError(error, lane));
    } finally {
      resolve();
    }
  }

  /** `delivered`: resolves when everything is delivered. */
  async #deliver(runs: readonly SyncedRun[], delivered: Promise<void>): Promise<void> {
    const { clock, control, delivery, isSettled, opener, signal } = this.#options;
    const parcels: TrackerParcel[] = [];
    let left = this.#options.bytesPerTurn;
    for (const run of runs) {
      if (signal.aborted) return;
      if (!run.hasWork) {
        if (run.isQuiet && (await opener.end(run, clock.wallMs(), 0))) control.ended(run);
        continue;
      }
      const pieces = await this.#read(run, left, delivered);
      left -= pieces.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
      const texts = pieces.flatMap((piece) => piece.texts);
      const isNothing = texts.length === 0 && pieces.every(({ batch }) => isEmpty(batch));
      const handle = isNothing ? POSITION_ONLY : await control.open(run, pieces);
      if (handle !== undefined && (await this.#setTexts(run, handle, texts)))
        for (const piece of pieces) parcels.push({ ...piece, handle, target: run.target });
    }
    const deliveries = await delivery.deliver(parcels);
    for (const run of runs) {
      const done = deliveries.get(run.key);
      if (done?.kind === 'delivered') control.delivered(run);
      if (done?.kind === 'runFatal') control.stopOrRebuild(run, done.error);
      else if (done?.kind === 'delivered' && !run.hasWork && (run.isQuiet || (!isSettled && control.isOver(run))))
        await opener.end(run, clock.wallMs(), 0);
    }
  }

  async #read(run: SyncedRun, mostBytes: number, delivered: Promise<void>): Promise<SourcePiece[]> {
    const pieces: SourcePiece[] = [];
    let left = mostBytes;
    for (const source of run.sources.values()) {
      // A source for which the turn has no room left keeps its work for the next turn.
      if (left <= 0) break;
      if (!source.hasWork) continue;
      const read = await this.#options.reader.read(source, Math.max(1, Math.floor(left)), delivered);
      left -= read.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
      for (const piece of read) pieces.push(piece);
    }
    return pieces;
  }

  /**
   * Sets params from texts, before the points around them are noted as sent. Returns false if the points must wait.
   */
  async #setTexts(run: SyncedRun, handle: Handle, texts: readonly ParamText[]): Promise<boolean> {
    const { lane, artifacts, control } = this.#options;
    try {
      await artifacts.setTexts(run, handle, texts);
      return true;
    } catch (error) {
      if (!(error instanceof MirrorError && error.code === 'MB4001')) control.stopOrRebuild(run, asMirrorError(error, lane));
      return false;
    }
  }
}

function asMirrorError(cause: unknown, lane: string): MirrorError {
  return cause instanceof MirrorError ? cause : new MirrorError('MB9001', `lane ${lane}: ${messageOf(cause)}`, { cause });
}

/** A placeholder for a handle: the parcel only moves a position, and delivery settles it without the backend. */
const POSITION_ONLY = '' as Handle;
