import type { SQLInputValue } from 'node:sqlite';
import {
  type FileState,
  guardJson,
  guardOf,
  type Json,
  type JsonObject,
  jsonText,
  type ObjectPoint,
  textJson,
  type Value,
} from '../../model/index.ts';
import type { SortedScalars } from './sorted-scalars.ts';

/** The largest integer that SQLite can store as an integer. */
export const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/**
 * Returns the exact text of a number that a REAL column cannot hold (-0, integers beyond 2^53); null for all other
 * numbers.
 */
export function oddText(x: number | bigint): string | null {
  if (typeof x === 'bigint') return String(x);
  return Object.is(x, -0) ? '-0.0' : null;
}

/** Reverses `oddText`. */
export function fromOddText(text: string): number | bigint {
  return text === '-0.0' ? -0 : BigInt(text);
}

/** Returns the readable text of a value, if it is a single text. */
export function textOf(value: Value): string | null {
  if (value.kind === 'malformed') return value.why;
  if (value.kind !== 'text' || value.strings[0] === undefined) return null;
  const text = textJson(value.strings[0]);
  return typeof text === 'string' ? text : null;
}

/** Returns hyperparameters by name: the value as text, as a number if it is one (NaN otherwise), and its type. */
export function hparamsOf(value: Value): [name: string, value: string | null, number: number, type: string][] {
  if (value.kind !== 'hparams') return [];
  const start = value.data['session_start_info'];
  const hparams = isObject(start) ? start['hparams'] : undefined;
  if (!isObject(hparams)) return [];
  return Object.keys(hparams).map((name) => {
    const hparam = hparams[name] as Json;
    if (hparam === null) return [name, null, NaN, 'null'];
    if (typeof hparam === 'string') return [name, hparam, NaN, 'string'];
    if (typeof hparam === 'boolean') return [name, String(hparam), Number(hparam), 'bool'];
    if (typeof hparam === 'object') return [name, jsonText(hparam), NaN, 'json'];
    return [name, String(hparam), Number(hparam), 'number'];
  });
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The summary of points in a series' row. Only `count` includes NaN. */
export interface StoredSummary {
  count: number;
  firstStep: number | bigint;
  lastStep: number | bigint;
  firstWallTime: number;
  lastWallTime: number;
  min: number;
  max: number;
  /** The last point in the file. */
  end: SeriesEnd;
  /** The most parts of a value, see `partsOf`. */
  parts: number;
}

/** The last point of a series in a file. `value`: undefined if it is not a scalar. */
export interface SeriesEnd {
  readonly offset: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly value: number | bigint | undefined;
}

/** Returns the number of parts that TensorBoard shows of a value: images and their two sizes, clips; 0 for scalars. */
export function partsOf(value: Value): number {
  switch (value.kind) {
    case 'images':
      return 2 + value.images.length;
    case 'audio':
      return value.clips.length;
    case 'graph':
      return 1;
    case 'tensor':
    case 'malformed':
      return value.tensor.strings?.length ?? 0;
    default:
      return 0;
  }
}

/** Adds a point that is not a scalar to a summary. */
export function withObject(before: StoredSummary | undefined, { offset, step, wallTime }: ObjectPoint, value: Value): StoredSummary {
  const end = { offset, step, wallTime, value: undefined };
  return {
    count: (before?.count ?? 0) + 1,
    firstStep: before === undefined || step < before.firstStep ? step : before.firstStep,
    lastStep: before === undefined || step > before.lastStep ? step : before.lastStep,
    firstWallTime: before === undefined || wallTime < before.firstWallTime ? wallTime : before.firstWallTime,
    lastWallTime: before === undefined || wallTime > before.lastWallTime ? wallTime : before.lastWallTime,
    min: before?.min ?? NaN,
    max: before?.max ?? NaN,
    end: before === undefined || offset >= before.end.offset ? end : before.end,
    parts: Math.max(before?.parts ?? 0, partsOf(value)),
  };
}

/** Summarizes the points from `from` to `to` (exclusive), all of one series. */
export function summarize(columns: SortedScalars, from: number, to: number): StoredSummary {
  const { step, wallTime, value } = columns;
  let lowStep = Infinity;
  let highStep = -Infinity;
  let early = Infinity;
  let late = -Infinity;
  let min = Infinity;
  let max = -Infinity;
  for (let i = from; i < to; i++) {
    const s = step[i] as number;
    const w = wallTime[i] as number;
    const v = value[i] as number;
    if (s < lowStep) lowStep = s;
    if (s > highStep) highStep = s;
    if (w < early) early = w;
    if (w > late) late = w;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const isUndated = early === Infinity && late === -Infinity;
  const hasNoNumber = min === Infinity && max === -Infinity;
  return {
    count: to - from,
    firstStep: exactStep(columns, lowStep, from, to),
    lastStep: exactStep(columns, highStep, from, to),
    firstWallTime: isUndated ? NaN : early,
    lastWallTime: isUndated ? NaN : late,
    min: hasNoNumber ? NaN : min,
    max: hasNoNumber ? NaN : max,
    end: endOf(columns, to - 1),
    parts: 0,
  };
}

function endOf({ offset, step, wallTime, value, wideSteps, wideValues }: SortedScalars, at: number): SeriesEnd {
  return {
    offset: offset[at] as number,
    step: wideSteps.get(at) ?? (step[at] as number),
    wallTime: wallTime[at] as number,
    value: wideValues.get(at) ?? (value[at] as number),
  };
}

/** Returns the exact step. The column has steps beyond 2^53 rounded, so those are looked up. */
function exactStep({ step: steps, wideSteps }: SortedScalars, step: number, from: number, to: number): number | bigint {
  if (Number.isSafeInteger(step)) return step;
  let best: bigint | undefined;
  for (let i = from; i < to; i++) {
    const wide = steps[i] === step ? wideSteps.get(i) : undefined;
    if (wide !== undefined && (best === undefined || (step > 0 ? wide > best : wide < best))) best = wide;
  }
  return best ?? step;
}

/** Returns the columns of a `file` row that hold its state. */
export function fileRow(state: FileState): SQLInputValue[] {
  return [
    state.generation,
    state.position.watermark,
    JSON.stringify(state.position.gaps),
    guardJson(state.guard),
    JSON.stringify(state.damage),
    state.size,
    state.stamp,
    state.records,
    state.fileVersion ?? null,
    state.writer ?? null,
    state.firstWallTime ?? null,
  ];
}

/** A row of the table `file`. */
export interface FileRow {
  readonly id: number;
  readonly name: string;
  readonly generation: number;
  readonly watermark: number;
  readonly gaps: string;
  readonly guard: string;
  readonly damage: string;
  readonly size: number;
  readonly stamp: string;
  readonly records: number;
  readonly file_version: string | null;
  readonly writer: string | null;
  readonly first_wall_time: number | null;
}

/** Returns the state of a file from its row. */
export function fileState(row: FileRow): FileState {
  return {
    name: row.name,
    generation: row.generation,
    position: { watermark: row.watermark, gaps: JSON.parse(row.gaps) },
    guard: guardOf(JSON.parse(row.guard)),
    damage: JSON.parse(row.damage),
    size: row.size,
    stamp: row.stamp,
    records: row.records,
    ...(row.file_version === null ? {} : { fileVersion: row.file_version }),
    ...(row.writer === null ? {} : { writer: row.writer }),
    ...(row.first_wall_time === null ? {} : { firstWallTime: row.first_wall_time }),
  };
}
