/**
 * Writes everything that is known of some runs as a document that another state can import. These documents move runs
 * from one process to another. Described in docs/state.md.
 */
import type { LaneKey } from './row-ids.ts';
import { seriesOf, stepOf } from './rows.ts';
import type { Row, Statements } from './statements.ts';

/**
 * One unit: the runs that one process mirrors together, with everything that the state knows of them, for all lanes.
 */
export interface UnitDocument {
  readonly format: 'mirrorboard.unit';
  /** The schema version of the state that the unit comes from. */
  readonly version: number;
  readonly root: { readonly name: string; readonly path: string };
  /** The path of the directory that names the unit. */
  readonly unit: string;
  /** The lanes. `lane` in the runs is an index in this list, counted from 0. */
  readonly lanes: readonly LaneDocument[];
  readonly runs: readonly RunDocument[];
}

/** A lane's name with one target. */
export interface LaneDocument {
  readonly name: string;
  readonly target: string;
  readonly owns_positions: boolean;
}

interface OfLane {
  readonly lane: number;
}

/**
 * A run as a document. Names and meanings are those of the state's tables. Bytes are base64, large steps are digits.
 */
export interface RunDocument {
  readonly root: string;
  readonly run: string;
  readonly grown_ms: number | null;
  readonly series: readonly SeriesDocument[];
  readonly files: readonly FileDocument[];
  readonly delivered: readonly (OfLane & {
    readonly points: number;
    readonly last_step: number | string | null;
    readonly last_wall_time: number | null;
    readonly has_failed: number;
  })[];
  readonly handles: readonly (OfLane & { readonly handle: string; readonly is_ended: number; readonly opened: unknown })[];
  readonly mappings: readonly (OfLane & { readonly mapping: unknown })[];
  readonly side: readonly (OfLane & {
    readonly path: string;
    readonly rule: string;
    readonly stamp: string;
    readonly bytes: number;
    readonly hash: string;
    readonly outcome: unknown;
  })[];
  readonly journal: readonly (OfLane & {
    readonly first_line: number;
    readonly count: number;
    readonly file: string;
    readonly generation: number;
    readonly start: number;
    readonly end: number;
    readonly hash: string;
    readonly mapping: string;
  })[];
  readonly intents: readonly (OfLane & { readonly intent: string })[];
}

/** A series of a run's catalogue. */
export interface SeriesDocument {
  readonly id: number;
  readonly tag: string;
  readonly plugin: string;
  readonly dataClass: string;
  readonly metadata: string;
  readonly displayName: string;
  readonly description: string;
  readonly form: string;
  readonly firstFile: string;
  readonly firstOffset: number;
}

/** An event file, with the positions of the lanes in it. */
export interface FileDocument {
  readonly name: string;
  readonly generation: number;
  readonly read_to: number;
  readonly guard: unknown;
  readonly damage: unknown;
  readonly size: number;
  readonly stamp: string;
  readonly records: number;
  readonly file_version: string | null;
  readonly writer: string | null;
  readonly retry: { readonly attempts: number; readonly next_ms: number } | null;
  readonly positions: readonly (OfLane & {
    readonly generation: number;
    readonly watermark: number;
    readonly gaps: unknown;
    readonly last: unknown;
    readonly records: number;
    readonly size: number;
    readonly stamp: string;
  })[];
  readonly refusals: readonly (OfLane & {
    readonly generation: number;
    readonly offset: number;
    readonly idx: number;
    readonly kind: string;
    readonly reason: string;
  })[];
}

/** The indexes of lanes in a document, by their row numbers. */
export type LanePlaces = ReadonlyMap<unknown, number>;

/** Selects every run, also folded ones and their targets, in the order of roots and paths. */
export const ALL_RUN_ROWS =
  'SELECT run.id, root.name, run.path, run.grown_ms FROM run JOIN root ON root.id = run.root ORDER BY root.name, run.path';

/**
 * Yields every unit of a state, one after the other. `unitOf` names the unit of a run: runs of one unit need not be
 * adjacent. `isWanted` gets the root's name and the unit; other units are not read. Default: all.
 */
export function* unitDocuments(
  statements: Statements,
  unitOf: (root: string, run: string) => string,
  isWanted: (root: string, unit: string) => boolean = () => true,
): Generator<UnitDocument, void, void> {
  const version = Number(statements.get('PRAGMA user_version')?.user_version);
  const rows = statements.all('SELECT id, name, target, owns_positions FROM lane ORDER BY id');
  const places: LanePlaces = new Map(rows.map(({ id }, i) => [id, i]));
  const lanes = rows.map(({ name, target, owns_positions }) => ({
    name: String(name),
    target: String(target),
    owns_positions: owns_positions === 1,
  }));
  const paths = new Map(statements.all('SELECT name, path FROM root').map(({ name, path }) => [String(name), String(path)]));
  const units = Map.groupBy(statements.all(ALL_RUN_ROWS), ({ name, path }) => JSON.stringify([name, unitOf(String(name), String(path))]));
  for (const [key, runs] of units) {
    const [root, unit] = JSON.parse(key) as [string, string];
    if (!isWanted(root, unit)) continue;
    const documents = runs.map((run) => runDocument(statements, run, places));
    yield { format: 'mirrorboard.unit', version, root: { name: root, path: paths.get(root) ?? '' }, unit, lanes, runs: documents };
  }
}

/** Returns everything that is known of a run, by a row of `ALL_RUN_ROWS`. */
export function runDocument(statements: Statements, run: Row, lanes: LanePlaces): RunDocument {
  const id = Number(run.id);
  const of = (sql: string): object[] => statements.all(sql, id).map((row) => withLane(row, lanes));
  return {
    root: String(run.name),
    run: String(run.path),
    grown_ms: run.grown_ms,
    series: statements.all('SELECT * FROM series WHERE run = ? ORDER BY number', id).map((row) => {
      const { metadata, ...series } = seriesOf(row);
      return { ...series, metadata: Buffer.from(metadata).toString('base64') };
    }),
    files: statements.all('SELECT * FROM file WHERE run = ? ORDER BY name', id).map((row) => fileDocument(statements, row, lanes)),
    delivered: statements
      .all(
        `SELECT lane, points, CAST(last_step AS TEXT) AS last_step, last_wall_time, has_failed FROM delivered
         WHERE run = ? ORDER BY lane`,
        id,
      )
      .map((row) => withLane({ ...row, last_step: textStep(row.last_step) }, lanes)),
    handles: statements
      .all('SELECT lane, handle, is_ended, opened FROM handle WHERE run = ? ORDER BY lane', id)
      .map(({ opened, ...row }) => withLane({ ...row, opened: opened === null ? null : statements.parse(opened) }, lanes)),
    mappings: statements
      .all('SELECT lane, mapping FROM mapping WHERE run = ? ORDER BY lane', id)
      .map(({ mapping, ...row }) => withLane({ ...row, mapping: statements.parse(mapping) }, lanes)),
    side: statements
      .all('SELECT lane, path, rule, stamp, bytes, hash, outcome FROM side WHERE run = ? ORDER BY lane, path, rule', id)
      .map(({ outcome, ...row }) => withLane({ ...row, outcome: statements.parse(outcome) }, lanes)),
    journal: of(
      'SELECT lane, first_line, count, file, generation, start, "end", hash, mapping FROM journal WHERE run = ? ORDER BY lane, first_line',
    ),
    intents: of('SELECT lane, intent FROM intent WHERE run = ? ORDER BY lane'),
  } as RunDocument;
}

function fileDocument(statements: Statements, { id, run: _, guard, damage, ...facts }: Row, lanes: LanePlaces): object {
  const file = Number(id);
  const positions = statements.all('SELECT * FROM position WHERE file = ? ORDER BY lane', file);
  return {
    ...facts,
    guard: statements.parse(guard),
    damage: statements.parse(damage),
    retry: statements.get('SELECT attempts, next_ms FROM retry WHERE file = ?', file) ?? null,
    positions: positions.map(({ file: __, gaps, last, ...row }) => ({
      ...withLane(row, lanes),
      gaps: statements.parse(gaps),
      last: statements.parse(last),
    })),
    refusals: statements
      .all(
        'SELECT lane, generation, "offset", idx, kind, reason FROM refusal WHERE file = ? ORDER BY lane, generation, "offset", idx',
        file,
      )
      .map((row) => withLane(row, lanes)),
  };
}

function withLane(row: Row, lanes: LanePlaces): object {
  return { ...row, lane: lanes.get(row.lane) };
}

function textStep(text: unknown): number | string | null {
  const step = stepOf(text);
  return typeof step === 'bigint' ? String(step) : step;
}

/** Returns the state's key for a lane of a document. */
export function laneKeyOf({ name, target, owns_positions: ownsPositions }: LaneDocument): LaneKey {
  return { name, target, ownsPositions };
}
