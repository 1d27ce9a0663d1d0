import type { Refusal, TrackerParcel } from '../contract/index.ts';
import type { ChangedFile } from '../discover/index.ts';
import type { RunRef } from '../model/index.ts';
import type { FileOutcome } from '../reading/index.ts';
import type { LaneProgress } from '../status/index.ts';

/** What brings one lane to the ends of the files: told what happened to them, it reads from its own positions. */
export interface LaneSync {
  readonly lane: string;
  /** True if directories that may appear in a moment decide about a run. If missing: never. */
  waitsForOthers?(run: RunRef): boolean;
  /** Files that are new or have changed. */
  filesChanged(run: RunRef, files: readonly ChangedFile[]): void;
  fileGone(run: RunRef, name: string): void;
  /** Bytes of a file that could not be read, or are pending, are to be tried again. */
  tryAgain(run: RunRef, name: string): void;
  /** Something of a root answers again that did not. */
  answersAgain?(root: string): void;
  /** A run did not grow for long. */
  runQuiet(run: RunRef): void;
  /** What is kept of a run may hold the same twice: it is checked when there is time. */
  tidy?(run: RunRef): void;
  /** Something of the lane was paused, or resumes. */
  pausesChanged(): void;
  /** Everything that is to be tried later is tried now. */
  retryNow(): void;
  /** About once a second. */
  tick(nowMs: number): void;
  /** Works until the signal aborts, and stores what was read first. Throws failures that do not pass. */
  run(): Promise<void>;
}

/** What a sync tells its owner. */
export interface SyncEvents {
  /** Something of a file cannot be read, or is pending. `isSoon`: a second look a little later says what it is. */
  fileTroubled(lane: string, run: RunRef, name: string, isSoon?: boolean): void;
  /** Nothing of a file is in the way any more. */
  fileValid(lane: string, run: RunRef, name: string): void;
  /** Only this lane could see that a file is another one, and reads it again: for the others it is another one, too. */
  fileReplaced?(lane: string, run: RunRef, name: string): void;
}

/** Whom a feed reports to. */
export interface SyncStatus {
  lane(name: string): LaneProgress;
  fileRead(lane: string, run: RunRef, file: string, outcome: FileOutcome, reason?: string): void;
  /** A path of a root does not answer, and does again. */
  fellSilent(fact: { readonly root: string; readonly path: string; readonly sinceMs: number }): void;
  answersAgain(fact: { readonly root: string; readonly path: string }): void;
  /** A lane had not mirrored so many bytes of a file that is gone. */
  fileGone(lane: string, run: RunRef, name: string, unreadBytes: number): void;
  parcelAccepted(lane: string, parcel: TrackerParcel, points: number, refusals: readonly Refusal[]): void;
}
