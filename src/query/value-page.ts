/** Reads the last values of a series, within a limit of bytes. */
import type { PreparedStatements } from '../backends/local/index.ts';
import { MirrorError } from '../errors.ts';
import { compareNames } from '../model/index.ts';
import type { PointPosition, StoredValue, ValuePage } from './questions.ts';
import { Stopped } from './scalars.ts';
import { type PlacedValue, storedValue } from './values.ts';

/** The limits of a page. */
interface ValueLimits {
  readonly limit: number;
  readonly mostBytes: number;
  /** Only values before this one. */
  readonly before: PointPosition | undefined;
  readonly isStopped: () => boolean;
}

/**
 * Returns the last values that the limits allow, in the order of the files: at least one if there is any. `placed`: all
 * values of the series. Throws MB5004 for a value that is larger than the limit alone.
 */
export function valuePage(
  db: PreparedStatements,
  placed: readonly PlacedValue[],
  { limit, mostBytes, before, isStopped }: ValueLimits,
): ValuePage {
  const end = before === undefined ? placed.length : placed.findLastIndex((each) => isBefore(each, before)) + 1;
  const bytesOf = db.prepare('SELECT octet_length(data) AS bytes FROM object WHERE id = ?');
  const values: StoredValue[] = [];
  let bytes = 0;
  let at = end;
  while (at > 0 && values.length < limit) {
    if (isStopped()) throw new Stopped();
    const value = placed[at - 1] as PlacedValue;
    const own = Number(bytesOf.get(value.id)?.['bytes'] ?? 0);
    if (own > mostBytes && values.length === 0) {
      throw new MirrorError('MB5004', `the value at step ${value.step} has ${own} bytes, and the most are ${mostBytes}`, {
        hint: 'Use mirrorboard export to write it.',
      });
    }
    if (bytes + own > mostBytes) break;
    bytes += own;
    values.push(storedValue(db, value));
    at--;
  }
  return { total: placed.length, values: values.reverse(), next: at > 0 ? values[0]?.position : undefined };
}

function isBefore(a: PlacedValue, b: PointPosition): boolean {
  return (compareNames(a.file, b.file) || a.offset - b.offset || a.index - b.index) < 0;
}
