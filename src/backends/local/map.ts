import type { SQLInputValue } from 'node:sqlite';
import type { FileState, ScalarColumns } from '../../model/index.ts';

const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/** A number as SQLite keeps it: NaN is NULL, integers beyond int64 are text. */
export function sqlNumber(x: number | bigint): SQLInputValue {
  return typeof x === 'bigint' && x > MAX_INT64 ? String(x) : x;
}

/** The rows of a batch in the order of their series, stable; `starts[s]` is where series s begins in `rows`. */
export function groupBySeries(columns: ScalarColumns, seriesCount: number): { rows: Uint32Array; starts: Uint32Array } {
  const { series, count } = columns;
  const starts = new Uint32Array(seriesCount + 1);
  for (let i = 0; i < count; i++) {
    const next = (series[i] as number) + 1;
    starts[next] = (starts[next] as number) + 1;
  }
  for (let s = 0; s < seriesCount; s++) starts[s + 1] = (starts[s + 1] as number) + (starts[s] as number);
  const fill = starts.slice();
  const rows = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const s = series[i] as number;
    const at = fill[s] as number;
    rows[at] = i;
    fill[s] = at + 1;
  }
  return { rows, starts };
}

/** What a series' row says of its points. NaN counts for nothing but `count`. */
export interface SeriesSummary {
  count: number;
  firstStep: number | bigint;
  lastStep: number | bigint;
  firstWallTime: number;
  lastWallTime: number;
  min: number;
  max: number;
}

/** Sums up `rows` from `from` to `to` (exclusive), all of one series. */
export function summarize(columns: ScalarColumns, rows: Uint32Array, from: number, to: number): SeriesSummary {
  const { step, wallTime, value } = columns;
  let lowStep = Infinity;
  let highStep = -Infinity;
  let early = Infinity;
  let late = -Infinity;
  let min = Infinity;
  let max = -Infinity;
  for (let i = from; i < to; i++) {
    const row = rows[i] as number;
    const s = step[row] as number;
    const w = wallTime[row] as number;
    const v = value[row] as number;
    if (s < lowStep) lowStep = s;
    if (s > highStep) highStep = s;
    if (w < early) early = w;
    if (w > late) late = w;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return {
    count: to - from,
    firstStep: exactStep(columns, lowStep),
    lastStep: exactStep(columns, highStep),
    firstWallTime: early === Infinity && late === -Infinity ? NaN : early,
    lastWallTime: early === Infinity && late === -Infinity ? NaN : late,
    min: min === Infinity && max === -Infinity ? NaN : min,
    max: min === Infinity && max === -Infinity ? NaN : max,
  };
}

/** A step that lies beyond 2^53 is looked up: the column has it rounded. */
function exactStep(columns: ScalarColumns, step: number): number | bigint {
  if (Number.isSafeInteger(step)) return step;
  let best: bigint | undefined;
  for (const wide of columns.wideSteps.values()) {
    if (Number(wide) !== step) continue;
    if (best === undefined || (step > 0 ? wide > best : wide < best)) best = wide;
  }
  return best ?? step;
}

/** The columns of a `file` row that hold its state. */
export function fileRow(state: FileState): SQLInputValue[] {
  return [
    state.generation,
    state.position.watermark,
    JSON.stringify(state.position.gaps),
    JSON.stringify([state.guard.first ?? null, state.guard.last ?? null]),
    JSON.stringify(state.damage),
    state.size,
    state.stamp,
    state.records,
    state.fileVersion ?? null,
    state.writer ?? null,
  ];
}

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
}

export function fileState(row: FileRow): FileState {
  const [first, last] = JSON.parse(row.guard);
  return {
    name: row.name,
    generation: row.generation,
    position: { watermark: row.watermark, gaps: JSON.parse(row.gaps) },
    guard: { first: first ?? undefined, last: last ?? undefined },
    damage: JSON.parse(row.damage),
    size: row.size,
    stamp: row.stamp,
    records: row.records,
    ...(row.file_version === null ? {} : { fileVersion: row.file_version }),
    ...(row.writer === null ? {} : { writer: row.writer }),
  };
}
