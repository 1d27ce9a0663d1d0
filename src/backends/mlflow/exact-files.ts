/**
 * Segments: files of lines that hold points exactly as they were, for all that metrics can't hold. A segment's name
 * comes from its content, so the same points sent again fall on the same file; points that were cut into other
 * segments meanwhile stand in both, and are one by their place.
 */
import {
  cutLines,
  fileHash,
  markText,
  type NeededFile,
  type PointPlace,
  pointText,
  readPoint,
  type Segment,
  type SegmentLine,
  type SegmentPlace,
  type StoredPoint,
  segmentFrom,
} from '../../backend-kit/exact-points/index.ts';
import type { Json, Mark, RunRef } from '../../model/index.ts';
import { BYTES_PER_REQUEST } from './limits.ts';

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

/** An event without a value as a line. */
export function markLine(place: PointPlace, mark: Mark): SegmentLine {
  return { offset: place.offset, index: 0, text: markText(placeFields(place), mark), isMark: true };
}

function placeFields({ run, file, offset, checksum, index }: PointPlace): Record<string, Json> {
  return { run: run.path, file, offset, checksum, index };
}

/** Lines of one file as segments. Lines must be in the order of the file. */
export function segmentsOf(run: RunRef, file: string, lines: readonly SegmentLine[]): Segment[] {
  return cutLines(lines, BYTES_PER_REQUEST).map((piece) => segmentOf(run, file, piece));
}

/** Lines of one file as one segment. */
export function segmentOf(run: RunRef, file: string, lines: readonly SegmentLine[]): Segment {
  return segmentFrom(lines, (offset, content) => `${SEGMENT_FOLDER}/points-${fileHash(run, file, 12)}-${offset}-${content}.jsonl`);
}

/** Where files of exact points lie in a run's artifacts. */
export const SEGMENT_FOLDER = 'mirrorboard';

/** The file and the first offset a segment's name tells; undefined for other files. */
export function parseSegmentName(path: string): SegmentPlace | undefined {
  const found = /(?:^|\/)points-([0-9a-f]{12})-(\d+)-[0-9a-f]{16}\.jsonl$/.exec(path);
  return found === null ? undefined : { source: found[1] as string, offset: Number(found[2]) };
}

/** The point of a line; undefined for marks and for lines that are no points. */
export function parseLine(line: string): StoredPoint | undefined {
  return readPoint(line, { place: ['run', 'file', 'offset', 'checksum', 'index'], files: 'artifacts' });
}
