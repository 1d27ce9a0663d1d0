// Compares what the official client finds in MLflow with the truth of the event files, by what docs/trackers/mlflow.md
// says of MLflow and no code of ours.
import { compareTruth, type Json, type Point, type RunText, type SeriesText, type TruthText } from './compare-truth.ts';
import type { ReadBackRun } from './mlflow-server.ts';

export interface Held {
  /** Points of the truth that were compared. */
  readonly checked: number;
  /** One line each. */
  readonly differences: readonly string[];
}

/** `truth` by run path. Every run of it has to be there once, with every point once, and no other run. */
export function compareHeld(truth: TruthText, runs: readonly ReadBackRun[]): Held {
  const differences: string[] = [];
  let checked = 0;
  const paths = runs.map(({ tags }) => tags['mirrorboard.run_path'] ?? '');
  for (const [i, path] of paths.entries()) {
    if (paths.indexOf(path) !== i) differences.push(`run ${path} is there twice`);
    if (!Object.hasOwn(truth.runs, path)) differences.push(`run ${path} is made up`);
  }
  for (const [path, want] of Object.entries(truth.runs)) {
    checked += Object.values(want.tags).reduce((sum, { points }) => sum + points.length, 0);
    const run = runs[paths.indexOf(path)];
    // A run without points has nothing to show.
    if (run !== undefined) differences.push(...compareRun(path, want, run));
    else if (Object.values(want.tags).some(({ points }) => points.length > 0)) differences.push(`run ${path} is missing`);
  }
  return { checked, differences };
}

interface Line {
  readonly run: string;
  readonly file: string;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
  readonly tag: string;
  readonly plugin: string;
  readonly step: number | string;
  readonly wall_time: number | string;
  readonly value: Json;
  readonly artifacts?: readonly (readonly [path: string, bytes: number])[];
}

function compareRun(path: string, want: RunText, run: ReadBackRun): string[] {
  const differences: string[] = [];
  const lines = linesOf(run);
  const files = new Map((run.files ?? []).map(([name, bytes, sha256]) => [name, { bytes, sha256 }]));
  for (const { tag, value, artifacts = [] } of lines) {
    const text = JSON.stringify(value);
    for (const [name, bytes] of artifacts) {
      const file = files.get(name);
      if (file?.bytes !== bytes || !text.includes(file.sha256)) differences.push(`${path}: ${tag}: ${name} is not what it was`);
    }
  }
  differences.push(...compareScalars(path, want, run, lines));
  const others = Object.entries(want.tags).filter(([, { plugin }]) => plugin !== 'scalars');
  const held = Object.fromEntries(others.map(([tag, series]) => [tag, heldSeries(series, lines, tag)]));
  for (const { tag, plugin } of lines) if (!Object.hasOwn(want.tags, tag)) differences.push(`${path}: ${plugin} ${tag} is made up`);
  const { differences: more } = compareTruth(
    { runs: { [path]: { files: [], tags: Object.fromEntries(others) } } },
    { runs: { [path]: { files: [], tags: held } } },
  );
  return [...differences, ...more];
}

/** Each point once, though it may stand in several segments, in the order of the files. */
function linesOf({ lines = [] }: ReadBackRun): Line[] {
  const points = new Map<string, Line>();
  for (const text of lines) {
    const line = JSON.parse(text) as Line & { readonly mark?: string };
    if (line.mark !== undefined) continue;
    points.set(JSON.stringify([line.run, line.file, line.offset, line.checksum, line.index]), line);
  }
  return [...points.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.offset - b.offset || a.index - b.index));
}

/** What the truth says about a series beside its points is not asked here. */
function heldSeries(want: SeriesText, lines: readonly Line[], tag: string): SeriesText {
  const own = lines.filter((line) => line.tag === tag);
  const points = own.map(({ step, wall_time, value }): Point => [step, wall_time, value]);
  return { ...want, plugin: own[0]?.plugin ?? want.plugin, points };
}

/** Metrics are the nearest number at the whole millisecond, each once; what is not that number is exact in a line. */
function compareScalars(path: string, want: RunText, run: ReadBackRun, lines: readonly Line[]): string[] {
  const differences: string[] = [];
  const byTag = new Map(Object.entries(run.metrics).map(([key, points]) => [tagOf(key, run.tags), points]));
  const exact = new Set(
    lines.filter(({ plugin }) => plugin === 'scalars').map((line) => pointText(line.tag, line.step, line.wall_time, line.value)),
  );
  for (const [tag, { plugin, points }] of Object.entries(want.tags)) {
    if (plugin !== 'scalars') continue;
    const expected = new Set<string>();
    const unread = new Set<string>();
    const held = (byTag.get(tag) ?? []).map(([step, millis, value]) => `${step} ${millis} ${numberOf(value)}`);
    for (const [step, wallTime, value] of points) {
      const millis = Math.round(Number(wallTime) * 1000);
      const isHeld = millis >= 0 && millis <= Number.MAX_SAFE_INTEGER;
      // What TensorBoard's own decoder can't read, and texts: that they are there is all that can be said.
      if (!isNumber(value)) {
        unread.add(`${step} ${millis}`);
        if (!held.some((point) => point.startsWith(`${step} ${millis} `)) && !lines.some((line) => isAt(line, tag, step)))
          differences.push(`${path}: ${tag}: step ${step} is missing`);
        continue;
      }
      const number = Number(value);
      const nearest = Number.isNaN(number) ? number : Math.min(Math.max(number, -Number.MAX_VALUE), Number.MAX_VALUE) + 0;
      expected.add(`${step} ${isHeld ? millis : millis > 0 ? Number.MAX_SAFE_INTEGER : 0} ${nearest}`);
      const isExact = isHeld && (Object.is(nearest, number) || Number.isNaN(number)) && typeof value !== 'string';
      if (!isExact && value !== 'NaN' && !exact.has(pointText(tag, step, wallTime, value)))
        differences.push(`${path}: ${tag}: step ${step} is nowhere exact`);
    }
    if (new Set(held).size !== held.length) differences.push(`${path}: ${tag}: a point is there twice`);
    const missing = [...expected].filter((point) => !held.includes(point));
    const extra = held.filter((point) => !expected.has(point) && !unread.has(point.slice(0, point.lastIndexOf(' '))));
    if (missing.length + extra.length > 0)
      differences.push(`${path}: ${tag}: missing ${missing.slice(0, 3)}; made up ${extra.slice(0, 3)}`);
  }
  for (const tag of byTag.keys()) if (want.tags[tag]?.plugin !== 'scalars') differences.push(`${path}: metric ${tag} is made up`);
  return differences;
}

/** As its tag says, or its escapes. */
function tagOf(key: string, tags: Readonly<Record<string, string>>): string {
  const said = tags[`mirrorboard.key.${key}`] ?? tags[`mirrorboard.key.${key.slice(-18)}`];
  return said ?? key.replace(/\.x([0-9a-f]*)\./g, (_, hex: string) => (hex === '' ? '' : String.fromCodePoint(Number.parseInt(hex, 16))));
}

function isAt(line: Line, tag: string, step: number | string): boolean {
  return line.tag === tag && String(line.step) === String(step);
}

function pointText(tag: string, step: number | string, wallTime: number | string, value: Json): string {
  return JSON.stringify([tag, String(step), String(wallTime), Object.is(value, -0) ? '-0' : String(value)]);
}

function isNumber(value: Json): value is number | string | boolean {
  return typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && /^(?:NaN|-?Infinity|-?\d+)$/.test(value));
}

/** As Python writes it. */
function numberOf(text: string): number {
  if (text === 'nan') return Number.NaN;
  return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}
