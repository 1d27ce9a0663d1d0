import type { Damage, Gap } from '../model/index.ts';
import type { FileRef } from './file-ref.ts';
import { REFUSALS_NOW } from './listing.ts';
import type { Row, Statements } from './statements.ts';

/** The content of a state, for people, in bytes and counts. */
export interface StateSummary {
  readonly instanceId: string;
  readonly createdAt: string;
  readonly schemaVersion: number;
  readonly roots: readonly { readonly name: string; readonly path: string; readonly runs: number; readonly files: number }[];
  readonly runs: number;
  readonly files: number;
  readonly series: number;
  readonly lanes: readonly LaneSummary[];
  /** The unreadable parts of the files, as they were last found. */
  readonly damage: readonly (FileRef & { readonly damage: Damage })[];
  /** The data before the watermarks that is pending for lanes. */
  readonly gaps: readonly (FileRef & { readonly lane: string; readonly target: string; readonly gap: Gap })[];
  readonly retries: readonly (FileRef & { readonly attempts: number; readonly nextMs: number })[];
  /** The time when `watch` last wrote its status; null if it never did. */
  readonly statusWrittenMs: number | null;
}

/** The content of a state for one lane. */
export interface LaneSummary {
  readonly name: string;
  readonly target: string;
  readonly ownsPositions: boolean;
  /** Files with a valid position: one in the file's present generation. */
  readonly positions: number;
  /** Files that the lane reads from their start: it never read them, or they were replaced since. */
  readonly atStart: number;
  /** Bytes from the lane's watermarks to the known ends of the files. */
  readonly bytesAhead: number;
  readonly gaps: number;
  readonly points: number;
  readonly handles: number;
  /** Tracker runs that replaced a former one, because files were replaced. */
  readonly replaced: number;
  readonly unsupported: number;
  readonly refused: number;
  /** Sends whose outcome is unknown. */
  readonly intents: number;
}

const FILE_KEY = 'root.name AS root, run.path, file.name AS file';
const FROM_FILE = 'FROM file JOIN run ON run.id = file.run JOIN root ON root.id = run.root';
const IN_ORDER = 'ORDER BY root.name, run.path, file.name';

/** Counts the content of a state. */
export function summarizeState(statements: Statements): Omit<StateSummary, 'instanceId' | 'createdAt'> {
  const count = (sql: string): number => Number(statements.get(sql)?.n);
  const status = statements.get('SELECT written_ms FROM status');
  return {
    schemaVersion: Number(statements.get('PRAGMA user_version')?.user_version),
    roots: statements
      .all(ROOTS)
      .map(({ name, path, runs, files: n }) => ({ name: String(name), path: String(path), runs: Number(runs), files: Number(n) })),
    runs: count('SELECT count(*) AS n FROM run'),
    files: count('SELECT count(*) AS n FROM file'),
    series: count('SELECT count(*) AS n FROM series'),
    lanes: laneSummaries(statements),
    damage: statements
      .all(`SELECT ${FILE_KEY}, item.value AS damage ${FROM_FILE}, json_each(file.damage) AS item ${IN_ORDER}, item.key`)
      .map((row) => ({ ...fileOf(row), damage: statements.parse(row.damage) })),
    gaps: statements
      .all(
        `SELECT ${FILE_KEY}, lane.name AS lane, lane.target, item.value AS gap ${FROM_FILE}
         JOIN position ON position.file = file.id AND position.generation = file.generation JOIN lane ON lane.id = position.lane,
         json_each(position.gaps) AS item ${IN_ORDER}, lane.id, item.key`,
      )
      .map((row) => ({ ...fileOf(row), lane: String(row.lane), target: String(row.target), gap: statements.parse(row.gap) })),
    retries: statements
      .all(
        `SELECT ${FILE_KEY}, retry.attempts, retry.next_ms ${FROM_FILE} JOIN retry ON retry.file = file.id ORDER BY retry.next_ms, file.id`,
      )
      .map((row) => ({ ...fileOf(row), attempts: Number(row.attempts), nextMs: Number(row.next_ms) })),
    statusWrittenMs: status === undefined ? null : Number(status.written_ms),
  };
}

/** Counts the content of a state for each lane. */
export function laneSummaries(statements: Statements): LaneSummary[] {
  const files = Number(statements.get('SELECT count(*) AS n FROM file')?.n);
  return statements.all(LANES).map((row) => laneSummary(row, files));
}

const ROOTS = `
  SELECT root.name, root.path, (SELECT count(*) FROM run WHERE run.root = root.id) AS runs,
    (SELECT count(*) FROM run JOIN file ON file.run = run.id WHERE run.root = root.id) AS files
  FROM root ORDER BY root.name`;

const LANES = `
  SELECT lane.name, lane.target, lane.owns_positions, count(file.id) AS positions,
    coalesce(sum(max(0, file.size - position.watermark)), 0) AS ahead,
    (SELECT coalesce(sum(size), 0) FROM file) - coalesce(sum(file.size), 0) AS unread,
    coalesce(sum(json_array_length(position.gaps)), 0) AS gaps,
    (SELECT coalesce(sum(points), 0) FROM delivered WHERE delivered.lane = lane.id) AS points,
    (SELECT count(*) FROM handle WHERE handle.lane = lane.id) AS handles,
    (SELECT count(*) FROM handle WHERE handle.lane = lane.id AND (opened ->> '$.replaced') > 0) AS replaced,
    (SELECT count(*) ${REFUSALS_NOW} AND refusal.lane = lane.id AND kind = 'unsupported') AS unsupported,
    (SELECT count(*) ${REFUSALS_NOW} AND refusal.lane = lane.id AND kind <> 'unsupported') AS refused,
    (SELECT count(*) FROM intent WHERE intent.lane = lane.id) AS intents
  FROM lane LEFT JOIN position ON position.lane = lane.id
  LEFT JOIN file ON file.id = position.file AND file.generation = position.generation
  GROUP BY lane.id ORDER BY lane.id`;

function laneSummary(row: Row, files: number): LaneSummary {
  const ownsPositions = row.owns_positions === 1;
  return {
    name: String(row.name),
    target: String(row.target),
    ownsPositions,
    positions: Number(row.positions),
    atStart: ownsPositions ? 0 : files - Number(row.positions),
    bytesAhead: ownsPositions ? 0 : Number(row.ahead) + Number(row.unread),
    gaps: Number(row.gaps),
    points: Number(row.points),
    handles: Number(row.handles),
    replaced: Number(row.replaced),
    unsupported: Number(row.unsupported),
    refused: Number(row.refused),
    intents: Number(row.intents),
  };
}

function fileOf(row: Row): FileRef {
  return { run: { root: String(row.root), path: String(row.path) }, name: String(row.file) };
}
