/** A scalar as a sequence holds it, and the names of what is stored next to Aim's own columns. */
import { type Place, placeText } from './place.ts';
import type { Tree } from './tree.ts';

/** A scalar as it is held. */
export interface ScalarPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly value: number | bigint;
}

/** A scalar with its place in the event files. */
export interface PlacedScalar extends ScalarPoint {
  readonly place: Place;
}

/** A cell of the sequence; of one written blindly and read again the range is known instead of the place. */
export interface Cell extends ScalarPoint {
  readonly place: Place | undefined;
}

/** The column of places, by the step's hash: where an overwritten cell came from. */
export const PLACE_COLUMN = 'mb_place';
/** The place of a cell while its columns are replaced one after the other. */
export const TORN = 'torn';
/** The column of integers that no double holds. */
export const EXACT_COLUMN = 'mb_exact';
/** Which range of steps came from which bytes of which file. */
export const RANGES = 'mb_from';
/** Points whose step another point has taken, by their content. */
export const BESIDE = 'mb_also';

/** What a point is, to the bit. */
export function contentKey({ step, wallTime, value }: ScalarPoint): string {
  const bits = Buffer.allocUnsafe(16);
  // One NaN is as good as another.
  bits.writeDoubleBE(Number.isNaN(wallTime) ? Number.NaN : wallTime, 0);
  bits.writeDoubleBE(Number.isNaN(Number(value)) ? Number.NaN : Number(value), 8);
  return `${step}:${bits.toString('hex')}${typeof value === 'bigint' ? `:${value}` : ''}`;
}

/** A point as it is stored under its content. */
export function besideTree({ step, wallTime, value, place }: PlacedScalar | Cell): Tree {
  return {
    step: BigInt(step),
    time: wallTime,
    val: Number(value),
    ...(typeof value === 'bigint' ? { exact: String(value) } : {}),
    ...(place === undefined ? {} : { place: placeText(place) }),
  };
}

/** An integer that no double holds, as it is stored next to its point; the value if it is none. */
export function exactValue(text: Tree | undefined, value: number): number | bigint {
  return typeof text === 'string' && /^-?\d{1,40}$/.test(text) ? BigInt(text) : value;
}

/** Steps that a number can hold are numbers. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
