/** Values of the API that are no scalars: histograms, images, clips, texts, PR curves. Pure. */
import { type JsonNumber, toDouble } from './exact-number.ts';

/** Bytes that belong to a value, on this server. */
export interface MediaJson {
  readonly sha256: string;
  readonly bytes: number;
  readonly format: string;
  readonly label: string;
  readonly url: string;
}

/** A value in an answer of `/values`. */
export interface ValueJson {
  readonly step: JsonNumber;
  readonly wall_time: JsonNumber;
  readonly kind: string;
  readonly value: unknown;
  readonly media: readonly MediaJson[];
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/** Returns the steps of the values of all runs, each once, from the smallest. */
export function stepsOf(runs: Iterable<readonly ValueJson[]>): readonly number[] {
  const steps = new Set<number>();
  for (const values of runs) for (const { step } of values) steps.add(toDouble(step));
  return [...steps].sort((a, b) => a - b);
}

/** Returns the last value at or before a step; undefined if there is none. */
export function valueAt(values: readonly ValueJson[], step: number): ValueJson | undefined {
  let found: ValueJson | undefined;
  for (const value of values) {
    const at = toDouble(value.step);
    if (at <= step && (found === undefined || at >= toDouble(found.step))) found = value;
  }
  return found;
}

/** Formats that browsers open, and the types that make them do it. Not SVG: it can run scripts. */
const TYPES = new Map([
  ['png', 'image/png'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['bmp', 'image/bmp'],
  ['wav', 'audio/wav'],
]);

/** Returns the type of an image or a clip for a browser; undefined for one that it should not open. */
export function mediaType(format: string): string | undefined {
  return TYPES.get(format);
}

/** Returns the texts of a value; one that is no UTF-8 is named by its size. */
export function textsOf({ value }: ValueJson): readonly string[] {
  const strings = fieldOf(value, 'strings');
  if (!Array.isArray(strings)) return [];
  return strings.map((each: unknown) => {
    if (typeof each === 'string') return each;
    const base64 = fieldOf(each, 'base64');
    return typeof base64 === 'string' ? `(${Math.floor((base64.length * 3) / 4)} bytes that are no UTF-8)` : '(no text)';
  });
}

/** Returns the shape of a tensor of texts. */
export function shapeOf({ value }: ValueJson): readonly number[] {
  const shape = fieldOf(value, 'shape');
  return Array.isArray(shape) ? shape.map(Number) : [];
}

/** Returns a field of what may be an object. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** A precision-recall curve. */
export interface PrCurve {
  readonly recall: Float64Array;
  readonly precision: Float64Array;
  /** The thresholds, at equal distances from 0 to 1. */
  readonly threshold: Float64Array;
}

/** The rows of a PR curve in the log: true and false positives, true and false negatives, precision, recall. */
const [PRECISION, RECALL] = [4, 5];

/** Reads a PR curve; undefined if the value is none. */
export function prCurveOf({ value }: ValueJson): PrCurve | undefined {
  const rows = fieldOf(value, 'rows');
  if (!Array.isArray(rows)) return undefined;
  const [precision, recall] = [rows[PRECISION], rows[RECALL]].map((row: unknown) =>
    Array.isArray(row) ? Float64Array.from(row as JsonNumber[], toDouble) : undefined,
  );
  if (precision === undefined || recall === undefined || precision.length !== recall.length) return undefined;
  return { precision, recall, threshold: precision.map((_, i) => i / Math.max(1, precision.length - 1)) };
}
