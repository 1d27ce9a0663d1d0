// Compares an export in the truth format with the truth of a log directory, point by point. The rules are those of the
// corpus (test/logs): every point of the truth, in order, with the same step, wall time and value; nothing doubled or
// made up.
import { createHash } from 'node:crypto';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A step or wall time: numbers that JSON can't hold are texts. */
export type Point = readonly [step: number | string, wallTime: number | string, value: Json];

export interface SeriesText {
  readonly plugin: string;
  readonly data_class?: string;
  readonly display_name?: string;
  readonly description?: string;
  readonly points: readonly Point[];
}

export interface FileText {
  readonly name: string;
  readonly bytes: number;
  /** In the truth those before the first damage, in an export all sound ones. */
  readonly records: number;
  readonly good_bytes: number;
  readonly stop?: string;
  readonly records_after_damage?: number;
  readonly records_after_resync?: number;
}

export interface RunText {
  readonly files: readonly FileText[];
  readonly tags: Readonly<Record<string, SeriesText>>;
}

export interface TruthText {
  readonly runs: Readonly<Record<string, RunText>>;
}

export interface Comparison {
  /** Points of the truth that were compared. */
  readonly checked: number;
  /** One line each; empty when the export is right. */
  readonly differences: readonly string[];
}

/**
 * Reads an export as JSON, and makes sure that nothing in it hides: of two equal names in an object JSON keeps only
 * the last, so the lines that hold points are counted.
 */
export function parseExport(text: string): TruthText {
  const parsed = JSON.parse(text) as TruthText;
  const lines = text.split('\n').filter((line) => line.startsWith('[')).length;
  const points = Object.values(parsed.runs).reduce((sum, run) => sum + pointsOf(run), 0);
  if (lines !== points) throw new Error(`the export has ${lines} lines of points, and ${points} points under different names`);
  return parsed;
}

export function pointsOf(run: RunText): number {
  return Object.values(run.tags).reduce((sum, series) => sum + series.points.length, 0);
}

export function compareTruth(truth: TruthText, exported: TruthText): Comparison {
  const differences: string[] = [];
  let checked = 0;
  for (const name of Object.keys(exported.runs)) if (!Object.hasOwn(truth.runs, name)) differences.push(`run ${name} is made up`);
  for (const [name, want] of Object.entries(truth.runs)) {
    const got = Object.hasOwn(exported.runs, name) ? exported.runs[name] : undefined;
    if (got === undefined) {
      differences.push(`run ${name} is missing`);
      continue;
    }
    const say = (text: string): void => void differences.push(`${name}: ${text}`);
    compareFiles(want.files, got.files, say);
    // Behind damage the truth has no points, but how many records there are: so many points more are right.
    const spare = want.files.reduce((sum, file) => sum + behindDamage(file), 0);
    for (const [tag, series] of Object.entries(got.tags)) {
      if (!Object.hasOwn(want.tags, tag) && (spare === 0 || series.points.length > spare)) say(`tag ${tag} is made up`);
    }
    for (const [tag, series] of Object.entries(want.tags)) {
      checked += series.points.length;
      const found = Object.hasOwn(got.tags, tag) ? got.tags[tag] : undefined;
      if (found !== undefined) compareSeries(series, found, spare, (text) => say(`tag ${tag}: ${text}`));
      else if (series.points.length > 0) say(`tag ${tag} is missing`);
    }
  }
  return { checked, differences };
}

function behindDamage({ records_after_damage = 0, records_after_resync = 0 }: FileText): number {
  return records_after_damage + records_after_resync;
}

/** Every record is found that the truth counts, also those behind damage; of a whole file all bytes were read. */
function compareFiles(want: readonly FileText[], got: readonly FileText[], say: (text: string) => void): void {
  const names = (files: readonly FileText[]): string => files.map(({ name }) => name).join(', ');
  if (names(want) !== names(got)) say(`files: wanted ${names(want)}, got ${names(got)}`);
  for (const file of want) {
    const found = got.find(({ name }) => name === file.name);
    if (found === undefined) continue;
    const records = file.records + behindDamage(file);
    if (found.bytes !== file.bytes) say(`${file.name}: wanted ${file.bytes} bytes, got ${found.bytes}`);
    if (found.records !== records) say(`${file.name}: wanted ${records} records, got ${found.records}`);
    if (file.stop === 'eof' && found.good_bytes !== file.bytes) say(`${file.name}: read to ${found.good_bytes} of ${file.bytes} bytes`);
  }
}

function compareSeries(want: SeriesText, got: SeriesText, spare: number, say: (text: string) => void): void {
  if (got.plugin !== want.plugin) say(`wanted plugin ${want.plugin}, got ${got.plugin}`);
  for (const key of ['data_class', 'display_name', 'description'] as const) {
    if ((got[key] ?? '') !== (want[key] ?? '')) say(`wanted ${key} ${want[key]}, got ${got[key]}`);
  }
  let at = 0;
  let extra = 0;
  for (const [i, point] of want.points.entries()) {
    while (extra < spare && at < got.points.length && !samePoint(want.plugin, point, got.points[at])) {
      at++;
      extra++;
    }
    if (!samePoint(want.plugin, point, got.points[at])) {
      say(`point ${i}: wanted ${brief(point)}, got ${brief(got.points[at])}`);
      return;
    }
    at++;
  }
  extra += got.points.length - at;
  if (extra > spare) say(`${extra - spare} points more than expected`);
}

function samePoint(plugin: string, want: Point, got: Point | undefined): boolean {
  return got !== undefined && String(want[0]) === String(got[0]) && Object.is(want[1], got[1]) && sameValue(plugin, want[2], got[2]);
}

function sameValue(plugin: string, want: Json, got: Json): boolean {
  if (!isObject(want)) return sameNumber(want, got);
  // What TensorBoard's own decoder can't read only has to be there.
  if ('malformed' in want || 'unreadable' in want) return true;
  if (!isObject(got)) return false;
  switch (plugin) {
    case 'histograms':
      // TensorBoard's upgrade of an old histogram rounds to float32 and cuts: there the untouched doubles count.
      return 'proto' in want ? sameLists(want['proto'], got['proto']) : sameLists(want['buckets'], got['buckets']);
    case 'hparams':
    case 'custom_scalars':
      return equal(want, got);
    default: {
      // The number of nodes is TensorFlow's own reading of a graph.
      const { nodes: _, ...rest } = want;
      return Object.entries(rest).every(([key, value]) => key in got && equal(shortened(key, value), shortened(key, got[key])));
    }
  }
}

/** In the truth a boolean scalar is `true` where a number column has 1. */
function sameNumber(want: Json, got: Json): boolean {
  return typeof want === 'boolean' ? got === want || Object.is(got, Number(want)) : Object.is(want, got);
}

/** Lists of more than 40 buckets stand in the truth as their length. */
function sameLists(want: Json | undefined, got: Json | undefined): boolean {
  if (isObject(want) && isObject(got)) return Object.keys(want).every((key) => sameLists(want[key], got[key]));
  if (typeof want === 'number' && Array.isArray(got)) return want > 40 && got.length === want;
  return want !== undefined && got !== undefined && equal(want, got);
}

/** The truth writes out this many strings or numbers of a value, and strings up to so many bytes. */
const MOST_INLINE = 64;
const MOST_STRING_BYTES = 4096;

function shortened(key: string, value: Json | undefined): Json {
  if (key === 'strings' && Array.isArray(value)) return value.slice(0, MOST_INLINE).map(hashed);
  if (key === 'values' && Array.isArray(value)) return value.slice(0, MOST_INLINE);
  return value ?? null;
}

function hashed(text: Json): Json {
  if (isObject(text) && 'sha256' in text) return { bytes: text['bytes'] ?? null, sha256: text['sha256'] ?? null };
  if (typeof text !== 'string') return text;
  const bytes = Buffer.from(text);
  return bytes.length <= MOST_STRING_BYTES ? text : { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Deeply the same; -0 and 0 differ, the order of names does not matter. */
function equal(want: Json, got: Json): boolean {
  if (Array.isArray(want)) return Array.isArray(got) && want.length === got.length && want.every((x, i) => equal(x, got[i] as Json));
  if (isObject(want)) {
    if (!isObject(got)) return false;
    const keys = Object.keys(want);
    return (
      keys.length === Object.keys(got).length && keys.every((key) => Object.hasOwn(got, key) && equal(want[key] as Json, got[key] as Json))
    );
  }
  return Object.is(want, got);
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function brief(value: unknown): string {
  return value === undefined ? 'nothing more' : JSON.stringify(value).slice(0, 200);
}
