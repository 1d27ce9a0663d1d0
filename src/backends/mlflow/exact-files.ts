/**
 * Segments: files of lines that hold points exactly as they were, for all that metrics can't hold. A segment's name
 * comes from its content, so the same points sent again fall on the same file; points that were cut into other
 * segments meanwhile stand in both, and are one by their place. The value is the last field, so that its text can be
 * had back as it was written.
 */
import { createHash } from 'node:crypto';
import {
  contentHash,
  cutLines,
  type LineNames,
  linesOf,
  type NeededFile,
  pointText,
  readPoint,
  type SegmentLine,
  type SegmentPlace,
  type StoredPoint,
} from '../../backend-kit/exact-points/index.ts';
import { type Json, jsonText, type Mark, type RunRef } from '../../model/index.ts';
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

/** A point as a line of a file of exact points. */
export function pointLine(
  place: PointPlace,
  tag: string,
  plugin: string,
  step: number | bigint,
  wallTime: number,
  valueText: string,
  files: readonly NeededFile[],
): SegmentLine {
  const text = pointText(placeFields(place), { tag, plugin, step, wallTime }, files.length === 0 ? {} : { artifacts: files }, valueText);
  return { offset: place.offset, index: place.index, text, isMark: false };
}

/** Marks are no points: nobody asks for them, they are kept all the same. */
export function markLine(place: PointPlace, mark: Mark): SegmentLine {
  const raw = Buffer.from(mark.payload).toString('base64');
  const text = jsonText({ ...placeFields(place), mark: mark.kind, step: mark.step, wall_time: mark.wallTime, base64: raw });
  return { offset: place.offset, index: 0, text, isMark: true };
}

function placeFields({ run, file, offset, checksum, index }: PointPlace): Record<string, Json> {
  return { run: run.path, file, offset, checksum, index };
}

/** A file of exact points. */
export interface Segment {
  readonly path: string;
  readonly data: Uint8Array;
  readonly lines: readonly SegmentLine[];
}

/** Lines of one file as segments. Lines must be in the order of the file. */
export function segmentsOf(run: RunRef, file: string, lines: readonly SegmentLine[]): Segment[] {
  return cutLines(lines, BYTES_PER_REQUEST).map((piece) => segmentOf(run, file, piece));
}

/** Makes a file of exact points; its name is decided by its content, so that a repeat falls on itself. */
export function segmentOf(run: RunRef, file: string, lines: readonly SegmentLine[]): Segment {
  const data = linesOf(lines);
  const path = createHash('sha256')
    .update(JSON.stringify([run.root, run.path, file]))
    .digest('hex')
    .slice(0, 12);
  return { path: `${SEGMENT_FOLDER}/points-${path}-${lines[0]?.offset ?? 0}-${contentHash(data)}.jsonl`, data, lines };
}

/** Where files of exact points lie in a run's artifacts. */
export const SEGMENT_FOLDER = 'mirrorboard';

/** The file and the first offset a segment's name tells; undefined for other files. */
export function parseSegmentName(path: string): SegmentPlace | undefined {
  const found = /(?:^|\/)points-([0-9a-f]{12})-(\d+)-[0-9a-f]{16}\.jsonl$/.exec(path);
  return found === null ? undefined : { source: found[1] as string, offset: Number(found[2]) };
}

const NAMES: LineNames = { place: ['run', 'file', 'offset', 'checksum', 'index'], files: 'artifacts' };

/** The point of a line; undefined for marks and for lines that are no points. */
export function parseLine(line: string): StoredPoint | undefined {
  return readPoint(line, NAMES);
}
