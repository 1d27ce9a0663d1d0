/**
 * Points that a tracker holds in another form than the file, according to its loss table. A point may count several
 * times.
 */
export interface Losses {
  step: number;
  time: number;
  value: number;
  /** The tracker has no place for the point. */
  notHeld: number;
  /** One point represents several equal ones. */
  merged: number;
}

/** The number of points for each outcome. Points that differ count for nothing else. */
export interface LaneCounts {
  points: number;
  missing: number;
  extra: number;
  changed: number;
  /** Points held with an announced loss. */
  allowed: number;
  /** Points that the tracker refused. */
  refused: number;
  /** Points not sent because the tracker has no place for them. */
  unsupported: number;
  /** Points of the files that a route keeps from the lane; not among `points`. */
  leftOut: number;
  /** Points of the first of two lanes that are not yet in the second. */
  notYet: number;
}

/**
 * The reason why a lane does not have a point. `gone`: no event file holds it, so nothing can bring it. `foreign`:
 * others wrote it, into a series that no event file has.
 */
export type Absence = 'noPlace' | 'refused' | 'leftOut' | 'pending' | 'gone' | 'foreign';

/**
 * Points that a lane does not have, by reason and by their kind (`images`). `gone` and `foreign` count as
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

/** No loss was found. */
export const NO_LOSSES: Readonly<Losses> = { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 };
