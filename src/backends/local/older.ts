/** Drops earlier generations of a file if the present one has all of their points. */
import type { DatabaseSync } from 'node:sqlite';
import { PreparedStatements } from './prepared.ts';
import { comparePositions, type PositionedPoint, StoredScalars, type StoredSegment, segmentOf } from './stored-scalars.ts';

/** Points that a call compares or removes before it reports that more is left: about a tenth of a second. */
const CALL_POINTS = 50_000;
/** The cost in points of a row that is not a scalar, or of a lookup for a series. */
const ROW_AS_POINTS = 8;

/** A generation of a file that is not the present one. */
interface Older {
  readonly file: number;
  readonly generation: number;
  readonly present: number;
}

const HAS_OLDER = 'SELECT 1 FROM file WHERE run = ? AND generation > 0 LIMIT 1';
const OLDER = `
  SELECT file.id AS file, segment.generation AS generation, file.generation AS present
    FROM series CROSS JOIN segment ON segment.series = series.id
    CROSS JOIN file ON file.id = segment.file AND file.generation > segment.generation WHERE series.run = ?1
  UNION
  SELECT file.id, object.generation, file.generation
    FROM series CROSS JOIN object ON object.series = series.id
    CROSS JOIN file ON file.id = object.file AND file.generation > object.generation WHERE series.run = ?1
  UNION
  SELECT file.id, mark.generation, file.generation
    FROM file CROSS JOIN mark ON mark.file = file.id AND mark.generation < file.generation WHERE file.run = ?1`;
const SERIES = 'SELECT id FROM series WHERE run = ?';
const SEGMENTS = `SELECT first_point, last_point, first_offset, last_offset, places FROM segment
  WHERE series = ? AND file = ? AND generation = ? ORDER BY first_offset`;
const OBJECTS = 'SELECT id, "offset", idx FROM object WHERE series = ? AND file = ? AND generation = ? ORDER BY "offset", idx';
const MARKS = 'SELECT "offset" FROM mark WHERE file = ? AND generation = ? ORDER BY "offset"';
const PARTS = (object: string): string => `SELECT part, sha256, format, label FROM object_blob WHERE object = ${object}`;
/** NULL means NaN, and equals itself. */
const SAME_OBJECT = `SELECT 1 FROM object AS a, object AS b WHERE a.id = ?1 AND b.id = ?2 AND a.step IS b.step
  AND a.wall_time IS b.wall_time
  AND a.odd_wall_time IS b.odd_wall_time AND a.form = b.form AND a.kind = b.kind AND a.dtype IS b.dtype
    AND a.text IS b.text AND a.data = b.data
  AND NOT EXISTS (${PARTS('?1')} EXCEPT ${PARTS('?2')}) AND NOT EXISTS (${PARTS('?2')} EXCEPT ${PARTS('?1')})`;
const SAME_MARK = `SELECT 1 FROM mark AS a, mark AS b WHERE a.file = ?1 AND b.file = ?1 AND a.generation = ?2 AND b.generation = ?3
  AND a."offset" = ?4 AND b."offset" = ?5
  AND a.kind = b.kind AND a.step IS b.step AND a.wall_time IS b.wall_time AND a.payload IS b.payload AND a.sha256 IS b.sha256`;
const REMOVE_OBJECT = [
  'DELETE FROM histogram WHERE object = ?',
  'DELETE FROM hparam WHERE object = ?',
  'DELETE FROM object_blob WHERE object = ?',
  'DELETE FROM object WHERE id = ?',
];

/** A point for comparison: a scalar with its numbers, or the row of any other value. */
type Stored = { readonly scalar: PositionedPoint } | { readonly object: number };

/**
 * Drops earlier generations. A file that is copied over itself repeatedly leaves a generation each time, with the
 * same points. A generation is dropped if each of its points and marks is among those of the present one, in the same
 * order. Views never show it. After an interruption, the removed points are still in the present generation, and the
 * rest is removed later.
 */
export class OlderGenerations {
  readonly #run: number;
  readonly #stored: StoredScalars;
  readonly #statements: PreparedStatements;
  readonly #work: Generator<number, void, void>;
  #isDone = false;

  constructor(db: DatabaseSync, run: number) {
    this.#statements = new PreparedStatements(db);
    this.#run = run;
    this.#stored = new StoredScalars(db);
    this.#work = this.#all();
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Does a bounded part of the work, inside a transaction. */
  advance(): void {
    for (let done = 0; done < CALL_POINTS && !this.#isDone; ) {
      const next = this.#work.next();
      if (next.done === true) this.#isDone = true;
      else done += next.value;
    }
  }

  /** Does the work, and yields after each piece the number of points that it was worth; no statement is open then. */
  *#all(): Generator<number, void, void> {
    if (this.#statements.prepare(HAS_OLDER).get(this.#run) === undefined) return;
    const series = this.#statements
      .prepare(SERIES)
      .all(this.#run)
      .map(({ id }) => Number(id));
    yield series.length;
    const olders = this.#statements
      .prepare(OLDER)
      .all(this.#run)
      .map((row): Older => ({ file: Number(row['file']), generation: Number(row['generation']), present: Number(row['present']) }));
    for (const older of olders) {
      if (!(yield* this.#isContained(older, series))) continue;
      for (const id of series) yield* this.#removeOf(id, older);
      yield* this.#removeMarks(older);
    }
  }

  *#isContained({ file, generation, present }: Older, series: readonly number[]): Generator<number, boolean, void> {
    const marks = (of: number): Generator<number, void, void> => this.#marks(file, of);
    const isSame = (a: number, b: number): boolean =>
      this.#statements.prepare(SAME_MARK).get(file, generation, present, a, b) !== undefined;
    if (!(yield* isAmong(marks(generation), marks(present), isSame, ROW_AS_POINTS))) return false;
    for (const id of series) {
      const stored = (of: number): Generator<Stored, void, void> => this.#inOrder(id, file, of);
      if (!(yield* isAmong(stored(generation), stored(present), (a, b) => this.#isSame(a, b), 1))) return false;
      yield ROW_AS_POINTS;
    }
    return true;
  }

  #isSame(a: Stored, b: Stored): boolean {
    if ('scalar' in a) return 'scalar' in b && isSameScalar(a.scalar, b.scalar);
    return 'object' in b && this.#statements.prepare(SAME_OBJECT).get(a.object, b.object) !== undefined;
  }

  /** Yields the scalars and other values of a series in one generation of a file, as one sequence. */
  *#inOrder(series: number, file: number, generation: number): Generator<Stored, void, void> {
    const scalars = this.#stored.inOrder(this.#segments(series, file, generation));
    const objects = this.#objects(series, file, generation);
    let scalar = scalars.next();
    for (const [object, offset, index] of objects) {
      for (; scalar.done !== true && comparePositions(scalar.value, { offset, index }) < 0; scalar = scalars.next())
        yield { scalar: scalar.value };
      yield { object };
    }
    for (; scalar.done !== true; scalar = scalars.next()) yield { scalar: scalar.value };
  }

  #segments(series: number, file: number, generation: number): StoredSegment[] {
    return this.#statements
      .prepare(SEGMENTS)
      .all(series, file, generation)
      .map((row) => segmentOf('', row));
  }

  #objects(series: number, file: number, generation: number): [id: number, offset: number, index: number][] {
    const statement = this.#statements.prepare(OBJECTS);
    statement.setReturnArrays(true);
    return statement.all(series, file, generation) as unknown as [number, number, number][];
  }

  *#marks(file: number, generation: number): Generator<number, void, void> {
    for (const row of this.#statements.prepare(MARKS).all(file, generation)) yield Number(row['offset']);
  }

  *#removeOf(series: number, { file, generation }: Older): Generator<number, void, void> {
    for (const { from, to } of this.#segments(series, file, generation)) {
      // Points go together with their segment: rows without one would stay forever.
      this.#statements.prepare('DELETE FROM odd_point WHERE id BETWEEN ? AND ?').run(from, to);
      this.#statements.prepare('DELETE FROM point WHERE id BETWEEN ? AND ?').run(from, to);
      this.#statements.prepare('DELETE FROM segment WHERE first_point = ?').run(from);
      yield to - from + 1;
    }
    for (const [id] of this.#objects(series, file, generation)) {
      for (const sql of REMOVE_OBJECT) this.#statements.prepare(sql).run(id);
      yield ROW_AS_POINTS;
    }
  }

  *#removeMarks({ file, generation }: Older): Generator<number, void, void> {
    const { changes } = this.#statements.prepare('DELETE FROM mark WHERE file = ? AND generation = ?').run(file, generation);
    yield Number(changes) * ROW_AS_POINTS;
  }
}

/**
 * True if all items of one sequence are in another one, in the same order. It yields the cost of each step in points.
 */
function* isAmong<T>(
  some: Generator<T, void, void>,
  all: Generator<T, void, void>,
  isSame: (a: T, b: T) => boolean,
  worth: number,
): Generator<number, boolean, void> {
  for (const wanted of some) {
    for (;;) {
      const next = all.next();
      if (next.done === true) return false;
      yield worth;
      if (isSame(wanted, next.value)) break;
    }
  }
  return true;
}

/** True if two scalars are equal. NaN equals NaN, but -0 does not equal 0. */
function isSameScalar(a: PositionedPoint, b: PositionedPoint): boolean {
  return Object.is(a.step, b.step) && Object.is(a.wallTime, b.wallTime) && Object.is(a.value, b.value);
}
