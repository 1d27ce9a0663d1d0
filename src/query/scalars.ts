/** Reads the scalars of a series from the store into columns. */
import { exact, fromOddText, type PreparedStatements, unpackPositions, wide } from '../backends/local/index.ts';
import { systemCode } from '../errors.ts';

/** The points of a series in the order of the files: by name, then by place in the file. */
export interface ScalarPoints {
  readonly step: Float64Array;
  readonly wallTime: Float64Array;
  readonly value: Float64Array;
  /** Steps and values that no double holds, by index. */
  readonly wideSteps: ReadonlyMap<number, bigint>;
  readonly wideValues: ReadonlyMap<number, bigint>;
  /** The place of each point: the file's index in `fileNames`, offset and index in the record. */
  readonly file: Uint32Array;
  readonly offset: Float64Array;
  readonly index: Uint32Array;
  readonly fileNames: readonly string[];
}

interface Segment {
  readonly file: string;
  readonly from: number;
  readonly count: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly places: Uint8Array;
}

const SEGMENTS = `SELECT file.name AS file, segment.first_point, segment.last_point, segment.first_offset,
  segment.last_offset, segment.places
  FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation WHERE segment.series = ?
  ORDER BY file.name, segment.first_offset`;
const POINTS = 'SELECT id, step, wall_time, value FROM point WHERE id BETWEEN ? AND ? ORDER BY id';
const WIDE_POINTS = `SELECT id, ${exact('step')} AS step, wall_time, value FROM point WHERE id BETWEEN ? AND ? ORDER BY id`;
const ODD_POINTS = 'SELECT id, wall_time, value FROM odd_point WHERE id BETWEEN ? AND ?';

/** Returns the points of a series, by its row. Calls `isStopped` from time to time. */
export function readScalars(db: PreparedStatements, series: number, isStopped: () => boolean): ScalarPoints {
  const segments = segmentsOf(db, series);
  const count = segments.reduce((sum, segment) => sum + segment.count, 0);
  const fileNames = [...new Set(segments.map(({ file }) => file))];
  const columns = {
    step: new Float64Array(count),
    wallTime: new Float64Array(count),
    value: new Float64Array(count),
    wideSteps: new Map<number, bigint>(),
    wideValues: new Map<number, bigint>(),
    file: new Uint32Array(count),
    offset: new Float64Array(count),
    index: new Uint32Array(count),
    fileNames,
  };
  let at = 0;
  let isSorted = true;
  for (const [i, segment] of segments.entries()) {
    if (isStopped()) throw new Stopped();
    const before = segments[i - 1];
    if (before?.file === segment.file && segment.firstOffset < before.lastOffset) isSorted = false;
    const places = unpackPositions(segment.firstOffset, segment.places);
    const odd = new Map(
      db
        .prepare(ODD_POINTS)
        .all(segment.from, segment.from + segment.count - 1)
        .map((row) => [Number(row['id']), row]),
    );
    const fileNumber = fileNames.indexOf(segment.file);
    for (const [id, step, wallTime, value] of rowsOf(db, segment)) {
      const place = places[Number(id) - segment.from];
      const other = odd.size === 0 ? undefined : odd.get(Number(id));
      const whole = wide(step);
      columns.step[at] = Number(whole);
      if (typeof whole === 'bigint') columns.wideSteps.set(at, whole);
      columns.wallTime[at] = typeof other?.['wall_time'] === 'string' ? Number(fromOddText(other['wall_time'])) : real(wallTime);
      const exactly = typeof other?.['value'] === 'string' ? fromOddText(other['value']) : real(value);
      columns.value[at] = Number(exactly);
      if (typeof exactly === 'bigint') columns.wideValues.set(at, exactly);
      columns.file[at] = fileNumber;
      columns.offset[at] = place?.offset ?? -1;
      columns.index[at] = place?.index ?? 0;
      at++;
    }
  }
  const read = at === count ? columns : shortened(columns, at);
  return isSorted ? read : sorted(read);
}

/** Shortens the columns: a corrupt store may lack rows. */
function shortened(points: ScalarPoints, count: number): ScalarPoints {
  const { step, wallTime, value, file, offset, index } = points;
  return {
    ...points,
    step: step.subarray(0, count),
    wallTime: wallTime.subarray(0, count),
    value: value.subarray(0, count),
    file: file.subarray(0, count),
    offset: offset.subarray(0, count),
    index: index.subarray(0, count),
  };
}

/**
 * Sorts the points: a record that became readable later is in a segment of its own, between points of another one.
 */
function sorted(points: ScalarPoints): ScalarPoints {
  const { file, offset, index } = points;
  const order = Uint32Array.from(file, (_, i) => i).sort(
    (a, b) =>
      (file[a] as number) - (file[b] as number) ||
      (offset[a] as number) - (offset[b] as number) ||
      (index[a] as number) - (index[b] as number),
  );
  const moved = <T extends Float64Array | Uint32Array>(column: T): T => column.map((_, i) => column[order[i] as number] as number) as T;
  const movedKeys = (wideOnes: ReadonlyMap<number, bigint>): ReadonlyMap<number, bigint> =>
    wideOnes.size === 0
      ? wideOnes
      : new Map(
          [...order].flatMap((from, to) => {
            const found = wideOnes.get(from);
            return found === undefined ? [] : [[to, found] as const];
          }),
        );
  return {
    ...points,
    step: moved(points.step),
    wallTime: moved(points.wallTime),
    value: moved(points.value),
    wideSteps: movedKeys(points.wideSteps),
    wideValues: movedKeys(points.wideValues),
    file: moved(file),
    offset: moved(offset),
    index: moved(index),
  };
}

/** Returns the value of the last point of a series in the files; undefined for a series without scalars. */
export function lastScalar(db: PreparedStatements, series: number): number | bigint | undefined {
  const found = db
    .prepare(
      `SELECT segment.last_point FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation
       WHERE segment.series = ? ORDER BY file.name DESC, segment.last_offset DESC LIMIT 1`,
    )
    .get(series);
  if (found === undefined) return undefined;
  const id = Number(found['last_point']);
  const odd = db.prepare('SELECT value FROM odd_point WHERE id = ? AND value IS NOT NULL').get(id)?.['value'];
  if (typeof odd === 'string') return fromOddText(odd);
  return real(db.prepare('SELECT value FROM point WHERE id = ?').get(id)?.['value']);
}

/** The error when the caller does not want the answer any more. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

function segmentsOf(db: PreparedStatements, series: number): Segment[] {
  return db
    .prepare(SEGMENTS)
    .all(series)
    .map((row) => ({
      file: String(row['file']),
      from: Number(row['first_point']),
      count: Number(row['last_point']) - Number(row['first_point']) + 1,
      firstOffset: Number(row['first_offset']),
      lastOffset: Number(row['last_offset']),
      places: row['places'] as Uint8Array,
    }));
}

type Row = readonly [id: unknown, step: unknown, wallTime: unknown, value: unknown];

function rowsOf(db: PreparedStatements, { from, count }: Segment): readonly Row[] {
  const read = (sql: string): readonly Row[] => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true); // three times as fast as objects
    return statement.all(from, from + count - 1) as unknown as readonly Row[];
  };
  try {
    return read(POINTS);
  } catch (error) {
    // A step beyond 2^53.
    if (systemCode(error) !== 'ERR_OUT_OF_RANGE') throw error;
    return read(WIDE_POINTS);
  }
}

/** Converts a column to a number: NULL is NaN. */
function real(value: unknown): number {
  return value === null || value === undefined ? Number.NaN : Number(value);
}
