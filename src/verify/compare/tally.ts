import type { HeldPoint } from '../../contract/index.ts';
import { kindOf } from '../../model/index.ts';
import { NONE_UNJUDGED, type Unjudged } from './file-facts.ts';
import { type Absence, type LaneCounts, type Losses, NO_LOSSES, NO_POINTS, NOTHING_ABSENT } from './lane-counts.ts';

const STEP = 1;
const TIME = 2;
const VALUE = 4;

/** Returns what a lane changes in a point, as bits; 0 if it holds the point exactly. */
export function lossOf(point: HeldPoint, held: HeldPoint): number {
  if (point === held) return 0;
  return (
    (point.step === held.step ? 0 : STEP) |
    (Object.is(point.wallTime, held.wallTime) ? 0 : TIME) |
    (Object.is(point.value, held.value) ? 0 : VALUE)
  );
}

/** Counts the outcomes of the points of one run. */
export class Tally {
  readonly counts: LaneCounts = { ...NO_POINTS };
  readonly losses: Losses = { ...NO_LOSSES };
  readonly absent: Record<Absence, Record<string, number>> = structuredClone(NOTHING_ABSENT);
  /** Tags of series that no event file has: others wrote them into the first lane. */
  readonly foreignTags = new Set<string>();
  /** Points that the lane has from files that cannot judge them. */
  readonly unjudged: Record<Unjudged, number> = { ...NONE_UNJUDGED };

  /** Counts a point that the lane holds with a loss (`lossOf`); with -1, takes the count back. */
  countLoss(loss: number, by: 1 | -1): void {
    if (loss === 0) return;
    this.counts.allowed += by;
    if ((loss & STEP) !== 0) this.losses.step += by;
    if ((loss & TIME) !== 0) this.losses.time += by;
    if ((loss & VALUE) !== 0) this.losses.value += by;
  }

  /** Counts a point that the lane does not have. `kind` is undefined if only the lane knows the tag. */
  countAbsent(kind: string | undefined, why: Absence): void {
    const of = this.absent[why];
    const name = kind ?? kindOf('');
    of[name] = (of[name] ?? 0) + 1;
  }
}
