import { createHash } from 'node:crypto';
import { type Json, jsonNumber, jsonText } from '../model/index.ts';

/** A file that a point needs, and its length. */
export type NeededFile = readonly [path: string, bytes: number];

export interface SegmentLine {
  readonly offset: number;
  readonly index: number;
  readonly text: string;
  /** It is about an event without a value. */
  readonly isMark: boolean;
}

export interface HeadFields {
  readonly tag: string;
  readonly plugin: string;
  readonly step: number | bigint;
  readonly wallTime: number;
}

/** A line as it is read back. */
export interface StoredPoint extends HeadFields {
  /** Its place, as one text. */
  readonly key: string;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
  /** A scalar's number, or the value's text. */
  readonly value: number | bigint | string;
  readonly files: readonly NeededFile[];
}

/** How a tracker's lines name what is not the same in all of them. */
export interface LineNames {
  /** The fields that are a point's place together. */
  readonly place: readonly string[];
  /** The field of the files that a point needs. */
  readonly files: string;
}

const VALUE = ',"value":';

/** A line: the value is its last field, so that its text can be had back as it was written. `place` and `more` stand before and behind the rest. */
export function pointText(
  place: Readonly<Record<string, Json>>,
  fields: HeadFields,
  more: Readonly<Record<string, Json>>,
  valueText: string,
): string {
  const { tag, plugin, step, wallTime } = fields;
  return `${jsonText({ ...place, tag, plugin, step, wall_time: wallTime, ...more }).slice(0, -1)}${VALUE}${valueText}}`;
}

/** The point of a line; undefined for marks and for lines that are no points. */
export function readPoint(line: string, names: LineNames): StoredPoint | undefined {
  const at = line.indexOf(VALUE);
  if (at < 0) return undefined;
  const head = JSON.parse(`${line.slice(0, at)}}`) as Record<string, unknown>;
  const text = line.slice(at + VALUE.length, -1);
  const plugin = String(head['plugin']);
  const step = head['step'];
  return {
    key: names.place.map((name) => String(head[name])).join('\n'),
    file: String(head['file']),
    offset: Number(head['offset']),
    index: Number(head['index']),
    tag: String(head['tag']),
    plugin,
    step: typeof step === 'string' ? BigInt(step) : Number(step),
    wallTime: Number(head['wall_time']),
    value: plugin === 'scalars' && !text.startsWith('{') ? scalarOf(text) : text,
    files: (head[names.files] ?? []) as readonly NeededFile[],
  };
}

export function scalarText(value: number | bigint): string {
  return typeof value === 'bigint' ? `"${value}"` : jsonNumber(value);
}

function scalarOf(text: string): number | bigint {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'number') return value;
  return /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : Number(value);
}

/** Lines in pieces of bounded length; one alone may be longer. */
export function cutLines<Line extends { readonly text: string }>(lines: readonly Line[], mostBytes: number): (readonly Line[])[] {
  const pieces: (readonly Line[])[] = [];
  let from = 0;
  let bytes = 0;
  for (const [i, { text }] of lines.entries()) {
    const length = Buffer.byteLength(text) + 1;
    if (i > from && bytes + length > mostBytes) {
      pieces.push(lines.slice(from, i));
      from = i;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < lines.length) pieces.push(lines.slice(from));
  return pieces;
}

/** The bytes of a segment. */
export function linesOf(lines: readonly { readonly text: string }[]): Uint8Array {
  return Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
}

/** By which the same points, sent again, fall on the same file. */
export function contentHash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16);
}
