/** Does the work of `verify --repair` for a tracker: notes in the state what must be sent again. */
import { MirrorError } from '../errors.ts';
import { type FileState, type Gap, type RunRef, runLabel } from '../model/index.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import type { Directory } from '../untrusted/index.ts';
import { type FileFacts, type FileRepair, rangesOf } from './compare/index.ts';
import type { ExtraFindings } from './lane-source.ts';
import { type ComparedRun, type FileRepairer, RepairCounts, type Repairer, repairFiles } from './repairer.ts';
import { recordEnd } from './verify-files.ts';

/** The largest number of gaps in one file; more of them cost more than sending the data between them. */
const MOST_GAPS = 1000;

/** A tracker's lane in the state. */
export interface StateRepair {
  readonly state: StateFile;
  readonly lane: LaneState;
  /** True if sending a point again does not create a second one. */
  readonly canSendAgain: boolean;
}

/** Notes in the state what must be sent again. */
export class StateRepairer implements Repairer, FileRepairer {
  readonly done = new RepairCounts();
  readonly #state: StateFile;
  readonly #lane: LaneState;
  readonly #canSendAgain: boolean;

  constructor({ state, lane, canSendAgain }: StateRepair) {
    this.#state = state;
    this.#lane = lane;
    this.#canSendAgain = canSendAgain;
  }

  repairPoints(compared: ComparedRun): void {
    const { comparison, facts, directory } = compared;
    const { run, surplus } = comparison;
    const { missing, changed, refused } = comparison.tally.counts;
    repairFiles(compared, this.done, this);
    this.done.missingPoints += missing + changed;
    if (refused > 0) for (const [name, known] of facts) this.#askAgain(run, name, known, directory);
    if (surplus > 0) {
      this.done.left.push({
        what: `${runLabel(run)} in ${this.#lane.name}`,
        reason: `${surplus} points there are not, or no longer, in the event files; mirrorboard never deletes points from a tracker`,
      });
    }
  }

  addGaps(run: RunRef, name: string, gaps: readonly Gap[]): void {
    this.#lane.addGaps(run, name, gaps);
    this.#state.keepRetry({ run, name }, { attempts: 0, nextMs: Date.now() });
    this.done.gaps += gaps.length;
  }

  /** Marks the whole file as pending for the tags that miss something, except what is pending already. */
  repairWhole(run: RunRef, { tags }: FileRepair, { name, watermark, gaps }: FileFacts): void {
    if (!this.#canSendAgain) {
      this.done.left.push({ what: `${runLabel(run)}/${name}`, reason: 'sending it again would duplicate it: mirror into a new lane' });
      return;
    }
    const ranges = rangesOf({ watermark, gaps: gaps.map(({ start, end, reason }) => ({ start, end, reason })) });
    this.addGaps(
      run,
      name,
      ranges.map((range) => ({ ...range, reason: 'repair', tags: [...tags] })),
    );
  }

  /** Has missing or changed params and artifacts stored again. */
  async repairExtras(_compared: ComparedRun, { again }: ExtraFindings): Promise<void> {
    if (again === undefined) return;
    for (const { path, rule } of again.artifacts) this.#lane.forgetArtifact(again.target, path, rule);
    this.done.artifacts += again.artifacts.length;
  }

  /** Marks all that was sent into the run as pending, so that the next pass opens it again, or says why it cannot. */
  repairGone(run: RunRef, files: readonly FileState[]): void {
    if (!this.#canSendAgain) return;
    for (const { name, position } of files) {
      const gaps = rangesOf(position).map((range) => ({ ...range, reason: 'repair' as const }));
      if (gaps.length > 0) this.addGaps(run, name, gaps);
    }
  }

  finish(): void {
    if (this.#state.flush()) return;
    throw this.#state.failure ?? new MirrorError('MB3101', 'the pending data could not be recorded in the state');
  }

  /**
   * Has refused points sent again: the tracker may accept them now, because a limit was raised or a store is back.
   */
  #askAgain(run: RunRef, name: string, { unjudged }: FileFacts, directory: Directory): void {
    const state = unjudged === undefined ? this.#lane.knownFile(run, name) : undefined;
    if (state === undefined) return;
    const { generation, position } = state;
    const refusals = this.#lane.refusals(run, name, { generation, start: 0, end: position.watermark });
    const refused = refusals.filter(({ kind }) => kind === 'refused');
    if (refused.length === 0) return;
    if (!this.#canSendAgain) {
      this.done.left.push({
        what: `${runLabel(run)}/${name}`,
        reason: `${refused.length} points were refused, and sending them again would duplicate others`,
      });
      return;
    }
    const offsets = [...new Set(refused.map(({ offset }) => offset))].sort((a, b) => a - b);
    const gaps =
      offsets.length > MOST_GAPS
        ? [{ start: offsets[0] ?? 0, end: position.watermark, reason: 'repair' as const }]
        : offsets.map((start) => ({ start, end: recordEnd(directory, name, start), reason: 'repair' as const }));
    this.#lane.forgetRefused(run, name, generation);
    this.addGaps(run, name, gaps);
    this.done.refused += refused.length;
  }
}
