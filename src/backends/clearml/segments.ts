/**
 * Segments: files of lines that hold points exactly as they were, for all that events can't hold. A segment is named by its content, so
 * that the same points sent again fall on the same file; points that were cut into other segments meanwhile stand in both, and are one by
 * their place. An event names each, so that it is found. The value is the last field of a line: its text can be had back as it was written.
 */
import { createHash } from 'node:crypto';
import { type Json, jsonNumber, jsonText, type Mark } from '../../model/index.ts';
import { fileHash, type PointPlace } from './keys.ts';

/** The metric and variant of the events that name segments, and files that nothing else names. */
export const OWN_METRIC = ':mirrorboard:';
export const SEGMENT_VARIANT = 'points';
export const FILE_VARIANT = 'files';
export const SEGMENT_FOLDER = 'metrics/mirrorboard/points';

const BYTES_PER_SEGMENT = 2 * 1024 * 1024;

/** A file that a point needs, its path below the task's folder, and its length. */
export type NeededFile = readonly [path: string, bytes: number];

export interface SegmentLine {
  readonly offset: number;
  readonly index: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly text: string;
  /** It is about an event without a value. */
  readonly isMark: boolean;
}

export interface Segment {
  /** Below the task's folder. */
  readonly path: string;
  readonly data: Uint8Array;
  readonly lines: readonly SegmentLine[];
}

/** `file` is the one that the tracker run sees; `place.file` stands in the run the point comes from. */
export function pointLine(
  place: PointPlace,
  file: string,
  tag: string,
  plugin: string,
  step: number | bigint,
  wallTime: number,
  valueText: string,
  files: readonly NeededFile[],
): SegmentLine {
  const head: Record<string, Json> = {
    ...placeFields(place, file),
    tag,
    plugin,
    step,
    wall_time: wallTime,
    ...(files.length === 0 ? {} : { files }),
  };
  const text = `${jsonText(head).slice(0, -1)},"value":${valueText}}`;
  return { offset: place.offset, index: place.index, step, wallTime, text, isMark: false };
}

/** Marks are no points: nobody asks for them, they are kept all the same. */
export function markLine(place: PointPlace, file: string, { kind, step, wallTime, payload }: Mark): SegmentLine {
  const raw = Buffer.from(payload).toString('base64');
  const text = jsonText({ ...placeFields(place, file), mark: kind, step, wall_time: wallTime, base64: raw });
  return { offset: place.offset, index: 0, step, wallTime, text, isMark: true };
}

export function scalarText(value: number | bigint): string {
  return typeof value === 'bigint' ? `"${value}"` : jsonNumber(value);
}

function placeFields({ run, file, offset, checksum, index }: PointPlace, shownFile: string): Record<string, Json> {
  return { source: fileHash(run, file), file: shownFile, offset, checksum, index };
}

/** Lines of one file as segments of bounded length; a line alone may be longer. Lines must be in the order of the file. */
export function segmentsOf(source: string, lines: readonly SegmentLine[]): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  let bytes = 0;
  for (const [i, { text }] of lines.entries()) {
    const length = Buffer.byteLength(text) + 1;
    if (i > from && bytes + length > BYTES_PER_SEGMENT) {
      segments.push(segmentOf(source, lines.slice(from, i)));
      from = i;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < lines.length) segments.push(segmentOf(source, lines.slice(from)));
  return segments;
}

export function segmentOf(source: string, lines: readonly SegmentLine[]): Segment {
  const data = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
  const content = createHash('sha256').update(data).digest('hex').slice(0, 16);
  return { path: `${SEGMENT_FOLDER}/points_${source}_${lines[0]?.offset ?? 0}_${content}.jsonl`, data, lines };
}

/** File and first offset that a segment's name tells, and its path below the task's folder; undefined for other files. */
export function readSegmentName(path: string): { readonly source: string; readonly offset: number; readonly path: string } | undefined {
  const found = /(?:^|\/)(metrics\/mirrorboard\/points\/points_([0-9a-f]{8})_(\d+)_[0-9a-f]{16}\.jsonl)$/.exec(path);
  return found === null ? undefined : { path: found[1] as string, source: found[2] as string, offset: Number(found[3]) };
}

/** A line as it is read back. */
export interface StoredPoint {
  /** Its place, as one text. */
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
export function readLine(line: string): StoredPoint | undefined {
  const at = line.indexOf(',"value":');
  if (at < 0) return undefined;
  const head = JSON.parse(`${line.slice(0, at)}}`) as Record<string, unknown>;
  const text = line.slice(at + ',"value":'.length, -1);
  const { source, offset, checksum, index } = head;
  const plugin = String(head['plugin']);
  return {
    key: `${source} ${offset} ${checksum} ${index}`,
    file: String(head['file']),
    offset: Number(offset),
    index: Number(index),
    tag: String(head['tag']),
    plugin,
    step: typeof head['step'] === 'string' ? BigInt(head['step']) : Number(head['step']),
    wallTime: Number(head['wall_time']),
    value: plugin === 'scalars' && !text.startsWith('{') ? scalar(text) : text,
    files: (head['files'] ?? []) as readonly NeededFile[],
  };
}

function scalar(text: string): number | bigint {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'number') return value;
  return /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : Number(value);
}
