import type { SQLInputValue } from 'node:sqlite';
import { type DataClass, type FileState, type GuardJson, guardJson, guardOf, type RecordMark, type Series } from '../model/index.ts';
import type { Row, Statements } from './statements.ts';

const FILE_AND_POSITION = `
  SELECT file.run, file.name, file.generation, file.guard, file.damage, file.file_version, file.writer,
    file.stamp, file.size,
    position.generation, position.watermark, position.gaps, position.last, position.records, position.size, position.stamp
  FROM file LEFT JOIN position ON position.file = file.id AND position.lane = ?`;
/** Selects the files of the runs between two numbers (both included), each with the position of one lane in it. */
export const KNOWN_FILES = `${FILE_AND_POSITION} WHERE file.run BETWEEN ? AND ? ORDER BY file.run, file.name`;
/** Selects the same for the runs of a list. */
export const KNOWN_FILES_OF = `${FILE_AND_POSITION} WHERE file.run IN (SELECT value FROM json_each(?)) ORDER BY file.run, file.name`;
/** Selects the same for one file. */
export const KNOWN_FILE = `${FILE_AND_POSITION} WHERE file.run = ? AND file.name = ?`;

type PositionRow = readonly [watermark: number, gaps: string, last: string, records: number, size: number, stamp: string];

/** A row of these queries. Loading a state is mostly reading these; arrays take half the time of objects. */
export type KnownFileRow = readonly [
  run: number,
  name: string,
  generation: number,
  guard: string,
  damage: string,
  fileVersion: string | null,
  writer: string | null,
  fileStamp: string,
  fileSize: number,
  positionGeneration: number | null,
  ...position: PositionRow | readonly null[],
];

/** Returns the columns of a `file` row that describe the file. */
export function fileFacts(state: FileState): SQLInputValue[] {
  return [
    state.generation,
    state.position.watermark,
    guardJson(state.guard),
    JSON.stringify(state.damage),
    state.size,
    state.stamp,
    state.records,
    state.fileVersion ?? null,
    state.writer ?? null,
  ];
}

/** Returns the columns of a `position` row: the position of the lane, and the anchor for resuming. */
export function positionFacts(state: FileState): SQLInputValue[] {
  return [
    state.generation,
    state.position.watermark,
    JSON.stringify(state.position.gaps),
    JSON.stringify(state.guard.last ?? null),
    state.records,
    state.size,
    state.stamp,
  ];
}

/**
 * Returns what a lane must know of a file to continue. Size and stamp are those that the lane has seen, since they
 * mean that it was at the end. Damage beyond the lane's watermark was found by another lane, and is left out.
 */
export function knownFile(row: KnownFileRow, statements: Statements): FileState {
  const [, name, generation, guard, damages, fileVersion, writer, fileStamp, fileSize, positionGeneration] = row;
  const shared = fileVersion === null && writer === null ? undefined : head(fileVersion, writer);
  if (positionGeneration === null || positionGeneration < generation) {
    const { first } = guardOf(statements.parse<GuardJson>(guard));
    const position = { watermark: 0, gaps: [] };
    const anchor = { first, last: undefined };
    return { name, generation, position, guard: anchor, damage: [], size: 0, stamp: '', records: 0, ...shared };
  }
  const [watermark, gaps, last, records, size, stamp] = row.slice(10) as unknown as PositionRow;
  const [marks, anchor] = statements.parse<[GuardJson, RecordMark | null]>(`[${guard},${last}]`);
  const { first, trail = [] } = guardOf(marks);
  const known = trail.filter(({ offset }) => offset < watermark);
  const damage = statements.parse<FileState['damage']>(damages);
  const isSameReading = stamp === fileStamp && size === fileSize;
  return {
    name,
    generation,
    position: { watermark, gaps: statements.parse(gaps) },
    guard: { first, last: anchor ?? undefined, ...(known.length === 0 ? {} : { trail: known }) },
    damage: isSameReading ? damage : damage.filter(({ start }) => start < watermark),
    size,
    stamp,
    records,
    ...shared,
  };
}

function head(fileVersion: string | null, writer: string | null): Pick<FileState, 'fileVersion' | 'writer'> {
  return { ...(fileVersion === null ? {} : { fileVersion }), ...(writer === null ? {} : { writer }) };
}

/** Selects the data of a run besides its files. */
const RUN_FACTS = `
  SELECT run.id, root.name AS root, run.path, (SELECT count(*) FROM series WHERE series.run = run.id) AS tags,
    delivered.points, CAST(delivered.last_step AS TEXT) AS last_step, delivered.last_wall_time, delivered.has_failed
  FROM run JOIN root ON root.id = run.root LEFT JOIN delivered ON delivered.run = run.id AND delivered.lane = ?`;
/** Selects a run by root and path. */
export const ONE_RUN = `${RUN_FACTS} WHERE root.name = ? AND run.path = ?`;
/** Selects what a lane delivered of a run. */
export const DELIVERED = `
  SELECT points, CAST(last_step AS TEXT) AS last_step, last_wall_time, has_failed FROM delivered WHERE run = ? AND lane = ?`;
/** Selects runs by their ids, some at a time. */
export const NEXT_RUNS = `${RUN_FACTS} WHERE run.id > ? ORDER BY run.id LIMIT ?`;
/** Selects the runs of one root; + keeps SQLite from scanning the runs of all roots by their ids. */
export const RUNS_OF_ROOT = `${RUN_FACTS} WHERE root.name = ? ORDER BY +run.id`;

/** Returns the columns of a `series` row, without its run and number. */
export function seriesFacts(series: Series): SQLInputValue[] {
  return [
    series.tag,
    series.plugin,
    series.dataClass,
    series.metadata,
    series.displayName,
    series.description,
    series.form,
    series.firstFile,
    series.firstOffset,
  ];
}

/** Returns a series from its row. */
export function seriesOf(row: Row): Series {
  return {
    id: Number(row.number),
    tag: String(row.tag),
    plugin: String(row.plugin),
    dataClass: String(row.data_class) as DataClass,
    metadata: row.metadata as Uint8Array,
    displayName: String(row.display_name),
    description: String(row.description),
    form: String(row.form),
    firstFile: String(row.first_file),
    firstOffset: Number(row.first_offset),
  };
}

/** Returns a step from its text: node:sqlite returns no integer beyond 2^53 as a number. */
export function stepOf(text: unknown): number | bigint | null {
  if (typeof text !== 'string') return null;
  const step = Number(text);
  return Number.isSafeInteger(step) ? step : BigInt(text);
}
