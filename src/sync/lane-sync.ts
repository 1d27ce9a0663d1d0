import type { Refusal, TrackerParcel } from '../contract/index.ts';
import type { ChangedFile } from '../discover/index.ts';
import type { RunRef } from '../model/index.ts';
import type { FileOutcome } from '../reading/index.ts';
import type { LaneProgress } from '../status/index.ts';

/** Brings one lane to the ends of the files. It learns what happened to them, and reads from its own positions. */
export interface LaneSync {
  readonly lane: string;
  /** True if the lane waits for directories that may still appear and decide about a run. If missing: never. */
  waitsForOthers?(run: RunRef): boolean;
  /** Notes files that are new or have changed. */
  filesChanged(run: RunRef, files: readonly ChangedFile[]): void;
  fileGone(run: RunRef, name: string): void;
  /** Notes that bytes of a file, which could not be read or are pending, must be retried. */
  tryAgain(run: RunRef, name: string): void;
  /** Notes that something in a root answers again. */
  answersAgain?(root: string): void;
  /** Notes that a run has not grown for long. */
  runQuiet(run: RunRef): void;
  /** Notes that the stored data of a run may contain duplicates: it is checked when there is time. */
  tidy?(run: RunRef): void;
  /** Notes that a part of the lane was paused, or resumes. */
  pausesChanged(): void;
  /** Tries now everything that waits for a retry. */
  retryNow(): void;
  /** Does what is due; called about once a second. */
  tick(nowMs: number): void;
  /** Works until the signal aborts, and first stores what was read. Throws errors that do not pass. */
  run(): Promise<void>;
}

/** The events that a sync reports to its owner. */
export interface SyncEvents {
  /** Some bytes of a file cannot be read, or are pending. `isSoon`: a second check a little later decides which. */
  fileTroubled(lane: string, run: RunRef, name: string, isSoon?: boolean): void;
  /** The lane has no more trouble with what it read of the file. */
  fileValid(lane: string, run: RunRef, name: string): void;
  /** The lane could not read the file. What it stores later of earlier reads says nothing about that. */
  readFailed(lane: string, run: RunRef, name: string): void;
  /** The lane could read the file. */
  fileRead(lane: string, run: RunRef, name: string): void;
  /** The file is gone. */
  fileGone(lane: string, run: RunRef, name: string): void;
  /** Only this lane could notice that a file was replaced, and reads it again. The other lanes must do the same. */
  fileReplaced?(lane: string, run: RunRef, name: string): void;
}

/** The status to which a feed reports. */
export interface SyncStatus {
  lane(name: string): LaneProgress;
  fileRead(lane: string, run: RunRef, file: string, outcome: FileOutcome, reason?: string): void;
  /** A path in a root does not answer, or answers again. */
  fellSilent(fact: { readonly root: string; readonly path: string; readonly sinceMs: number }): void;
  answersAgain(fact: { readonly root: string; readonly path: string }): void;
  /** A file is gone, of which the lane had not mirrored this many bytes. */
  fileGone(lane: string, run: RunRef, name: string, unreadBytes: number): void;
  parcelAccepted(lane: string, parcel: TrackerParcel, points: number, refusals: readonly Refusal[]): void;
}
