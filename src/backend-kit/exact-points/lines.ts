import { createHash } from 'node:crypto';
import { type Json, jsonNumber, jsonText } from '../../model/index.ts';
import { piecesOf } from '../index.ts';

/** A file that a point needs, and its length. */
export type NeededFile = readonly [path: string, bytes: number];

/** One line of a file of exact points: a point, or an event without a value. */
export interface ExactLine {
  readonly offset: number;
  readonly index: number;
  readonly text: string;
  /** True if the line is about an event without a value. */
  readonly isMark: boolean;
}

/** The fields before the value in a line. */
export interface HeadFields {
  readonly tag: string;
  readonly plugin: string;
  readonly step: number | bigint;
  readonly wallTime: number;
}

/** A point read back from a line. */
export interface StoredPoint extends HeadFields {
  /** Its position, as one text. */
  readonly key: string;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
  /** A scalar's number, or the text of another value. */
  readonly value: number | bigint | string;
  readonly files: readonly NeededFile[];
}

/** The field names that differ between trackers. */
export interface LineNames {
  /** The fields that together are a point's position. */
  readonly position: readonly string[];
  /** The field with the files that a point needs. */
  readonly files: string;
}

const VALUE = ',"value":';

/**
 * Returns the line of a point. The value is its last field, so that its text can be read back exactly as written.
 * `position` comes before the other fields, `more` after them.
 */
export function pointText(
  position: Readonly<Record<string, Json>>,
  fields: HeadFields,
  more: Readonly<Record<string, Json>>,
  valueText: string,
): string {
  const { tag, plugin, step, wallTime } = fields;
  return `${jsonText({ ...position, tag, plugin, step, wall_time: wallTime, ...more }).slice(0, -1)}${VALUE}${valueText}}`;
}

/**
 * Returns the point of a line. Returns undefined for marks and for lines that hold no point: a server may return
 * anything.
 */
export function readPoint(line: string, names: LineNames): StoredPoint | undefined {
  const at = line.indexOf(VALUE);
  if (at < 0) return undefined;
  const head = parsed(`${line.slice(0, at)}}`);
  if (typeof head !== 'object' || head === null) return undefined;
  const { file, offset, index, tag, plugin, step: stepText, wall_time: time, [names.files]: files = [] } = head as Record<string, unknown>;
  const position = names.position.map((name) => (head as Record<string, unknown>)[name]);
  const step = typeof stepText === 'string' ? wideOf(stepText) : stepText;
  const wallTime = numberOf(time);
  if (typeof file !== 'string' || typeof tag !== 'string' || typeof plugin !== 'string') return undefined;
  if (typeof offset !== 'number' || typeof index !== 'number' || wallTime === undefined || !position.every(isPlain)) return undefined;
  if ((typeof step !== 'number' && typeof step !== 'bigint') || !Array.isArray(files) || !files.every(isNeeded)) return undefined;
  const text = line.slice(at + VALUE.length, -1);
  const value = plugin === 'scalars' && !text.startsWith('{') ? scalarOf(text) : text;
  return value === undefined ? undefined : { key: position.join('\n'), file, offset, index, tag, plugin, step, wallTime, value, files };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isPlain(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function isNeeded(entry: unknown): entry is NeededFile {
  return Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
}

/** Reads a number. Wall times that JSON cannot express as numbers are texts. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^(?:NaN|-?Infinity|-0)$/.test(value) ? Number(value) : undefined;
}

function wideOf(text: string): bigint | undefined {
  return /^-?\d{1,30}$/.test(text) ? BigInt(text) : undefined;
}

/** Returns a scalar as a line holds it: JSON, with integers that no double holds as a string. */
export function scalarText(value: number | bigint): string {
  return typeof value === 'bigint' ? `"${value}"` : jsonNumber(value);
}

function scalarOf(text: string): number | bigint | undefined {
  const value = parsed(text);
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? (wideOf(value) ?? Number(value)) : undefined;
}

/** Cuts lines into pieces of bounded length. A single line that is longer is a piece of its own. */
export function cutLines<Line extends { readonly text: string }>(lines: readonly Line[], mostBytes: number): (readonly Line[])[] {
  return piecesOf(lines, ({ text }) => Buffer.byteLength(text) + 1, { bytes: mostBytes });
}

/** Returns the bytes of a file of exact points. */
export function linesOf(lines: readonly { readonly text: string }[]): Uint8Array {
  return Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
}

/** Returns a hash of the content, so that the same points, sent again, write the same file. */
export function contentHash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16);
}
