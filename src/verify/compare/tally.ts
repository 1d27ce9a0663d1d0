import type { HeldPoint } from '../../contract/index.ts';
import { kindOf } from '../../model/index.ts';
import type { Unjudged } from './file-facts.ts';
import type { Absence, LaneCounts, Losses } from './lane-counts.ts';

const STEP = 1;
const TIME = 2;
const VALUE = 4;

/** What a lane changes of a point, as bits; 0 if it holds the point exactly. */
export function lossOf(point: HeldPoint, held: HeldPoint): number {
  if (point === held) return 0;
  return (
    (point.step === held.step ? 0 : STEP) |
    (Object.is(point.wallTime, held.wallTime) ? 0 : TIME) |
    (Object.is(point.value, held.value) ? 0 : VALUE)
  );
}

/** Counts what became of the points of one run. */
export class Tally {
  readonly counts: LaneCounts = {
    points: 0,
    missing: 0,
    extra: 0,
    changed: 0,
    allowed: 0,
    refused: 0,
    unsupported: 0,
    leftOut: 0,
    notYet: 0,
  };
  readonly losses: Losses = { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 };
  readonly absent: Record<Absence, Record<string, number>> = { noPlace: {}, refused: {}, leftOut: {}, pending: {}, gone: {}, foreign: {} };
  /** Tags of series that no event file has: others wrote them into the first lane. */
  readonly foreignTags = new Set<string>();
  /** Points the lane has of files that cannot say anything about them. */
  readonly unjudged: Record<Unjudged, number> = { gone: 0, replaced: 0, stale: 0, unreadable: 0 };

  /** A point that the lane holds with a loss (`lossOf`), or, with -1, does not hold after all. */
  countLoss(loss: number, by: 1 | -1): void {
    if (loss === 0) return;
    this.counts.allowed += by;
    if ((loss & STEP) !== 0) this.losses.step += by;
    if ((loss & TIME) !== 0) this.losses.time += by;
    if ((loss & VALUE) !== 0) this.losses.value += by;
  }

  /** A point that the lane does not have. `kind` is undefined if only the lane knows the tag. */
  countAbsent(kind: string | undefined, why: Absence): void {
    const of = this.absent[why];
    const name = kind ?? kindOf('');
    of[name] = (of[name] ?? 0) + 1;
  }
}
