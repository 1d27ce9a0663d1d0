/** Columns of numbers that grow: for a hundred thousand files, they take much less memory than an object for each. */

type Column = BigInt64Array | Float64Array | Uint32Array | Uint8Array;

/** Columns grow by this factor. Twice the room would leave up to half of it unused. */
const GROWTH = 1.25;
const LEAST_ROOM = 256;

/** Returns the room for so many items and some more. */
export function roomFor(items: number): number {
  return Math.max(LEAST_ROOM, Math.ceil(items * GROWTH));
}

/** Returns a longer column that begins with the same numbers. */
export function enlarged<Some extends Column>(column: Some, length: number): Some {
  const longer = new (column.constructor as new (length: number) => Some)(length);
  longer.set(column as never);
  return longer;
}
