/** `verify --repair` for any lane: records what the next pass must mirror again. */
import { type FileState, type Gap, type RunRef, runLabel, type Series } from '../model/index.ts';
import type { Directory } from '../untrusted/index.ts';
import { type FileFacts, type FileRepair, gapsOf, type Obstacle, type Repairs, type RunComparison } from './compare/index.ts';
import type { ExtraFindings } from './lane-source.ts';
import { type ReadRunFiles, recordEnd } from './verify-files.ts';

/** A run whose points were compared. */
export interface ComparedRun {
  readonly comparison: RunComparison;
  /** True if some of its series differ. */
  readonly isDifferent: boolean;
  readonly facts: ReadonlyMap<string, FileFacts>;
  /** The series as the lane has them. */
  readonly series: readonly Series[];
  readonly directory: Directory;
  readonly files: ReadRunFiles;
}

/**
 * Notes what the next pass must mirror again to repair the differences: in the store, or for a tracker in the state.
 */
export interface Repairer {
  /** The repairs noted so far. */
  readonly done: Repairs;
  /** Notes the repair of a run's points. */
  repairPoints(compared: ComparedRun): void;
  /** Notes the repair of the other things that a lane holds of the run. */
  repairExtras(compared: ComparedRun, findings: ExtraFindings): Promise<void>;
  /** Notes the repair of a run that the lane no longer has. */
  repairGone(run: RunRef, files: readonly FileState[]): void;
  /** Completes the notes. Throws if they could not be written. */
  finish(): void;
}

/** The counts of a repairer's work. */
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

/** The way in which a lane repairs one file. */
export interface FileRepairer {
  /** Marks ranges of bytes as pending. */
  addGaps(run: RunRef, file: string, gaps: readonly Gap[]): void;
  /** Notes that the whole file must be mirrored again. */
  repairWhole(run: RunRef, file: FileRepair, facts: FileFacts): void;
}

/** Repairs the files of a run that lack points or have wrong ones. Leaves those that cannot tell what is right. */
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
