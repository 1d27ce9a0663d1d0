/** The scalars of a sequence, and the names of what is stored next to Aim's own columns. */
import { positionText, type ShownPosition } from './shown-position.ts';
import type { Tree } from './tree.ts';

/** A scalar of a sequence. */
export interface ScalarPoint {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly value: number | bigint;
}

/** A scalar with its position in the event files. */
export interface PositionedScalar extends ScalarPoint {
  readonly position: ShownPosition;
}

/**
 * A cell of the sequence. For a cell that was written without reading, and read later, only the range is known, not
 * the position.
 */
export interface Cell extends ScalarPoint {
  readonly position: ShownPosition | undefined;
}

/** The column of positions, by the step's hash: the source of each overwritten cell. */
export const POSITION_COLUMN = 'mb_place';
/** The position of a cell while mirrorboard replaces its columns one after the other. */
export const INCOMPLETE = 'torn';
/** The column of integers that no double holds. */
export const EXACT_COLUMN = 'mb_exact';
/** The ranges of steps, each with the bytes and the file that it came from. */
export const RANGES = 'mb_from';
/** Points whose step another point has, by their content. */
export const COLLAPSED = 'mb_also';

/** Returns the key of a point's content, exact to the bit. */
export function contentKey({ step, wallTime, value }: ScalarPoint): string {
  const bits = Buffer.allocUnsafe(16);
  // All NaNs count as equal.
  bits.writeDoubleBE(Number.isNaN(wallTime) ? Number.NaN : wallTime, 0);
  bits.writeDoubleBE(Number.isNaN(Number(value)) ? Number.NaN : Number(value), 8);
  return `${step}:${bits.toString('hex')}${typeof value === 'bigint' ? `:${value}` : ''}`;
}

/** Returns a point as it is stored under its content. */
export function collapsedTree({ step, wallTime, value, position }: PositionedScalar | Cell): Tree {
  return {
    step: BigInt(step),
    time: wallTime,
    val: Number(value),
    ...(typeof value === 'bigint' ? { exact: String(value) } : {}),
    ...(position === undefined ? {} : { place: positionText(position) }),
  };
}

/** Returns the integer that no double holds, from the text next to its point; the value itself if there is none. */
export function exactValue(text: Tree | undefined, value: number): number | bigint {
  return typeof text === 'string' && /^-?\d{1,40}$/.test(text) ? BigInt(text) : value;
}

/** Narrows a step to a number if a number can hold it. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
