/**
 * Segments: files of lines that hold points exactly as they were, for all that metrics can't hold. A segment's name comes from its
 * content, so the same points sent again fall on the same file; points that were cut into other segments meanwhile stand in both,
 * and are one by their place. The value is the last field, so that its text can be had back as it was written.
 */
import { createHash } from 'node:crypto';
import { type Json, jsonNumber, jsonText, type Mark, type RunRef } from '../../model/index.ts';
import { BYTES_PER_REQUEST } from './limits.ts';

/** Where a point comes from: its identity. */
export interface PointPlace {
  readonly run: RunRef;
  readonly file: string;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
}

/** A short name of a place. */
export function placeId({ run, file, offset, checksum, index }: PointPlace): string {
  return createHash('sha256')
    .update(JSON.stringify([run.root, run.path, file, offset, checksum, index]))
    .digest('hex')
    .slice(0, 16);
}

/** A line about a point. */
export interface SegmentLine {
  readonly offset: number;
  readonly index: number;
  readonly text: string;
  /** It is about an event without a value. */
  readonly isMark: boolean;
}

/** A file that a point needs, and its length. */
export type NeededFile = readonly [path: string, bytes: number];

export function pointLine(
  place: PointPlace,
  tag: string,
  plugin: string,
  step: number | bigint,
  wallTime: number,
  valueText: string,
  files: readonly NeededFile[],
): SegmentLine {
  const head: Record<string, Json> = {
    ...placeFields(place),
    tag,
    plugin,
    step,
    wall_time: wallTime,
    ...(files.length === 0 ? {} : { artifacts: files }),
  };
  return { offset: place.offset, index: place.index, text: `${jsonText(head).slice(0, -1)},"value":${valueText}}`, isMark: false };
}

/** Marks are no points: nobody asks for them, they are kept all the same. */
export function markLine(place: PointPlace, mark: Mark): SegmentLine {
  const raw = Buffer.from(mark.payload).toString('base64');
  const text = jsonText({ ...placeFields(place), mark: mark.kind, step: mark.step, wall_time: mark.wallTime, base64: raw });
  return { offset: place.offset, index: 0, text, isMark: true };
}

export function scalarText(value: number | bigint): string {
  return typeof value === 'bigint' ? `"${value}"` : jsonNumber(value);
}

function placeFields({ run, file, offset, checksum, index }: PointPlace): Record<string, Json> {
  return { run: run.path, file, offset, checksum, index };
}

export interface Segment {
  readonly path: string;
  readonly data: Uint8Array;
  readonly lines: readonly SegmentLine[];
}

/** Lines of one file as segments of bounded length; a line alone may be longer. Lines must be in the order of the file. */
export function segmentsOf(run: RunRef, file: string, lines: readonly SegmentLine[]): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  let bytes = 0;
  for (const [i, line] of lines.entries()) {
    const length = Buffer.byteLength(line.text) + 1;
    if (i > from && bytes + length > BYTES_PER_REQUEST) {
      segments.push(segmentOf(run, file, lines.slice(from, i)));
      from = i;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < lines.length) segments.push(segmentOf(run, file, lines.slice(from)));
  return segments;
}

export function segmentOf(run: RunRef, file: string, lines: readonly SegmentLine[]): Segment {
  const data = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
  const path = createHash('sha256')
    .update(JSON.stringify([run.root, run.path, file]))
    .digest('hex')
    .slice(0, 12);
  const content = createHash('sha256').update(data).digest('hex').slice(0, 16);
  return { path: `${SEGMENT_FOLDER}/points-${path}-${lines[0]?.offset ?? 0}-${content}.jsonl`, data, lines };
}

export const SEGMENT_FOLDER = 'mirrorboard';

/** The file and the first offset a segment's name tells; undefined for other files. */
export function parseSegmentName(path: string): { readonly file: string; readonly offset: number } | undefined {
  const found = /(?:^|\/)points-([0-9a-f]{12})-(\d+)-[0-9a-f]{16}\.jsonl$/.exec(path);
  return found === null ? undefined : { file: found[1] as string, offset: Number(found[2]) };
}

/** A line as it is read back. */
export interface StoredPoint {
  /** Its place in its file, as one text. */
  readonly key: string;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
  readonly tag: string;
  readonly plugin: string;
  readonly step: number | bigint;
  readonly wallTime: number;
  /** A scalar's number, or the value's text. */
  readonly value: number | bigint | string;
  readonly files: readonly NeededFile[];
}

/** The point of a line; undefined for marks and for lines that are no points. */
export function parseLine(line: string): StoredPoint | undefined {
  const at = line.indexOf(',"value":');
  if (at < 0) return undefined;
  const head = JSON.parse(`${line.slice(0, at)}}`) as Record<string, unknown>;
  const text = line.slice(at + ',"value":'.length, -1);
  const [run, file, offset, checksum, index] = [head['run'], head['file'], head['offset'], head['checksum'], head['index']];
  const plugin = String(head['plugin']);
  return {
    key: `${run}\n${file}\n${offset}\n${checksum}\n${index}`,
    file: String(file),
    offset: Number(offset),
    index: Number(index),
    tag: String(head['tag']),
    plugin,
    step: integer(head['step']),
    wallTime: Number(head['wall_time']),
    value: plugin === 'scalars' && !text.startsWith('{') ? scalar(text) : text,
    files: (head['artifacts'] ?? []) as readonly NeededFile[],
  };
}

function integer(value: unknown): number | bigint {
  return typeof value === 'string' ? BigInt(value) : Number(value);
}

function scalar(text: string): number | bigint {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'number') return value;
  return /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : Number(value);
}
