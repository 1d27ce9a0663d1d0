/** What a tracker holds otherwise than the file has it, as its loss table says. A point may count for several. */
export interface Losses {
  step: number;
  time: number;
  value: number;
  /** It has no place for the point. */
  notHeld: number;
  /** One point is there for several that are equal. */
  merged: number;
}

/** How often each kind of outcome came. Points that differ count for nothing else. */
export interface LaneCounts {
  points: number;
  missing: number;
  extra: number;
  changed: number;
  /** Points that are held with a loss that is announced. */
  allowed: number;
  /** Points that the tracker would not take. */
  refused: number;
  /** Points that were not sent, since the tracker has no place for them. */
  unsupported: number;
  /** Points of the files that a route keeps from the lane; not among `points`. */
  leftOut: number;
  /** Of two lanes: points of the first that are still to be brought into the second. */
  notYet: number;
}

/**
 * Why a lane does not have a point. `gone`: no event file holds it, so that nothing can bring it. `foreign`: others
 * wrote it, into a series that no event file has.
 */
export type Absence = 'noPlace' | 'refused' | 'leftOut' | 'pending' | 'gone' | 'foreign';

/**
 * Points that a lane does not have, by why and by their kind (`images`). Those of `gone` and `foreign` are
 * differences, too.
 */
export type Absences = Readonly<Record<Absence, Readonly<Record<string, number>>>>;

/** Nothing is absent. */
export const NOTHING_ABSENT: Absences = { noPlace: {}, refused: {}, leftOut: {}, pending: {}, gone: {}, foreign: {} };

/** No point was compared. */
export const NO_POINTS: Readonly<LaneCounts> = {
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

/** Nothing is held otherwise. */
export const NO_LOSSES: Readonly<Losses> = { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 };
