/** What `verify --repair` does for a tracker: notes in the state what must be sent again. */
import { MirrorError } from '../errors.ts';
import { type FileState, type RunRef, runLabel } from '../model/index.ts';
import type { ArtifactState, LaneState, StateFile } from '../state/index.ts';
import type { Place } from '../untrusted/index.ts';
import { type FileFacts, type FileRepair, gapsOf, type LaneComparison, type Obstacle, type Repairs, rangesOf } from './compare/index.ts';
import { recordEnd } from './verify-files.ts';

/** More gaps than this in one file cost more than sending what lies between them. */
const MOST_GAPS = 1000;

/** Notes in the state what must be sent again. */
export class LaneMender implements Repairs {
  gaps = 0;
  missingPoints = 0;
  refused = 0;
  readonly distrusted = [];
  readonly listings = 0;
  readonly media = 0;
  beside = 0;
  readonly left: Obstacle[] = [];
  readonly #state: StateFile;
  readonly #lane: LaneState;
  readonly #canSendAgain: boolean;

  constructor(state: StateFile, lane: LaneState, canSendAgain: boolean) {
    this.#state = state;
    this.#lane = lane;
    this.#canSendAgain = canSendAgain;
  }

  mend({ run, repair, counts, unmendable }: LaneComparison, facts: ReadonlyMap<string, FileFacts>, directory: Place): void {
    for (const [name, file] of repair.files) {
      const known = facts.get(name);
      const what = `${runLabel(run)}/${name}`;
      if (known === undefined || known.unjudged !== undefined) {
        this.left.push({ what, reason: 'the file is missing or changed' });
        continue;
      }
      if (file.isDistrusted && !this.#canSendAgain) {
        this.left.push({ what, reason: 'sending it again would duplicate it: mirror into a new lane' });
        continue;
      }
      const gaps = file.isDistrusted ? wholeGaps(file, known) : gapsOf(file.stretches, (offset) => recordEnd(directory, name, offset));
      this.#lane.owe(run, name, gaps);
      this.#state.keepRetry({ run, name }, { attempts: 0, nextMs: Date.now() });
      this.gaps += gaps.length;
    }
    this.missingPoints += counts.missing + counts.changed;
    if (counts.refused > 0) for (const [name, known] of facts) this.#askAgain(run, name, known, directory);
    if (unmendable > 0) {
      this.left.push({
        what: `${runLabel(run)} in ${this.#lane.name}`,
        reason: `${unmendable} points there are not, or no longer, in the event files; mirrorboard never deletes points from a tracker`,
      });
    }
  }

  /** What was refused may be taken now: a limit was raised, a store is back. */
  #askAgain(run: RunRef, name: string, { unjudged }: FileFacts, directory: Place): void {
    const state = unjudged === undefined ? this.#lane.knownFile(run, name) : undefined;
    if (state === undefined) return;
    const { generation, position } = state;
    const refusals = this.#lane.refusals(run, name, { generation, start: 0, end: position.watermark });
    const refused = refusals.filter(({ kind }) => kind === 'refused');
    if (refused.length === 0) return;
    if (!this.#canSendAgain) {
      this.left.push({
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
    this.#lane.owe(run, name, gaps);
    this.#state.keepRetry({ run, name }, { attempts: 0, nextMs: Date.now() });
    this.gaps += gaps.length;
    this.refused += refused.length;
  }

  /**
   * A tracker run that is gone: all that was sent into it is pending, so that the next pass opens it again, or says
   * why it cannot.
   */
  mendGone(run: RunRef, files: readonly FileState[]): void {
    if (!this.#canSendAgain) return;
    for (const { name, position } of files) {
      const gaps = rangesOf(position).map((range) => ({ ...range, reason: 'repair' as const }));
      if (gaps.length === 0) continue;
      this.#lane.owe(run, name, gaps);
      this.#state.keepRetry({ run, name }, { attempts: 0, nextMs: Date.now() });
      this.gaps += gaps.length;
    }
  }

  /** What is not there any more, or not as it was, is done once more. */
  repairArtifacts(run: RunRef, again: readonly ArtifactState[]): void {
    for (const { path, rule } of again) this.#lane.forgetArtifact(run, path, rule);
    this.beside += again.length;
  }

  finish(): void {
    if (this.#state.flush()) return;
    throw this.#state.failure ?? new MirrorError('MB3101', 'the pending data could not be recorded in the state');
  }
}

/** All of a file, for the tags that miss something, but for what is pending already. */
function wholeGaps(
  { tags }: FileRepair,
  { watermark, gaps }: FileFacts,
): { start: number; end: number; reason: 'repair'; tags: string[] }[] {
  const ranges = rangesOf({ watermark, gaps: gaps.map(({ start, end, reason }) => ({ start, end, reason })) });
  return ranges.map((range) => ({ ...range, reason: 'repair', tags: [...tags] }));
}
