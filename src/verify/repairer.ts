/** `verify --repair` for any lane: records what the next pass must mirror again. */
import { type FileState, type Gap, type RunRef, runLabel, type Series } from '../model/index.ts';
import type { Directory } from '../untrusted/index.ts';
import { type FileFacts, type FileRepair, gapsOf, type Obstacle, type Repairs, type RunComparison } from './compare/index.ts';
import type { ExtraFindings } from './lane-source.ts';
import { type ReadRunFiles, recordEnd } from './verify-files.ts';

/** A run whose points were compared. */
export interface ComparedRun {
  readonly comparison: RunComparison;
  /** Some of its series differ. */
  readonly isDifferent: boolean;
  readonly facts: ReadonlyMap<string, FileFacts>;
  /** As the lane has them. */
  readonly series: readonly Series[];
  readonly directory: Directory;
  readonly files: ReadRunFiles;
}

/** Notes in the store, or in the state for a tracker, what would repair the differences that were found. */
export interface Repairer {
  /** What was noted so far. */
  readonly done: Repairs;
  /** The points of a run. */
  repairPoints(compared: ComparedRun): void;
  /** What else a lane holds of it. */
  repairExtras(compared: ComparedRun, findings: ExtraFindings): Promise<void>;
  /** A run that the lane does not have any more. */
  repairGone(run: RunRef, files: readonly FileState[]): void;
  /** Throws if what was noted could not be written. */
  finish(): void;
}

/** What a repairer did, counted while it works. */
export class RepairCounts implements Repairs {
  gaps = 0;
  missingPoints = 0;
  refused = 0;
  readonly distrusted: { readonly run: RunRef; readonly file: string }[] = [];
  listings = 0;
  media = 0;
  artifacts = 0;
  readonly left: Obstacle[] = [];
}

/** How a lane takes what must be done about one file. */
export interface FileRepairer {
  /** Ranges of bytes are pending from now on. */
  addGaps(run: RunRef, file: string, gaps: readonly Gap[]): void;
  /** All of a file must be mirrored again. */
  repairWhole(run: RunRef, file: FileRepair, facts: FileFacts): void;
}

/**
 * Goes through the files of a run that lack points, or have wrong ones; those that cannot say what is right are left.
 */
export function repairFiles({ comparison: { run, repair }, facts, directory }: ComparedRun, done: RepairCounts, lane: FileRepairer): void {
  for (const [name, file] of repair.files) {
    const known = facts.get(name);
    if (known === undefined || known.unjudged !== undefined) {
      done.left.push({ what: `${runLabel(run)}/${name}`, reason: 'the file is missing or changed' });
    } else if (file.isDistrusted) {
      lane.repairWhole(run, file, known);
    } else {
      lane.addGaps(
        run,
        name,
        gapsOf(file.stretches, (offset) => recordEnd(directory, name, offset)),
      );
    }
  }
}
